"""One experiment of every family, on synthetic people."""

from functools import cache
from pathlib import Path

from mmengine.config import Config

from posenas.utils.config import load_config

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'top_down'


@cache
def find_families() -> tuple[Path, ...]:
    """List the configs on synthetic people, one per backbone: that of the smallest input."""
    chosen: dict[str, Path] = {}
    for path in sorted(FOLDER.glob('*/synthetic/*.py')):
        if 'demo' not in path.stem:
            chosen.setdefault(str(load_config(path).model.backbone), path)
    return tuple(chosen.values())


def build_family_model(path: Path) -> tuple[object, Config]:
    """Build the estimator of a config, its weights initialised as for training."""
    from posenas.registry import MODELS

    cfg = load_config(path)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model, cfg
