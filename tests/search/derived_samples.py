"""A tiny experiment of neural fabrics with its checkpoint on disk, for deriving and pruning."""

from pathlib import Path

import torch
from mmengine.config import Config
from models.fabric_samples import stir
from registry_cases import CODEC, tiny_experiment

from posenas.registry import MODELS
from posenas.utils import save_checkpoint
from posenas.utils.config_text import allow_keywords_as_keys

OPERATORS = ['Zero', 'skip_connect', 'Sep_Conv_3x3']
PARTS = dict(type='BodyParts', dataset='coco', num_parts=3)


def make_model(kind: str = 'TopdownPoseEstimator') -> dict:
    """Write a network whose backbone is a fabric too."""
    fabric = dict(depth=4, cut_layers=2, num_levels=2, factor=2, operators=OPERATORS)
    both = dict(fabric=fabric, parts=PARTS)
    numbers = dict(depth=8, factor=1, operators=OPERATORS)
    return dict(
        type=kind,
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3),
        backbone=dict(type='CNFBackbone', fabric=numbers, reserve_layers=1),
        neck=dict(type='PartReduceNeck', in_channels=[4, 8], **both),
        head=dict(type='CNFHead', out_channels=17, decoder=CODEC, **both),
    )


def write_experiment(folder: Path, kind: str = 'TopdownPoseEstimator') -> tuple[str, str]:
    """Write config and checkpoint of a network half of whose mixing weights are zero.

    Returns:
        Their paths.
    """
    cfg = tiny_experiment(folder)
    cfg.codec, cfg.model = CODEC, make_model(kind)
    cfg.pop('experiment_name')
    if kind != 'TopdownPoseEstimator':
        cfg.train_cfg = dict(type='ArchSearchLoop', max_epochs=1, strategy='sync', val_interval=1)
        cfg.optim_wrapper.update(constructor='ArchOptimWrapperConstructor', arch='weights')
    torch.manual_seed(0)
    model = stir(MODELS.build(cfg.model))
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if name.endswith(('alphas', 'betas')):
            parameter.data[torch.rand(parameter.shape, generator=generator) < 0.5] = -1000.0
    allow_keywords_as_keys()
    Config(cfg.to_dict()).dump(folder / 'whole.py')
    save_checkpoint(dict(meta=dict(epoch=1), state_dict=model.state_dict()), folder / 'whole.pth')
    return str(folder / 'whole.py'), str(folder / 'whole.pth')
