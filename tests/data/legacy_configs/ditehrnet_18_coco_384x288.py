_base_ = ['ditehrnet_30_coco_384x288.py']
model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(2, 4, 2)))))
