# The search with limits of multiply-accumulates, parameters and the time in ONNX Runtime, ms by a
# table that posenas latency build and fit write: less than RTMPose-t takes at 256x192.
_base_ = ['./edge_search_people_160x128.py']
_latency = dict(type='LatencyCost', table='work_dirs/edge_onnxruntime.json', name='onnxruntime')
_counter = dict(type='EdgeCounter')
train_cfg = dict(
    budget=dict(
        costs=[
            _latency,
            dict(type='MacsCost', counter=_counter),
            dict(type='ParamsCost', counter=_counter),
        ],
        limits=dict(onnxruntime=10.0),
    )
)
