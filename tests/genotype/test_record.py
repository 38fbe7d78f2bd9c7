"""Genotype files: round trips, identity, and errors that name the key."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import ConfigDict

from posenas.genotype import Genotype, load_genotype, save_genotype
from posenas.utils import ConfigError, DataError

FABRIC = dict(
    schema='pose-genotype/1',
    family='pnfs',
    name='hips',
    space=dict(id='cnf/1'),
    macro=dict(skeleton='coco', depth=6, input_gain=3.0, op_gain=4.0, parts=dict(hips=[11, 12])),
    cells={
        'hips_part.3_0': dict(
            kind='fabric',
            inputs=[
                {'slot': 'parallel', 'from': 'level_0', 'weight': 0.25},
                {'slot': 'above', 'from': 'level_0', 'weight': 0.75},
            ],
            nodes=[dict(id=1, edges=[{'from': 0, 'weights': {'Sep_Conv_3x3': 1.0}}])],
            output=dict(merge='concat', nodes=[1]),
        )
    },
)
STAGE = dict(depth=2, width=80, kernel=3, groups=16, attention=True)
CHOICES = dict(
    schema='pose-genotype/1',
    family='vipnas',
    name='s-res50',
    space=dict(id='vipnas_res50/1'),
    macro=dict(backbone='ViPNAS_ResNet'),
    choices=dict(
        stem=dict(width=48, kernel=7), stages=[STAGE], head=[dict(width=144, kernel=4, groups=16)]
    ),
)


@pytest.fixture
def released(golden_dir):
    return json.loads((golden_dir / 'posenas' / 'genotype_released.json').read_text())


def changed(data, path, value):
    """Copy ``data`` with the entry at the dotted ``path`` replaced; ``...`` removes it."""
    data = deepcopy(data)
    *parents, last = path.split('.')
    target = data
    for step in parents:
        target = target[int(step)] if isinstance(target, list) else target[step.replace('/', '.')]
    last = int(last) if isinstance(target, list) else last
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return data


def shuffled(value):
    """Copy with every mapping in the opposite order of keys."""
    if isinstance(value, dict):
        return {key: shuffled(item) for key, item in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize('data', [FABRIC, CHOICES], ids=['fabric', 'choices'])
def test_the_json_form_comes_back_unchanged(data):
    assert Genotype.from_dict(data).to_dict() == data
    assert Genotype.from_dict(ConfigDict(data)).to_dict() == data


def test_the_released_genotype_comes_back_unchanged(released, tmp_path):
    genotype = Genotype.from_dict(released)
    assert genotype.to_dict() == released
    save_genotype(genotype, tmp_path / 'new' / 'genotype.json')
    assert load_genotype(tmp_path / 'new' / 'genotype.json') == genotype


def test_an_id_depends_on_the_function_alone(released):
    assert Genotype.from_dict(released).id == '74738d1cb3e5'
    assert Genotype.from_dict(shuffled(released)).id == '74738d1cb3e5'
    other = dict(
        released, name='x', space={}, provenance=dict(seed=1), cost=dict(macs=1), x_note='note'
    )
    assert Genotype.from_dict(other).id == '74738d1cb3e5'
    wider = changed(released, 'macro.init_channels', 64)
    sparser = changed(released, 'cells.encoder/normal.nodes.0.edges.0.op', 'skip_connect')
    assert len({Genotype.from_dict(data).id for data in (released, wider, sparser)}) == 3


@given(st.floats(min_value=1e-30, max_value=10, exclude_min=True))
def test_a_weight_is_a_float32(weight):
    def read(value):
        return Genotype.from_dict(changed(FABRIC, 'cells.hips_part/3_0.inputs.0.weight', value))

    first = read(weight)
    rounded = first.cells['hips_part.3_0'].inputs[0].weight
    assert rounded == pytest.approx(weight, rel=1e-7)
    assert read(rounded) == first
    assert Genotype.from_dict(json.loads(json.dumps(first.to_dict()))).id == first.id


WRONG = [
    ('released', 'color', 1, "unknown keys \\['color'\\]"),
    ('released', 'macro', ..., "add \\['macro'\\]"),
    ('released', 'schema', 'pose-genotype/2', 'schema must be one of'),
    ('released', 'family', 'darts', 'family must be one of'),
    ('released', 'name', '', 'name must be a non-empty string'),
    ('released', 'macro', [], 'macro must be a mapping'),
    ('released', 'choices', {}, "must have 'cells' and not the other"),
    ('released', 'x_note', float('nan'), 'x_note must be plain JSON with finite numbers'),
    ('released', 'cells.encoder/normal.kind', 'fabric', 'normal.*kind must be one of'),
    ('released', 'cells.encoder/normal.inputs', ['a', 'b'], 'inputs must be'),
    ('released', 'cells.encoder/normal.nodes.1.id', 4, r'nodes\[1\].id must be an integer in 3..3'),
    ('released', 'cells.encoder/normal.nodes.1.edges', [], 'must hold at least one edge'),
    ('released', 'cells.encoder/normal.nodes.1.edges.0.from', 3, r'edges\[0\].from .* in 0..2'),
    ('released', 'cells.encoder/normal.nodes.1.edges.0.from', True, 'from must be an integer'),
    ('released', 'cells.encoder/normal.nodes.1.edges.0.op', 'none', r'edges\[0\].op must be one'),
    ('released', 'cells.encoder/reduce.nodes.1.edges.1.op', 'se_connect', 'halve the size'),
    ('released', 'cells.encoder/normal.output.nodes', [2, 2], 'each once'),
    ('released', 'cells.encoder/normal.output.nodes', [6], r'output.nodes must .* 0..5'),
    ('released', 'cells.encoder/normal.output.merge', 'mean', 'output.merge must be one of'),
    ('fabric', 'cells.hips_part/3_0.inputs.0.weight', 1, 'write 1.0, not 1'),
    ('fabric', 'cells.hips_part/3_0.inputs.0.weight', 0.0, 'leave zeros out'),
    ('fabric', 'cells.hips_part/3_0.inputs.0.slot', 'above', 'slot at most once'),
    ('fabric', 'cells.hips_part/3_0.inputs.0.slot', 'left', 'slot must be one of'),
    ('fabric', 'cells.hips_part/3_0.nodes.0.edges.0.weights', {}, 'must map operations'),
    ('fabric', 'cells.hips_part/3_0.nodes.0.edges.0.weights', {'Zero': 1.0}, 'must be one of'),
    ('fabric', 'choices', {}, "must have 'cells'"),
    ('choices', 'choices.stages.0.groups', 'dw', r'stages\[0\].groups must be an integer'),
    ('choices', 'choices.stages.0.attention', 1, 'attention must be true or false'),
    ('choices', 'choices.stages.0.color', 1, 'unknown keys'),
    ('choices', 'choices.head.0.width', 0, r'head\[0\].width must be an integer from 1'),
    ('choices', 'choices.stem', ..., "add \\['stem'\\]"),
]


@pytest.mark.parametrize(('which', 'path', 'value', 'message'), WRONG)
def test_an_error_names_the_key(which, path, value, message, released):
    data = dict(released=released, fabric=FABRIC, choices=CHOICES)[which]
    with pytest.raises(ConfigError, match=message):
        Genotype.from_dict(changed(data, path, value))


def test_blocks_are_written_out_only_where_they_differ():
    block = dict(kernel=3, groups=16, attention=True)
    stage = dict(depth=2, width=80, blocks=[block, dict(block, kernel=5)])
    assert Genotype.from_dict(changed(CHOICES, 'choices.stages', [stage])).choices['stages'][0]
    same = dict(stage, blocks=[block, block])
    with pytest.raises(ConfigError, match='not be all equal'):
        Genotype.from_dict(changed(CHOICES, 'choices.stages', [same]))


def test_temporal_networks_choose_a_net_per_frame():
    frame = dict(fuse_stage=2, fuse_op='add', net={})
    choices = dict(period=2, key={}, frames=[frame])
    data = dict(CHOICES, family='t_vipnas', choices=choices)
    assert Genotype.from_dict(data).to_dict() == data
    with pytest.raises(ConfigError, match=r"frames\[0\] has unknown keys \['size'\]"):
        Genotype.from_dict(dict(data, choices=dict(choices, frames=[dict(frame, size=1)])))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r'absent\.json must be a readable JSON file'):
        load_genotype(tmp_path / 'absent.json')
    (tmp_path / 'torn.json').write_text('{"schema": ')
    with pytest.raises(DataError, match=r'torn\.json'):
        load_genotype(tmp_path / 'torn.json')
    (tmp_path / 'other.json').write_text('[]')
    with pytest.raises(ConfigError, match=r'other\.json: a genotype must be a mapping'):
        load_genotype(tmp_path / 'other.json')
