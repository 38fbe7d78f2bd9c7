"""Configs of networks of neural fabrics that hold what a genotype lists and nothing unused."""

from collections.abc import Mapping
from copy import deepcopy
from inspect import signature

from posenas.genotype.fabrics.plan import count_cells, plan_fabric
from posenas.genotype.record import Genotype
from posenas.registry import MODELS

#: Arguments of a fabric that a pruned one needs; the others are about weights that are searched.
_FABRIC_KEYS = (*signature(plan_fabric).parameters, 'init_cfg')
#: Arguments that build what never runs.
_UNUSED = {'backbone': ('unused_tail',), 'neck': ('strict_original',), 'head': ('strict_original',)}


def write_fabric_model(genotype: Genotype, config: Mapping, keep_operators: bool = False) -> dict:
    """Write the config of the network of a genotype of family pnfs.

    A backbone that can stops behind the last level that a cell reads.

    Args:
        genotype: What is kept.
        config: Config of an estimator of the whole fabrics.
        keep_operators: Whether operators that the genotype gives no weight are kept too.
    """
    own = dict(genotype=genotype.to_dict(), **dict(keep_operators=True) if keep_operators else {})
    pruned = deepcopy(dict(config))
    for place, unused in _UNUSED.items():
        if not pruned.get(place):
            continue
        module = {key: value for key, value in pruned[place].items() if key not in unused}
        if 'fabric' in module:
            kept = {key: value for key, value in module['fabric'].items() if key in _FABRIC_KEYS}
            module['fabric'] = kept | own
        pruned[place] = module
    _drop_levels(pruned, _count_levels(genotype))
    return pruned


def _count_levels(genotype: Genotype) -> int:
    """Count the first levels among which are all that are read, and as many as the wiring needs."""
    sources = [slot.source for cell in genotype.cells.values() for slot in cell.inputs]
    read = [int(name.removeprefix('level_')) for name in sources if name.startswith('level_')]
    macro = genotype.macro
    first_cells = count_cells(macro['cut_layers'], macro['depth'], len(macro['size_types']))
    return max(max(read) + 1, first_cells - 1)


def _drop_levels(config: dict, count: int) -> None:
    """Let the backbone stop behind its first ``count`` levels, if it can."""
    backbone, neck = config['backbone'], config.get('neck')
    known = signature(MODELS.get(backbone['type'])).parameters
    if 'out_indices' not in known or neck is None:
        return
    indices = backbone.get('out_indices', known['out_indices'].default)
    if len(indices) <= count or list(indices) != sorted(indices):
        return
    backbone['out_indices'] = tuple(indices[:count])
    if 'num_stages' in known:
        backbone['num_stages'] = indices[count - 1] + 1
        backbone['frozen_stages'] = min(backbone.get('frozen_stages', -1), backbone['num_stages'])
    neck['in_channels'] = tuple(neck['in_channels'][:count])
    for place in (neck, config['head']):
        place['fabric']['num_levels'] = count
