"""Messages and help texts name only options that exist.

Write an option in a text as it is typed, since that is how this test finds it: ``--option`` of a
command; a key of a config with its path, ``train_cfg.arch_objective.cost_weight``, or with a
value, ``norm_eval=True``; a key with an underscore may stand alone, ``num_views``. Paths may begin
anywhere, as in ``head.out_channels``. Other names that look like these are listed below.
"""

import ast
import inspect
import re
from argparse import _SubParsersAction
from functools import cache
from importlib import import_module

import pytest
from source_files import MODULES as ALL_MODULES
from source_files import PACKAGE, parse

from posenas import registry
from posenas.cli import COMMANDS, find_entry
from posenas.utils import config_schema as schema

#: Examples are commands; a test of their own parses and runs them.
MODULES = [path for path in ALL_MODULES if path.name != 'examples.py']
#: An option of a command; a path; a key with a value; a key with an underscore. What follows a
#: slash, a bracket or a dash is something else; ``\0`` stands for a value that is filled in.
NAME = re.compile(
    r'(?<![\w./{\0<-])(--[a-z][\w-]*|(?:[a-z]\w*\.)+[a-z]\w*|[a-z]\w*(?==[^=\s])|[a-z]+_\w+)'
)
#: Modules whose texts are files that they write, or a table of workarounds.
NO_MESSAGES = (
    'datasets/custom.py',
    'engine/compat.py',
    'experiments/search_report.py',
    'experiments/slurm.py',
    'visualization/graph.py',
    'visualization/pareto_page.py',
    'visualization/report_page.py',
)
#: Modules whose texts name keys of other projects beside ours.
FOREIGN_KEYS = ('convert/', 'utils/hrnet_settings.py', 'utils/mmpose0_settings.py')
#: Endings of files, which no option has.
SUFFIXES = ('.jpg', '.json', '.jsonl', '.log', '.mat', '.png', '.pth', '.yaml')
#: Modules, fields of files, functions, values, and keys of genotypes and skeletons.
NO_OPTIONS = {
    'work_dirs',
    *('mmcv.cnn', 'mmengine.runner', 'posenas.apis', 'init_model', 'load_checkpoint'),
    *('before_save_checkpoint', 'set_arch', 'visualizer.dataset_meta'),
    *('bbox_ids', 'category_id', 'charset', 'file_name', 'flip_idx', 'ignore_regions_y'),
    *('meta_info', 'instance_info', 'undecoded_frames'),
    *('frame_id', 't_vipnas', 'choices.frames', 's_vipnas_res50_lspet_128x96'),
    *('color_ignore_orientation', 'torch.compile', 'torch.save'),
    *('keypoint_labels', 'keypoint_x_labels', 'keypoint_y_labels'),
    *('image_paths', 'kpt_names', 'kpt_shape', 'sha256', 'track_id', 'keypoints_crowd'),
    *('finite_difference', 'first_order', 'second_order', 'evaluation.interval'),
    *('encoder.normal', 'macro.sources', 'normal', 'normal_concat', 'se_connect'),
    *('skip_connect', 'std_conv_3x3', 'posenas.compat.mmpose_installed'),
    *('dataset_info', 'keypoint_info', 'metainfo.from_file', 'skeleton_info'),
}
#: Names of all registries.
REGISTRIES = tuple(name for name in vars(registry) if name.isupper())
#: Options of other programs.
FOREIGN_OPTIONS = {'--shm-size'}


def find_texts(tree):
    """Yield line and text of every string that is no docstring; fields of f-strings become \\0."""
    hidden = set()
    for node in ast.walk(tree):  # parents before children
        if isinstance(node, ast.Expr):
            hidden.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            hidden.update(id(part) for part in ast.walk(node) if part is not node)
            parts = (getattr(part, 'value', None) for part in node.values)
            yield node.lineno, ''.join(p if isinstance(p, str) else '\0' for p in parts)
        elif isinstance(getattr(node, 'value', None), str) and id(node) not in hidden:
            yield node.lineno, node.value


def find_names(path):
    """Yield line and name of every option that a text of several words names."""
    for line, text in find_texts(parse(path)):
        if ' ' in text:
            yield from ((line, name) for name in NAME.findall(text))


