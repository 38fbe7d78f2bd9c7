# LSPET-S: 4,000 seeded photos of LSP Extended, for comparisons with many short trainings.
_base_ = ['./lspet_128x96.py']
train_dataloader = dict(dataset=dict(image_subset=dict(seed=0, stop=4000)))
