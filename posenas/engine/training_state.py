"""What a training consists of: gathering it for a checkpoint and bringing a runner back to it."""

import time

import mmengine
from mmengine.model import is_model_wrapper
from mmengine.optim import _ParamScheduler
from mmengine.runner import BaseLoop, Runner
from mmengine.utils import apply_to
from torch import Tensor

from posenas.engine.loops import TrainLoop
from posenas.engine.randomness import set_dataset_seed
from posenas.utils.config import read_input_size
from posenas.utils.errors import CheckpointError
from posenas.utils.randomness import SCHEME, SCHEME_KEY, explain_scheme
from posenas.version import __version__


def collect_training(runner: Runner, position: dict, optimizer: bool, schedulers: bool) -> dict:
    """Gather the state of a training in the layout of mmengine's checkpoints, on the CPU.

    Args:
        runner: Runner in training.
        position: Complete epochs and iterations, under ``epoch`` and ``iter``.
        optimizer: Whether to include the optimizer; without it nothing can be resumed.
        schedulers: Whether to include the schedulers, likewise.

    Returns:
        ``meta``, ``state_dict``, ``message_hub`` and, as asked, ``optimizer``,
        ``param_schedulers``.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    meta = dict(
        position,
        cfg=runner.config_text,
        seed=runner.seed,
        experiment_name=runner.experiment_name,
        time=time.strftime('%Y%m%d_%H%M%S'),
        mmengine_version=mmengine.__version__,
        posenas_version=__version__,
        **{SCHEME_KEY: SCHEME},
    )
    input_size = read_input_size(runner.cfg)
    if input_size is not None:
        meta['input_size'] = input_size
    dataset = runner.train_dataloader.dataset
    if hasattr(dataset, 'metainfo'):
        meta['dataset_meta'] = dataset.metainfo
    checkpoint = dict(
        meta=meta, state_dict=model.state_dict(), message_hub=runner.message_hub.state_dict()
    )
    if optimizer:
        checkpoint['optimizer'] = runner.optim_wrapper.state_dict()
    if schedulers and runner.param_schedulers is not None:
        checkpoint['param_schedulers'] = _scheduler_states(runner.param_schedulers)
    return apply_to(checkpoint, lambda value: isinstance(value, Tensor), Tensor.cpu)


def _scheduler_states(schedulers: list | dict) -> list | dict:
    if isinstance(schedulers, dict):
        return {name: _scheduler_states(items) for name, items in schedulers.items()}
    return [read_scheduler(scheduler) for scheduler in schedulers]


def read_scheduler(scheduler: _ParamScheduler) -> dict[str, object]:
    """Return the state of a schedule without the functions, which its config gives again."""
    return {key: value for key, value in scheduler.state_dict().items() if not callable(value)}


def restore_training(runner: Runner, checkpoint: dict) -> None:
    """Restore everything but the weights: seed, logs, optimizer, schedulers and position.

    Args:
        runner: Runner whose loop, optimizer and schedulers are built.
        checkpoint: Training checkpoint whose weights are loaded already.

    Raises:
        CheckpointError: It holds no training state, a damaged one, that of other optimizers or
            schedulers, or one with random numbers of another scheme.
    """
    meta = checkpoint.get('meta', {})
    missing = [key for key in ('epoch', 'iter') if key not in meta]
    missing += [key for key in ('optimizer', 'message_hub') if key not in checkpoint]
    if missing:
        raise CheckpointError(
            f'a checkpoint to resume from must hold {", ".join(missing)}: '
            'weights alone go into load_from, without --resume'
        )
    _check_scheme(meta)
    try:
        if meta.get('seed') is not None:
            _adopt_seed(runner, meta['seed'])
        runner.message_hub.load_state_dict(checkpoint['message_hub'])
        _restore_optimizer(runner, checkpoint['optimizer'])
        _restore_schedulers(runner, checkpoint.get('param_schedulers'))
        _set_position(runner.train_loop, meta['epoch'], meta['iter'])
    except CheckpointError:
        raise
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(
            'the state of a training must be as it was written, got '
            f'{type(error).__name__}: {error}; take another checkpoint, or use its weights alone, '
            'by load_from without --resume'
        ) from error


def _check_scheme(meta: dict) -> None:
    """Refuse a training of ours that drew other random numbers; those of others never matched."""
    conflict = explain_scheme(meta.get(SCHEME_KEY))
    if conflict and 'posenas_version' in meta:
        raise CheckpointError(
            f'the training of this checkpoint {conflict}: start from its weights in another work '
            'dir, with load_from and without --resume, or continue it with the version of posenas '
            'that wrote it'
        )


def _adopt_seed(runner: Runner, seed: int) -> None:
    """Go on with the checkpoint's seed in the generators, data set and sampler."""
    if seed == runner.seed:
        return
    if runner.seed_was_given:
        runner.logger.warning(
            f'the checkpoint was trained with seed {seed}, the config says {runner.seed}: '
            f'training continues with {seed}'
        )
    runner.set_randomness(**dict(runner._randomness_cfg, seed=seed))
    loop = runner.train_loop
    for dataloader in getattr(loop, 'dataloaders', (loop.dataloader,)):
        dataloader.batch_sampler.sampler.seed = seed
        set_dataset_seed(dataloader.dataset, seed)


def _restore_optimizer(runner: Runner, state: dict) -> None:
    try:
        runner.optim_wrapper.load_state_dict(state)
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f'the optimizer must match the checkpoint, got: {error}; restore optim_wrapper in the '
            'config, or use load_from without --resume'
        ) from error


def _restore_schedulers(runner: Runner, states: list | dict | None) -> None:
    schedulers = runner.param_schedulers
    pairs = [(schedulers or [], states or [])]
    if isinstance(schedulers, dict):
        pairs = [(schedulers[name], (states or {}).get(name, [])) for name in schedulers]
    for built, saved in pairs:
        if len(built) != len(saved):
            raise CheckpointError(
                f'the checkpoint has {len(saved)} schedulers, the config {len(built)}: restore '
                'param_scheduler in the config, or use load_from without --resume'
            )
        for scheduler, state in zip(built, saved, strict=True):
            scheduler.load_state_dict(state)


def _set_position(loop: BaseLoop, epoch: int, iteration: int) -> None:
    if isinstance(loop, TrainLoop):
        loop.locate(epoch, iteration)
    else:
        loop._epoch, loop._iter = epoch, iteration
