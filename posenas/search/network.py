"""From a genotype to the config of the plain network it stands for."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType

from posenas.genotype import Genotype, vipnas_arguments
from posenas.search.fabrics.config import write_fabric_config
from posenas.utils import ConfigError

__all__ = ['derive_model']

#: Arguments of a PoseNAS backbone that its genotype says.
_POSENAS_SIZES = ('layers', 'init_channels', 'num_stages', 'reductions', 'taps', 'refine')


def derive_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the config of a network: what the genotype decides, the rest from ``model``.

    Args:
        genotype: The architecture; it is embedded, so the config needs no other file.
        model: Config of an ordinary estimator of the same family: preprocessing, joints, loss.

    Returns:
        Config of an ordinary estimator.

    Raises:
        ConfigError: The genotype is of a family whose networks are built otherwise.
    """
    if genotype.family not in _FAMILIES:
        raise ConfigError(
            f'a genotype must be of one of {sorted(_FAMILIES)}, got {genotype.family!r}'
        )
    derived = deepcopy(dict(model))
    _FAMILIES[genotype.family](genotype, derived)
    return derived


def _derive_posenas(genotype: Genotype, model: dict) -> None:
    backbone = {k: v for k, v in model['backbone'].items() if k not in _POSENAS_SIZES}
    model['backbone'] = dict(backbone, type='PoseNAS', genotype=genotype.to_dict())


def _derive_pnfs(genotype: Genotype, model: dict) -> None:
    model.update(write_fabric_config(model, genotype))


def _derive_vipnas(genotype: Genotype, model: dict) -> None:
    backbone, head = vipnas_arguments(genotype)
    model['backbone'] = {**model.get('backbone', {}), **backbone}
    model['head'] = {**model['head'], **head}


#: Family -> what writes the genotype into the config of its network.
_FAMILIES: Mapping[str, Callable[[Genotype, dict], None]] = MappingProxyType(
    dict(posenas=_derive_posenas, pnfs=_derive_pnfs, vipnas=_derive_vipnas)
)
