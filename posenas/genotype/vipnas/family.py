"""The families of ViPNAS, for images and for videos: checks, configs and pictures."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

from posenas.genotype.checking import check_integer, check_keys, check_list
from posenas.genotype.graph import Graph, Link, Node
from posenas.genotype.record import FAMILIES, Family, Genotype
from posenas.genotype.vipnas.blocks import vipnas_arguments
from posenas.genotype.vipnas.temporal import write_t_vipnas_model
from posenas.utils import ConfigError


def write_vipnas_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the genotype into the config of an estimator."""
    backbone, head = vipnas_arguments(genotype)
    derived = deepcopy(dict(model))
    derived['backbone'] = {**derived.get('backbone', {}), **backbone}
    derived['head'] = {**derived['head'], **head}
    return derived


def check_vipnas(genotype: Genotype) -> None:
    """Check the choices of a network for images: sizes are integers, attention a boolean."""
    choices = genotype.choices
    check_keys('choices', choices, ('stem', 'stages', 'head'))
    _check_values('choices.stem', choices['stem'], ('width', 'kernel'))
    for i, stage in enumerate(check_list('choices.stages', choices['stages'])):
        here = f'choices.stages[{i}]'
        if isinstance(stage, dict) and 'blocks' in stage:
            _check_blocks(here, stage)
        else:
            keys = ('depth', 'width', 'kernel', 'groups', 'attention')
            _check_values(here, stage, keys, ('expand',))
    for i, layer in enumerate(check_list('choices.head', choices['head'])):
        _check_values(f'choices.head[{i}]', layer, ('width', 'kernel', 'groups'))


def _check_blocks(where: str, stage: dict) -> None:
    """Check a stage whose blocks differ: each one is written out."""
    values = {key: value for key, value in stage.items() if key != 'blocks'}
    _check_values(where, values, ('depth', 'width'), ('expand',))
    blocks = check_list('choices.blocks', stage['blocks'])
    for i, block in enumerate(blocks):
        _check_values(f'{where}.blocks[{i}]', block, ('kernel', 'groups', 'attention'))
    if len(blocks) != stage['depth'] or all(block == blocks[0] for block in blocks):
        raise ConfigError(
            f'{where}.blocks must hold one entry per block and not be all equal (the stage itself '
            f'says that), got {len(blocks)} for depth {stage["depth"]}: {blocks}'
        )


def _check_values(
    where: str, values: object, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Check one mapping of decisions."""
    check_keys(where, values, required, optional)
    for key, value in values.items():
        if key == 'attention':
            if not isinstance(value, bool):
                raise ConfigError(f'{where}.attention must be true or false, got {value!r}')
        else:
            check_integer(f'{where}.{key}', value, 1)


def check_t_vipnas(genotype: Genotype) -> None:
    """Check the choices of a network for videos."""
    choices = genotype.choices
    check_keys('choices', choices, ('period', 'key', 'frames'))
    check_integer('choices.period', choices['period'], 1)
    for i, frame in enumerate(check_list('choices.frames', choices['frames'])):
        check_keys(f'choices.frames[{i}]', frame, ('fuse_stage', 'fuse_op', 'net'))


def draw_vipnas(genotype: Genotype) -> list[Graph]:
    """Draw the chain of stages."""
    return [_draw_stages(genotype.name, genotype.choices)]


def _draw_stages(title: str, choices: Mapping) -> Graph:
    """Draw stem, stages and head layers one after the other."""
    boxes = [('image', 'input'), (_describe('stem', choices['stem']), 'node')]
    boxes += [
        (_describe(f'stage {i}', stage), 'reduce') for i, stage in enumerate(choices['stages'])
    ]
    boxes += [(_describe(f'deconv {i}', layer), 'node') for i, layer in enumerate(choices['head'])]
    boxes.append(('heatmaps', 'output'))
    nodes = [Node(str(i), label, i, 0.4, role) for i, (label, role) in enumerate(boxes)]
    links = [Link(str(i), str(i + 1)) for i in range(len(boxes) - 1)]
    return Graph(title, tuple(nodes), tuple(links))


def _describe(title: str, values: Mapping) -> str:
    """Write decisions below each other; those of differing blocks side by side."""
    lines = [title]
    for key, value in values.items():
        if key == 'blocks':
            names = value[0].keys()
            lines += [f'{name} {_join(block[name] for block in value)}' for name in names]
        else:
            lines.append(f'{key} {_join([value])}')
    return '\n'.join(lines)


def _join(values: Sequence) -> str:
    words = {True: 'yes', False: 'no'}
    return ','.join(words[v] if isinstance(v, bool) else str(v) for v in values)


def draw_t_vipnas(genotype: Genotype) -> list[Graph]:
    """Draw a period: the key frame, then what each frame takes over from the one before."""
    choices = genotype.choices
    key = choices['key']
    label = 'network below' if isinstance(key, Mapping) else str(key)
    nodes = [Node('0', f'key frame\n{label}', 0, 0.3, 'input')]
    links = []
    for i, frame in enumerate(choices['frames'], 1):
        net = frame['net'] if isinstance(frame['net'], str) else f'net {i}'
        nodes.append(Node(str(i), f'frame {i}\n{net}', 1.3 * i, 0.3))
        links.append(Link(str(i - 1), str(i), f'{frame["fuse_op"]} @ {frame["fuse_stage"]}'))
    title = f'{genotype.name}: period {choices["period"]}'
    nets = [
        _draw_stages(f'net of frame {i}', frame['net'])
        for i, frame in enumerate(choices['frames'], 1)
        if isinstance(frame['net'], Mapping)
    ]
    if isinstance(key, Mapping) and key:
        nets.insert(0, _draw_stages('net of the key frame', key))
    return [Graph(title, tuple(nodes), tuple(links)), *nets]


FAMILIES['vipnas'] = Family(draw=draw_vipnas, write_model=write_vipnas_model, check=check_vipnas)
FAMILIES['t_vipnas'] = Family(
    draw=draw_t_vipnas, write_model=write_t_vipnas_model, check=check_t_vipnas
)
