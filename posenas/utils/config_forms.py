"""Tell configs of other projects from ours."""

from collections.abc import Mapping
from typing import Any


def find_mmpose0_model(cfg: Mapping[str, Any]) -> str | None:
    """Name the kind of model of a config of MMPose 0.x; None for other configs."""
    data, model = cfg.get('data'), cfg.get('model')
    is_old = (
        isinstance(data, Mapping)
        and isinstance(model, Mapping)
        and bool({'train', 'test'} & data.keys())
    )
    return str(model.get('type')) if is_old else None


def is_mmpose0_config(cfg: Mapping[str, Any]) -> bool:
    """Tell whether a config is one of MMPose 0.x for single people in crops."""
    return find_mmpose0_model(cfg) == 'TopDown'


def is_hrnet_config(cfg: Mapping[str, Any]) -> bool:
    """Tell whether a config is one of HRNet, SimpleBaseline, FPD or PoseNAS."""
    sections = [cfg.get(key) for key in ('MODEL', 'DATASET', 'TRAIN')]
    return all(isinstance(section, Mapping) for section in sections)


def is_pnfs_config(cfg: Mapping[str, Any]) -> bool:
    """Tell whether a config is one of PNFS."""
    model = cfg.get('model')
    return isinstance(model, Mapping) and isinstance(model.get('subnetwork_config'), Mapping)


def is_foreign_config(cfg: Mapping[str, Any]) -> bool:
    """Tell whether a config is one of another project, with settings of its own."""
    return is_mmpose0_config(cfg) or is_hrnet_config(cfg) or is_pnfs_config(cfg)
