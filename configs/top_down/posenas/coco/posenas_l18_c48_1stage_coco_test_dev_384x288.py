# PoseNAS L18-C48 of one stage on COCO test-dev2017, 384x288 (AP 73.4 as published).
# The results are written for the server; nothing is scored here.
_base_ = 'posenas_l18_c48_1stage_coco_384x288.py'
test_dataloader = dict(
    dataset=dict(
        ann_file='annotations/image_info_test-dev2017.json',
        bbox_file='data/coco/person_detection_results/'
        'COCO_test-dev2017_detections_AP_H_609_person.json',
        data_prefix=dict(img='test2017/'),
    )
)
test_evaluator = dict(ann_file=None, format_only=True)
