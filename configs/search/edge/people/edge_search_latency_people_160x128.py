# The search with limits of the time in two engines, ms by tables that posenas latency build and fit
# write: no more than RTMPose-t takes at 256x192 on the machine that docs/benchmarks.md names.
_base_ = ['./edge_search_people_160x128.py']
_counter = dict(type='EdgeCounter')
_latency = dict(type='LatencyCost')
train_cfg = dict(
    budget=dict(
        costs=[
            dict(_latency, table='work_dirs/edge_openvino.json', name='openvino'),
            dict(_latency, table='work_dirs/edge_onnxruntime.json', name='onnxruntime'),
            dict(type='MacsCost', counter=_counter),
            dict(type='ParamsCost', counter=_counter),
        ],
        limits=dict(_delete_=True, params=1.3e6, openvino=9.7, onnxruntime=10.0),
    )
)
