"""The family of networks for inference engines: checks, configs and pictures."""

from collections.abc import Mapping
from copy import deepcopy

from posenas.genotype.checking import check_integer, check_keys, check_list, check_text
from posenas.genotype.edge.plan import EDGE_BLOCKS, EDGE_HEADS, edge_arguments, read_edge
from posenas.genotype.graph import Graph, Link, Node
from posenas.genotype.record import FAMILIES, Family, Genotype
from posenas.utils import ConfigError


def write_edge_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the genotype into the config of an estimator."""
    derived = deepcopy(dict(model))
    for part, decided in edge_arguments(genotype).items():
        derived[part] = {**derived.get(part, {}), **deepcopy(decided)}
    return derived


def check_edge(genotype: Genotype) -> None:
    """Check kinds, sizes and how they go together."""
    choices = genotype.choices
    check_keys('choices', choices, ('stem', 'stages', 'fusion', 'head'))
    for part in ('stem', 'fusion'):
        check_keys(f'choices.{part}', choices[part], ('width',))
        check_integer(f'choices.{part}.width', choices[part]['width'], 2)
    stages = check_list('choices.stages', choices['stages'])
    if len(stages) not in (2, 3):
        raise ConfigError(f'a network must have 2 or 3 stages, got {len(stages)} in choices')
    for i, stage in enumerate(stages):
        _check_stage(f'choices.stages[{i}]', stage)
    head = choices['head']
    is_wide = isinstance(head, dict) and head.get('kind') == 'deconv'
    check_keys('choices.head', head, ('kind', 'width') if is_wide else ('kind',))
    check_text('choices.head.kind', head['kind'], EDGE_HEADS)
    if is_wide:
        check_integer('choices.head.width', head['width'], 1)


def _check_stage(where: str, stage: object) -> None:
    check_keys(where, stage, ('kind', 'width', 'depth', 'expand', 'kernel'))
    options = EDGE_BLOCKS[check_text(f'{where}.kind', stage['kind'], tuple(EDGE_BLOCKS))]
    for key in ('width', 'depth', 'expand', 'kernel'):
        check_integer(f'{where}.{key}', stage[key], 1)
    for key, known in options.items():
        if stage[key] not in known:
            raise ConfigError(
                f'{where}.{key} of {stage["kind"]!r} blocks must be one of {list(known)}, got '
                f'{stage[key]}'
            )


def draw_edge(genotype: Genotype) -> list[Graph]:
    """Draw the stages, the sums over their scales and the head."""
    plan = read_edge(genotype)
    last = len(plan.stages) + 1
    nodes = [
        Node('image', 'image', 0, 0, 'input'),
        Node('stem', f'stem\nwidth {plan.stem[1].out_channels}', 1, 0),
    ]
    links = [Link('image', 'stem'), Link('stem', 'stage0')]
    for i, stage in enumerate(plan.stages):
        label = f'stage {i}\n{stage.depth} {stage.kind}\nwidth {stage.width}'
        label += f'\nexpand {stage.expand}\nkernel {stage.kernel}'
        nodes.append(Node(f'stage{i}', label, 2 + i, 0, 'reduce'))
        nodes.append(Node(f'sum{i}', f'sum\nwidth {plan.fusion}', 2 + i, 1))
        links.append(Link(f'stage{i}', f'sum{i}'))
        if i:
            links += [Link(f'stage{i - 1}', f'stage{i}'), Link(f'sum{i}', f'sum{i - 1}')]
    width = f'\nwidth {plan.head_width}' if plan.head_width else ''
    nodes += [
        Node('head', f'head\n{plan.head}{width}', 1, 1),
        Node('heatmaps', 'heatmaps', 0, 1, 'output'),
    ]
    links += [Link('sum0', 'head'), Link('head', 'heatmaps')]
    return [Graph(f'{genotype.name}: {last - 1} scales', tuple(nodes), tuple(links))]


FAMILIES['edge'] = Family(draw=draw_edge, write_model=write_edge_model, check=check_edge)
