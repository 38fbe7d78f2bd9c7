# The network that edge_search_latency_people_160x128.py found; posenas_small_people_160x128 grew from
# it, and has its data and schedule.
_base_ = ['./posenas_small_people_160x128.py']
_stages = [
    dict(kind='fused', width=80, depth=1, expand=4, kernel=3),
    dict(kind='dense', width=96, depth=2, expand=1, kernel=3),
    dict(kind='inverted', width=64, depth=1, expand=2, kernel=3),
]
model = dict(backbone=dict(stages=_stages), neck=dict(in_channels=(80, 96, 64)))
