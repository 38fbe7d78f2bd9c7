"""The family of pruned networks: what genotypes hold, which config they mean, how they look."""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from itertools import pairwise

from posenas.genotype.checking import check_integer, check_keys, check_list, check_text, to_plain
from posenas.genotype.graph import Graph, Link, Node
from posenas.genotype.record import FAMILIES, Family, Genotype

#: Entries of backbone and head that belong to the training or to the data.
_OPEN = frozenset(
    (
        *('init_cfg', 'frozen_stages', 'frozen', 'norm_eval', 'with_cp', 'drop_path', 'num_joints'),
        *('out_channels', 'loss', 'decoder', 'stage_loss_weights'),
    )
)
#: What a supernet has beside an estimator.
_OF_SUPERNET = ('width', 'depth', 'kernel', 'divisor', 'checkpoint', 'sha256', 'share_statistics')
#: Sizes of layers, and of norms.
_SIZES = ('in_channels', 'out_channels', 'kernel_size', 'groups', 'num_features')


def describe_pruned_model(model: Mapping) -> dict:
    """Write what decides the function of the network of a config, before it is pruned.

    Args:
        model: Config of an estimator.
    """
    parts = {part: dict(model[part]) for part in ('backbone', 'head') if model.get(part)}
    described = {
        name: {key: value for key, value in part.items() if key not in _OPEN}
        for name, part in parts.items()
    }
    return to_plain(described, 'model')


def write_pruned_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the genotype into the config of an estimator; the whole network adds nothing."""
    derived = {k: deepcopy(v) for k, v in dict(model).items() if k not in _OF_SUPERNET}
    if 'type' in derived:
        derived['type'] = 'TopdownPoseEstimator'
    for part, decided in genotype.macro.items():
        derived[part] = {**derived.get(part, {}), **deepcopy(decided)}
    derived.pop('pruning', None)
    pruning = {key: value for key, value in genotype.choices.items() if value}
    return {**derived, 'pruning': deepcopy(pruning)} if pruning else derived


def read_pruned_config(model: Mapping, name: str = 'pruned') -> Genotype:
    """Write the genotype of a pruned network from the config of its estimator.

    Args:
        model: Config of the estimator, with ``pruning``.
        name: Name of the genotype.

    Raises:
        ConfigError: Sizes cannot be.
    """
    choices = dict(layers={}, skipped=[]) | to_plain(model['pruning'], 'pruning')
    made = Genotype('pruned', name, {}, describe_pruned_model(model), choices=choices)
    return Genotype.from_dict(made.to_dict())


def check_pruned(genotype: Genotype) -> None:
    """Check the names of layers and their sizes."""
    check_keys('macro', genotype.macro, ('backbone', 'head'))
    check_keys('choices', genotype.choices, ('layers', 'skipped'))
    for name in check_list('choices.skipped', genotype.choices['skipped']):
        check_text('choices.skipped', name)
    layers = genotype.choices['layers']
    check_keys('choices.layers', layers, (), layers)
    for name, sizes in layers.items():
        check_keys(f'choices.layers[{name!r}]', sizes, (), _SIZES)
        for key, value in sizes.items():
            check_integer(f'choices.layers[{name!r}].{key}', value, 1)


def draw_pruned(genotype: Genotype) -> list[Graph]:
    """Draw the parts of the network with how many of their layers and blocks were changed."""
    layers, skipped = genotype.choices['layers'], genotype.choices['skipped']
    narrower = Counter(_find_part(name) for name in layers)
    left_out = Counter(_find_part(name) for name in skipped)
    kinds = [f'{genotype.macro[part]["type"]}' for part in ('backbone', 'head')]
    nodes = [Node('image', f'image\n{kinds[0]}', 0, 0, 'input')]
    for name in dict.fromkeys((*narrower, *left_out)):
        label = f'{name}\n{narrower[name]} smaller layers\n{left_out[name]} blocks skipped'
        nodes.append(Node(name, label, len(nodes), 0))
    nodes.append(Node('heatmaps', f'heatmaps\n{kinds[1]}', len(nodes), 0, 'output'))
    links = [Link(a.id, b.id) for a, b in pairwise(nodes)]
    return [Graph(genotype.name, tuple(nodes), tuple(links))]


def _find_part(name: str) -> str:
    """Return the first two steps of the path of a module."""
    return '.'.join(name.split('.')[:2])


FAMILIES['pruned'] = Family(draw=draw_pruned, write_model=write_pruned_model, check=check_pruned)
