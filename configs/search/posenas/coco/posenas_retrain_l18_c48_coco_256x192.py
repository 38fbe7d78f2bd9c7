# Cells as L18-C48 on COCO, 256x192, from scratch. With what a search has found:
#   posenas genotype embed WORK_DIR/genotype.json THIS_FILE found.py --keep-sizes
#   posenas train found.py
_base_ = '../../../top_down/posenas/coco/posenas_l18_c48_coco_256x192.py'
model = dict(backbone=dict(genotype=None, fusion='intended'))
optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-2))
