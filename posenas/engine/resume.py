"""Bringing a runner back to the state of a checkpoint."""

from mmengine.runner import BaseLoop, Runner

from posenas.engine.loops import TrainLoop
from posenas.engine.randomness import set_dataset_seed
from posenas.utils.errors import CheckpointError

__all__ = ['restore_training']


def restore_training(runner: Runner, checkpoint: dict) -> None:
    """Restore everything but the weights: seed, logs, optimizer, schedulers and position.

    Args:
        runner: Runner whose loop, optimizer and schedulers are built.
        checkpoint: Training checkpoint whose weights are loaded already.

    Raises:
        CheckpointError: It holds no training state, or that of other optimizers or schedulers.
    """
    meta = checkpoint.get('meta', {})
    missing = [key for key in ('epoch', 'iter') if key not in meta]
    missing += [key for key in ('optimizer', 'message_hub') if key not in checkpoint]
    if missing:
        raise CheckpointError(
            f'a checkpoint to resume from must hold {", ".join(missing)}: '
            'weights alone go into load_from, without --resume'
        )
    if meta.get('seed') is not None:
        _adopt_seed(runner, meta['seed'])
    runner.message_hub.load_state_dict(checkpoint['message_hub'])
    _restore_optimizer(runner, checkpoint['optimizer'])
    _restore_schedulers(runner, checkpoint.get('param_schedulers'))
    _set_position(runner.train_loop, meta['epoch'], meta['iter'])


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
    dataloader = runner.train_loop.dataloader
    dataloader.batch_sampler.sampler.seed = seed
    set_dataset_seed(dataloader.dataset, seed)


def _restore_optimizer(runner: Runner, state: dict) -> None:
    try:
        runner.optim_wrapper.load_state_dict(state)
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f'the optimizer must be the one of the checkpoint, got: {error}; '
            'restore optim_wrapper in the config, or use load_from without --resume'
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
