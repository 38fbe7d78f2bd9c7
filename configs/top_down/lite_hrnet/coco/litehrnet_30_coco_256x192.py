# Lite-HRNet-30 on COCO, 256x192: more modules, the recipe of Lite-HRNet-18 (val AP 0.676).
_base_ = ['litehrnet_18_coco_256x192.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
