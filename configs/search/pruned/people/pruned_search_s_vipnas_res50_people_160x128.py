# Search among the networks that half an S-ViPNAS-Res50 can be pruned to, within the time in ONNX Runtime,
# ms by a table that posenas latency build and fit write.
_base_ = ['./pruned_supernet_s_vipnas_res50_people_160x128.py']
load_from = 'work_dirs/pruned_supernet_s_vipnas_res50_people_160x128/epoch_1.pth'
model = dict(checkpoint=None)
_counter = dict(type='PrunedModelCounter', model=_base_.model)
_latency = dict(type='LatencyCost', table='work_dirs/pruned_onnxruntime.json', name='onnxruntime')
train_cfg = dict(
    _delete_=True,
    type='SearchLoop',
    algorithm=dict(
        type='EvolutionSearch', objectives=dict(PCK='greater'), num_random=32, num_parents=16
    ),
    evaluator=dict(type='SupernetEvaluator'),
    wave=16,
    num_waves=4,
    num_calibration=256,
    budget=dict(
        costs=[
            _latency,
            dict(type='MacsCost', counter=_counter),
            dict(type='ParamsCost', counter=_counter),
        ],
        limits=dict(onnxruntime=4.0),
        input_size=_base_.codec['input_size'],
        num_keypoints=17,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
