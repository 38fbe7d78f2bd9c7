# FPD on COCO, 256x192, as published (val AP 0.751): the student was trained alone before (0.744)
# and starts again at the full learning rate.
_base_ = 'hrnet_w32_coco_256x192_fpd_scratch.py'
model = dict(student_checkpoint='checkpoints/hrnet_w32_coco_256x192.pth')
