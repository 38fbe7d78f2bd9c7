# S-ViPNAS-Res50 at half its width on people of four sources: what configs/search/pruned/people prunes.
_base_ = [
    '../../../_base_/averaging_runtime.py',
    '../../../_base_/models/s_vipnas_res50_half.py',
    '../../../_base_/datasets/people_mix_160x128.py',
    '../../../_base_/schedules/adamw_people_16e.py',
]
model = dict(head=dict(decoder=_base_.codec))
