# Wider naive Lite-HRNet-18 on COCO, 256x192: shuffle units in place of weighted channels, the recipe
# of Lite-HRNet-18 here (val AP 0.660 by the authors' own).
_base_ = ['litehrnet_18_coco_256x192.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(module_type=('NAIVE', 'NAIVE', 'NAIVE')))))
