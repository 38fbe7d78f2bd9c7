"""One experiment of every family, on synthetic people."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from registry_cases import pose_samples

from posenas.codecs import RegressionLabel, SimCCLabel
from posenas.utils.config import load_config

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'top_down'


@cache
def find_families() -> tuple[Path, ...]:
    """List the configs on synthetic people, one per network: that of the smallest input."""
    chosen: dict[str, Path] = {}
    for path in sorted(FOLDER.glob('*/synthetic/*.py')):
        if 'demo' not in path.stem:
            model = load_config(path).model
            chosen.setdefault(f'{model.backbone} {model.head.type}', path)
    return tuple(chosen.values())


@cache
def find_heatmap_families() -> tuple[Path, ...]:
    """List those of them that make heatmaps."""
    return tuple(p for p in find_families() if 'heatmap_size' in load_config(p).codec)


def draw_batch(model: object, num: int, side: int) -> tuple[torch.Tensor, list]:
    """Draw images of the least size that the model takes, and samples with targets for them."""
    num_joints = model.head.out_channels
    size = getattr(model.head, 'input_size', (side, side))
    samples = pose_samples(num, num_joints, (side // 4, side // 4))
    for i, sample in enumerate(samples):
        points = np.random.default_rng(i).uniform(0, size, (1, num_joints, 2))
        labels = RegressionLabel(size).encode(points) | SimCCLabel(size).encode(points)
        sample.gt_instance_labels = InstanceData(
            **{name: torch.from_numpy(value) for name, value in labels.items()}
        )
    return torch.randn((num, 3, *size[::-1])), samples


def build_family_model(path: Path) -> tuple[object, Config]:
    """Build the estimator of a config, its weights initialised as for training."""
    from posenas.registry import MODELS

    cfg = load_config(path)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model, cfg
