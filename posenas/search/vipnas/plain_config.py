"""The architecture of a ViPNAS network whose config spells it in arguments."""

from collections.abc import Mapping
from inspect import Parameter, signature

from posenas.genotype import Genotype, vipnas_genotype
from posenas.registry import MODELS


def read_vipnas_config(model: Mapping, name: str = 'vipnas') -> Genotype:
    """Write the genotype of a spatial ViPNAS network whose config gives its choices as arguments.

    Args:
        model: Config of its estimator; what it leaves out is the default of the classes.
        name: Name of the genotype.

    Raises:
        ConfigError: It is no such network.
    """
    given = []
    for part in ('backbone', 'head'):
        cfg = model[part]
        defaults = signature(MODELS.get(cfg['type'])).parameters.items()
        known = {key: p.default for key, p in defaults if p.default is not Parameter.empty}
        given.append({**known, **cfg})
    return vipnas_genotype(*given, name=name)
