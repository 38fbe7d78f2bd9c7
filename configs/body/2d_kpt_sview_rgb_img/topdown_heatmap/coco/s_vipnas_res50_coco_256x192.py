_base_ = '../../../../top_down/vipnas/coco/s_vipnas_res50_coco_256x192.py'
