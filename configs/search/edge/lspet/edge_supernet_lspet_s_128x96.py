# Supernet of networks for inference engines on LSPET-S, 128x96. The search is scored on 600 of the
# 4,000 images, which the supernet does not see.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/models/edge_supernet.py',
    '../../../_base_/datasets/lspet_s_search_128x96.py',
    '../../../_base_/schedules/supernet_30e.py',
]
model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_cfg = dict(num_paths=3)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=1))
