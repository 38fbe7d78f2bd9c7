"""The one way from a config to a model, its data, its space and its cost."""

import ast

import pytest
import torch
from mmengine.config import Config
from registry_cases import TINY_MODEL, TINY_SUPERNET, TINY_VIPNAS, tiny_experiment
from source_files import MODULES, PACKAGE, nodes

from posenas.apis.building import build_dataset, build_model, build_space, count_cost
from posenas.search import PoseNASSpace, ViPNASSpace
from posenas.utils import CheckpointError, ConfigError

#: Where mmengine is told whose classes a config names; costs are counted below the interface, by
#: searches too, and build networks there; scripts for MMPose set it themselves.
SCOPED = {
    *('apis/building.py', 'search/costs.py', 'utils/registration.py'),
    *('search/pruned/supernet.py', 'search/pruned/units.py'),
}


def test_the_scope_of_configs_is_set_in_one_place():
    calls = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'init_default_scope'
    }
    assert calls == SCOPED


def test_a_data_set_draws_as_in_the_training_of_its_config(tmp_path):
    cfg = tiny_experiment(tmp_path)
    flips = dict(type='RandomBBoxTransform', rotate_prob=1.0)
    cfg.train_dataloader.dataset.pipeline.insert(2, flips)
    first, again = (build_dataset(cfg)[0]['inputs'] for _ in range(2))
    assert torch.equal(first, again)
    cfg.randomness.seed = 1
    assert not torch.equal(first, build_dataset(cfg)[0]['inputs'])
    assert 'PackPoseInputs' not in str(build_dataset(cfg, 'val', pipeline=[]).pipeline)


@pytest.mark.parametrize(
    ('split', 'message'), [('test', 'must have test_dataloader'), ('dev', 'split must be one of')]
)
def test_a_data_set_that_is_not_there_is_named(split, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        build_dataset(Config(dict(model=TINY_MODEL)), split)


def test_the_space_of_a_search_is_that_of_its_loop_or_of_its_supernet():
    vipnas = dict(TINY_VIPNAS, type='ViPNASSupernet')
    loop = dict(type='SearchLoop', space=dict(type='ViPNASSpace', backbone='ViPNAS_MobileNetV3'))
    spaces = [
        build_space(Config(cfg))
        for cfg in (
            dict(model=vipnas),
            dict(model=vipnas, train_cfg=loop),
            dict(model=dict(TINY_SUPERNET, type='PoseNASSupernet')),
        )
    ]
    assert [type(space) for space in spaces] == [ViPNASSpace, ViPNASSpace, PoseNASSpace]
    assert spaces[0].name != spaces[1].name


@pytest.mark.parametrize('cfg', [dict(model=TINY_MODEL), dict(codec={})])
def test_what_is_no_search_has_no_space(cfg):
    with pytest.raises(ConfigError, match='must be the config of a search'):
        build_space(Config(cfg))


def test_a_network_is_counted_as_it_is_built(tmp_path):
    cfg, model, _ = build_model('tiny_synthetic_128x96')
    cost = count_cost(cfg)
    assert cost.parameters == sum(parameter.numel() for parameter in model.parameters())
    (tmp_path / 'student.py').write_text(f'model = {cfg.model.to_dict()}\n')
    for student in (dict(student=cfg.model), dict(student_cfg=str(tmp_path / 'student.py'))):
        taught = dict(type='AnyDistiller', teacher=cfg.model, **student)
        assert count_cost(Config(dict(codec=cfg.codec, model=taught))).macs == cost.macs > 0
    head = dict(TINY_MODEL['head'])
    head.pop('decoder')
    with pytest.raises(ConfigError, match=r'codec\.input_size'):
        count_cost(Config(dict(model=dict(TINY_MODEL, head=head))))


@pytest.mark.parametrize('content', [{}, dict(state_dict={}), dict(meta={})])
def test_a_checkpoint_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / 'empty.pth')
    with pytest.raises(CheckpointError, match='must be those of a pose network'):
        build_model(Config(dict(model=TINY_MODEL)), tmp_path / 'empty.pth')
