"""Every registered class is documented, exported, built; every module trains and reloads."""

import inspect
import json
import re
import subprocess
import sys
from importlib import import_module

import pytest
import registry_cases
import torch
from mmengine.registry import Registry
from source_files import MODULES as SOURCES
from source_files import ROOT, module_name
from torch import nn

from posenas import registry as registries
from posenas.datasets import COCO_STYLE
from posenas.engine import EpochBasedTrainLoop
from posenas.search import ElasticSupernet, Supernet

#: Runs a file in an inference engine: has nothing to train or to save; tests/deploy builds it. The
#: data sets of a table are one class; tests/datasets/test_coco_style.py builds each.
ELSEWHERE = {'ExportedEstimator', 'ExportedVideoEstimator', *COCO_STYLE}


def registered() -> dict[type, tuple[Registry, str]]:
    """Every class of ours -> its registry and the first of its names; makers of parts are none."""
    found = {}
    for registry in vars(registries).values():
        if isinstance(registry, Registry):
            registry.import_from_location()
            for name, registered_class in registry.module_dict.items():
                ours = registered_class.__module__.startswith('posenas.')
                is_class = isinstance(registered_class, type)
                if ours and is_class and registered_class.__name__ not in ELSEWHERE:
                    found.setdefault(registered_class, (registry, name))
    return found


REGISTERED = registered()
MODULES = [c for c, (registry, _) in REGISTERED.items() if registry is registries.MODELS]
PARTS = [c for c in REGISTERED if c not in MODULES]
every_module = pytest.mark.parametrize('cls', MODULES, ids=lambda cls: cls.__name__)
every_part = pytest.mark.parametrize('cls', PARTS, ids=lambda cls: cls.__name__)


def build_module(cls: type) -> tuple[nn.Module, registry_cases.ModelCase]:
    case = registry_cases.MODELS[cls.__name__]
    registry, name = REGISTERED[cls]
    torch.manual_seed(0)
    module = registry.build(dict(type=name, **case.cfg))
    if hasattr(module, 'init_weights'):
        module.init_weights()
    return module, case


def test_every_class_has_a_case_and_every_case_a_class():
    assert {cls.__name__ for cls in MODULES} == registry_cases.MODELS.keys()
    assert {cls.__name__ for cls in PARTS} == registry_cases.PARTS.keys()


def test_every_name_resolves_when_only_the_registries_are_imported():
    for path in SOURCES:
        if path.name != '__main__.py':
            import_module(module_name(path))
    names = {
        variable: {
            name: value.__module__
            for name, value in registry.module_dict.items()
            if value.__module__.startswith('posenas.')
        }
        for variable, registry in vars(registries).items()
        if isinstance(registry, Registry)
    }
    assert sum(map(len, names.values())) > 100
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tests' / 'resolve_names.py')],
        input=json.dumps(names),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ''), done.stderr


def undocumented_arguments(cls: type) -> list[str]:
    if '__init__' not in vars(cls):
        return []
    missing = []
    for name, parameter in inspect.signature(cls).parameters.items():
        stars = {parameter.VAR_POSITIONAL: r'\*', parameter.VAR_KEYWORD: r'\*\*'}
        pattern = rf'^\s+{stars.get(parameter.kind, "")}{name}: \S'
        if not re.search(pattern, cls.__doc__ or '', re.MULTILINE):
            missing.append(name)
    return missing


def test_every_class_and_its_arguments_are_documented():
    assert not [cls for cls in REGISTERED if not (cls.__doc__ or '').strip()]
    missing = {cls.__name__: undocumented_arguments(cls) for cls in REGISTERED}
    assert not {name: arguments for name, arguments in missing.items() if arguments}


def test_every_class_is_exported_by_its_package():
    def is_exported(cls):
        package = import_module(cls.__module__.rpartition('.')[0])
        if cls.__module__.rpartition('.')[2] in package.__all__:  # a room of a family
            package = import_module(package.__name__.rpartition('.')[0])
        return cls.__name__ in package.__all__ and getattr(package, cls.__name__) is cls

    assert not [cls for cls in REGISTERED if not is_exported(cls)]


def test_every_class_inherits_from_at_most_one_other_of_ours():
    def is_deep(cls):
        ours = [base for base in cls.__mro__[1:] if base.__module__.startswith('posenas.')]
        if ours[:1] == [ElasticSupernet]:  # what supernets of two families share
            ours = ours[1:]
        # a supernet is an estimator, with its base, that can do more; a search of epochs a training
        limit = 3 if ours[:1] == [Supernet] else 1 + (EpochBasedTrainLoop in ours)
        return len(ours) > limit

    assert not [cls for cls in REGISTERED if is_deep(cls)]


@every_part
def test_a_part_is_built_from_its_smallest_config(cls, tmp_path):
    registry, name = REGISTERED[cls]
    case = registry_cases.PARTS[cls.__name__]
    built = case(tmp_path) if callable(case) else case
    if isinstance(built, dict):
        built = registry.build(dict(built, type=name))
    assert isinstance(built, cls)


@every_module
def test_a_module_gives_every_trained_parameter_a_finite_gradient(cls):
    module, case = build_module(cls)
    outputs = case.run(module.train())
    assert all(torch.isfinite(output).all() for output in outputs)
    loss = sum(output.square().sum() for output in outputs if output.requires_grad)
    trained = {name for name, p in module.named_parameters() if p.requires_grad}
    if trained:
        loss.backward()
    gradients = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    assert trained - gradients.keys() == set(getattr(module, 'unused_parameters', ()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


@every_module
def test_a_module_repeats_itself_and_reloads_in_evaluation(cls):
    module, case = build_module(cls)
    case.run(module.train())  # moves running statistics away from their start
    with torch.no_grad():
        first, second = case.run(module.eval()), case.run(module)
        twin, _ = build_module(cls)
        twin.load_state_dict(module.state_dict(), strict=True)
        reloaded = case.run(twin.eval())
    for one, two, three in zip(first, second, reloaded, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)
