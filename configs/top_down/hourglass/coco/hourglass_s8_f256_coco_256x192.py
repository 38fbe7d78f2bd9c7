# Hourglass of 8 stacks x 256 features on COCO, 256x192: the settings of the FPD code base, which
# publishes no result.
_base_ = 'hourglass_s4_f256_coco_256x192.py'
model = dict(backbone=dict(num_stacks=8))
