_base_ = '../../../../top_down/vipnas/coco/s_vipnas_mbv3_coco_256x192.py'
