# FPD on COCO, 256x192, without labels: the teacher's maps are all that the student learns from, on
# every annotated person of the training split, also those whose keypoints nobody has marked. For
# the images of unlabeled2017 give their list as ann_file and the boxes of a detector as bbox_file.
_base_ = 'hrnet_w32_coco_256x192_fpd_scratch.py'
train_dataloader = dict(dataset=dict(type='UnlabelledTopdownDataset'))
