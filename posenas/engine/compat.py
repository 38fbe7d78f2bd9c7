"""Every workaround for mmengine 0.10.7 on current torch and NumPy, and where it lives.

:func:`apply` installs those that replace something inside mmengine; the others are classes of the
same name in our registries, which configs get by ``default_scope = 'posenas'``, or methods of
:class:`posenas.engine.PoseRunner`. Each has a test in tests/engine/test_compat.py, which also
shows, where it can, that mmengine still needs it.
"""

from mmengine.runner.checkpoint import CheckpointLoader

from posenas.utils.checkpoint_loaders import register_checkpoint_loaders
from posenas.utils.config_text import allow_keywords_as_keys
from posenas.utils.file_backend import register_atomic_backend

#: What fails -> where it is put right.
WORKAROUNDS = {
    'F1 torch.load refuses training checkpoints': 'utils.checkpoint_loaders, PlainCheckpointHook',
    'F2 resuming runs the config stored in a checkpoint': 'PoseRunner.resume, load_from_local',
    'F3 init_dist needs CUDA': 'PoseRunner.setup_env, engine.distributed.init_gloo',
    'F4 DDP gets device ids on CPU': 'engine.model_wrappers, PoseRunner.wrap_model',
    'F5 configs ask for nccl on CPU': 'PoseRunner.setup_env',
    'F6 AmpOptimWrapper needs a GPU': 'engine.optim.AmpOptimWrapper',
    'F7 pkg_resources is gone': 'never imported; importlib.metadata instead',
    'F8 config names of other packages are unknown': 'apis.model_zoo',
    'F9 NaN trains on silently': 'engine.optim.OptimWrapper, TrainLoop, NanGuardHook',
    'F10 checkpoints are deleted first and written in place': 'CheckpointHook, utils.atomic_io',
    'F11 a stale last_checkpoint ends the resume': 'utils.checkpoint.find_latest_checkpoint',
    'F12 resuming is not exact': 'engine.loops, engine.randomness, datasets.samplers',
    'F13 HistoryBuffer refuses NumPy scalars': 'engine.evaluator; logs go through MessageHub',
    'F14 metrics are NumPy scalars': 'engine.evaluator.Evaluator',
    'F15 ExpMomentumEMA, CheckInvalidLossHook live elsewhere': 'models.ema, engine.hooks',
    'F16 importing mmengine.optim warns': 'pyproject.toml, filterwarnings',
    'F17 --cfg-options cannot take dict(...)': 'utils.config',
    'F18 the rule of save_best must be given': 'configs, engine.hooks.CheckpointHook',
    'F19 opencv 5 returns None or raises for broken images': 'datasets.transforms.LoadImage',
    'F20 two opencv packages at once': 'posenas doctor',
    'F21 unused parameters end DDP training': 'find_unused_parameters of the config',
    'F22 torch.distributed.launch is deprecated': 'tools/dist_*.sh',
    'F27 partial gradients are not saved': 'TrainLoop, CheckpointHook, StopSignalHook',
    'F28 missing names resolve to mmengine': 'registry.py, engine.optim',
    'F29 configs with keywords as keys cannot be written': 'utils.config_text',
}


def apply() -> None:
    """Install safe loading and atomic writing in mmengine; may be called repeatedly."""
    register_checkpoint_loaders()
    register_atomic_backend()
    allow_keywords_as_keys()


def load_checkpoint(filename: str, map_location: str = 'cpu') -> dict:
    """Load a checkpoint from a path or address through the safe loaders."""
    return CheckpointLoader.load_checkpoint(filename, map_location)
