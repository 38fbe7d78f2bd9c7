"""The one way from a config, and a checkpoint, to a model."""

from mmengine.config import Config

from posenas.apis.model_zoo import find_config
from posenas.convert.configs import apply_options
from posenas.utils.config import load_config, verify_config

__all__ = ['check_config', 'load_checked', 'load_found']


def load_checked(
    config: str, options: dict | None = None, legacy: bool = True, strict: bool = False
) -> Config:
    """Find, load and verify a config, translated if it is one of another project.

    Args:
        config: Config file, or name of a shipped one.
        options: Overrides, as ``--cfg-options`` collects them; of a config of another project
            by its own keys or by ours.
        legacy: See :func:`posenas.convert.translate_config`.
        strict: Likewise.

    Raises:
        ConfigError: It does not exist, has an unknown key or contradicts itself.
    """
    return check_config(load_found(config), options, legacy, strict)


def load_found(config: str) -> Config:
    """Find and load a config, of whatever project, as it is written.

    Raises:
        ConfigError: It does not exist or cannot be read.
    """
    return load_config(find_config(config))


def check_config(
    cfg: Config, options: dict | None = None, legacy: bool = True, strict: bool = False
) -> Config:
    """Translate, override and verify a loaded config; see :func:`load_checked`."""
    cfg = apply_options(cfg, options, legacy, strict)
    verify_config(cfg)
    return cfg