@cache
def list_command_options():
    found, parsers = set(), []
    for command in COMMANDS:
        parsers.append(import_module(find_entry(command)[0]).build_parser())
    for parser in parsers:
        for action in parser._actions:
            found.update(action.option_strings)
            if isinstance(action, _SubParsersAction):
                parsers.extend(action.choices.values())
    return found


def list_arguments(kind):
    """List the arguments of a class and its bases, or of a function."""
    kinds = (
        [vars(c).get('__init__') for c in inspect.getmro(kind)] if inspect.isclass(kind) else [kind]
    )
    return {
        name for k in kinds if inspect.isfunction(k) for name in inspect.signature(k).parameters
    }


@cache
def list_registered_arguments(name):
    """List the arguments of all classes in a registry and its parents."""
    found, node = set(), getattr(registry, name, None)
    while node is not None:
        node.import_from_location()
        for kind in node.module_dict.values():
            found |= list_arguments(kind)
        node = node.parent
    return found


@cache
def list_schema():
    """Return key -> names that its dict may hold by the schema of configs."""
    entries = {}
    for known in (schema.NAMES, schema.USUAL_NAMES, schema.EXTRAS):
        for key, names in known.items():
            entries.setdefault(key.rpartition('.')[2], set()).update(names)
    return entries


@cache
def list_registries(key):
    """List the registries of the class that the value of a key names, else of what takes it."""
    if key in schema.REGISTRIES:
        return set(schema.REGISTRIES[key])
    takers = {name for name in REGISTRIES if key in list_registered_arguments(name)}
    owners = (owner for owner, names in list_schema().items() if key in names)
    return takers.union(*(schema.REGISTRIES.get(owner, ()) for owner in owners))


@cache
def list_children(key):
    """List what the dict of a key may hold."""
    arguments = (list_registered_arguments(name) for name in list_registries(key))
    return {'type'}.union(list_schema().get(key, ()), *arguments)


@cache
def list_keys():
    """List keys of configs, and arguments of classes and functions."""
    found = set(schema.RUNNER_KEYS | schema.VARIABLES)
    found.update(*list_schema().values(), *map(list_registered_arguments, REGISTRIES))
    for path in MODULES:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.arg):
                found.add(node.arg)
    return found


def exists(name):
    if name.startswith('--'):
        return name.replace('_', '-') in list_command_options() | FOREIGN_OPTIONS
    first, *rest = name.split('.')
    owners = (first, *rest)
    return first in list_keys() and all(
        child in list_children(owner) for owner, child in zip(owners, rest, strict=False)
    )


def test_texts_name_only_options_that_exist():
    found, unknown = set(), []
    for path in MODULES:
        module = path.relative_to(PACKAGE).as_posix()
        if module in NO_MESSAGES:
            continue
        for line, name in find_names(path):
            found.add(name)
            is_foreign = module.startswith(FOREIGN_KEYS) and not name.startswith('--')
            is_other = name in NO_OPTIONS or name.endswith(SUFFIXES)
            if not (is_foreign or is_other or exists(name)):
                unknown.append(f'{module}:{line}: {name}')
    assert not unknown
    assert found >= NO_OPTIONS


@pytest.mark.parametrize(
    ('text', 'unknown'),
    [
        ('set arch_cost_weight=0', ['arch_cost_weight']),
        ('set train_cfg.arch_cost_weight', ['train_cfg.arch_cost_weight']),
        ('set train_cfg.arch_objective.cost_weight=0', []),
        ('set train_cfg.arch_objective.weight=0', ['train_cfg.arch_objective.weight']),
        ('add --resumed or --resume', ['--resumed']),
        (
            'default_hooks.nan_guard.policy, default_hooks.nan_guard.polizy',
            ['default_hooks.nan_guard.polizy'],
        ),
        ('change num_view or num_views', ['num_view']),
        ('set head.out_channel=\0', ['head.out_channel']),
    ],
)
def test_options_that_do_not_exist_are_found(text, unknown):
    assert [name for name in NAME.findall(text) if not exists(name)] == unknown
