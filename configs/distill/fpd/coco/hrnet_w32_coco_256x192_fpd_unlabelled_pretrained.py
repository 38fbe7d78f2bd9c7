# FPD on COCO, 256x192, without labels, for a student that was trained alone before.
_base_ = 'hrnet_w32_coco_256x192_fpd_unlabelled_scratch.py'
model = dict(student_checkpoint='checkpoints/hrnet_w32_coco_256x192.pth')
