"""Registries of posenas: children of mmengine's roots under the scope ``posenas``.

Every class that a config names is registered in one of these. A registry missing here would
silently resolve to mmengine's class of the same name, so wrappers and samplers have theirs too.
``locations`` are imported the first time a name is looked up; none of this loads torch.

A ``type`` is the name under which something is registered, or a class: importing this module stops
all of mmengine's registries, ours among them, from importing what a name spells.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from mmengine import registry as roots
from mmengine.registry import Registry
from mmengine.registry import registry as lookup


def _import_location(name: str) -> ModuleType:
    """Import a location of a registry, which code gives; not the package of a scope or a name."""
    if name.endswith('.registry') and name not in sys.modules:
        raise ImportError(f'{name} must be imported by code: a config may only name it')
    return import_module(name)


def _find_registered(name: str) -> object | None:
    """Find what has a dotted name, such as mmengine writes for a class, if it is registered.

    Returns:
        None for a name without dots, which no registry has.
    """
    module, _, attribute = name.rpartition('.')
    if not module:
        return None
    found = vars(sys.modules.get(module, object)).get(attribute)
    nodes = [node for node in vars(sys.modules[__name__]).values() if isinstance(node, Registry)]
    nodes += [node for node in vars(roots).values() if isinstance(node, Registry)]
    if any(found is entry for node in nodes for entry in node.module_dict.values()):
        return found
    raise LookupError(f'nothing is registered as {name}')


# mmengine looks both functions up where its class Registry is defined, whoever made the registry
lookup.import_module = _import_location
lookup.get_object_from_string = _find_registered


def _child(name: str, parent: Registry | None, *packages: str) -> Registry:
    """Create a registry whose classes live in the existing ones of ``packages``."""
    locations = [package for package in packages if find_spec(package) is not None]
    return Registry(name, parent=parent, scope='posenas', locations=locations)


#: Runners: subclasses of ``mmengine.runner.Runner``.
RUNNERS = _child('runner', roots.RUNNERS, 'posenas.engine')
#: Callables that build a runner from a config.
RUNNER_CONSTRUCTORS = _child('runner constructor', roots.RUNNER_CONSTRUCTORS, 'posenas.engine')
#: Training, validation, test and search loops: ``mmengine.runner.BaseLoop``.
LOOPS = _child('loop', roots.LOOPS, 'posenas.engine')
#: Hooks: ``mmengine.hooks.Hook``.
HOOKS = _child('hook', roots.HOOKS, 'posenas.engine')
#: Log formatting: ``mmengine.runner.LogProcessor``.
LOG_PROCESSORS = _child('log processor', roots.LOG_PROCESSORS, 'posenas.engine')
#: ``torch.optim.Optimizer`` classes.
OPTIMIZERS = _child('optimizer', roots.OPTIMIZERS, 'posenas.engine')
#: Optimizer wrappers: ``mmengine.optim.OptimWrapper``.
OPTIM_WRAPPERS = _child('optim wrapper', roots.OPTIM_WRAPPERS, 'posenas.engine')
#: Callables that turn a model and a config into an optimizer wrapper.
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor', roots.OPTIM_WRAPPER_CONSTRUCTORS, 'posenas.engine'
)
#: Learning-rate and momentum schedules.
PARAM_SCHEDULERS = _child('parameter scheduler', roots.PARAM_SCHEDULERS, 'posenas.engine')

#: Map-style datasets that return the sample dict of their pipeline.
DATASETS = _child('dataset', roots.DATASETS, 'posenas.datasets')
#: Samplers yielding dataset indices; those for training carry the epoch of each draw.
DATA_SAMPLERS = _child('data sampler', roots.DATA_SAMPLERS, 'posenas.datasets')
#: Transforms of the sample dict; they draw from ``results['rng']``.
TRANSFORMS = _child('transform', roots.TRANSFORMS, 'posenas.datasets')
#: Keypoint codecs: ``encode`` and ``decode`` between keypoints and heatmaps or vectors, NumPy only.
KEYPOINT_CODECS = Registry('keypoint codec', scope='posenas', locations=['posenas.datasets'])

#: Backbones, necks, heads, losses, estimators, data preprocessors and averages of weights.
MODELS = _child('model', roots.MODELS, 'posenas.models', 'posenas.deploy', 'posenas.search')
#: Operators of neural fabrics (PNFS) by published name: ``operator(channels)`` makes a
#: module that keeps the shape (B, C, H, W).
CNF_OPERATORS = Registry('CNF operator', scope='posenas', locations=['posenas.models'])
#: Operations of PoseNAS cells by published name: ``operation(channels, stride)`` makes a module
#: from (B, C, H, W) to (B, C, H / stride, W / stride).
POSENAS_OPERATIONS = Registry('PoseNAS operation', scope='posenas', locations=['posenas.models'])
#: Wrappers around a whole model, such as distributed data parallel.
MODEL_WRAPPERS = _child('model wrapper', roots.MODEL_WRAPPERS, 'posenas.engine')
#: Weight initialisers that ``init_cfg`` names.
WEIGHT_INITIALIZERS = _child('weight initializer', roots.WEIGHT_INITIALIZERS, 'posenas.models')
#: Augmentations of a whole batch, used by the data preprocessor.
BATCH_AUGMENTS = _child('batch augment', None, 'posenas.models')

#: Metrics: ``mmengine.evaluator.BaseMetric``.
METRICS = _child('metric', roots.METRICS, 'posenas.evaluation')
#: Evaluators that compose metrics.
EVALUATORS = _child('evaluator', roots.EVALUATOR, 'posenas.engine')
#: Visualizers that draw samples and predictions.
VISUALIZERS = _child('visualizer', roots.VISUALIZERS, 'posenas.visualization')
#: Visualizer back ends that store pictures and scalars.
VISBACKENDS = _child('vis_backend', roots.VISBACKENDS, 'posenas.visualization')
#: Search spaces, algorithms, evaluators and costs; divisions of the body into parts; stores of
#: teachers' maps.
TASK_UTILS = _child('task util', roots.TASK_UTILS, 'posenas.search', 'posenas.models')
#: Python inference entry points.
INFERENCERS = _child('inferencer', roots.INFERENCERS, 'posenas.apis')
