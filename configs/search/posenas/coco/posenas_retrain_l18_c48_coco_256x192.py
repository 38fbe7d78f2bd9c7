# A searched genotype as L18-C48 on COCO, 256x192, from scratch. Put the result of a search in the
# place of the genotype: posenas genotype convert writes it as text and back.
_base_ = '../../../top_down/posenas/coco/posenas_l18_c48_coco_256x192.py'
model = dict(backbone=dict(genotype=None, fusion='intended'))
optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-2))
