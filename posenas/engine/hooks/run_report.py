"""What a run did with all that it was given, and whether its predictions can mean anything."""

from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from posenas.engine.facts import describe_left_out, list_leaves
from posenas.models import PredictionSpread, describe_doubts
from posenas.registry import HOOKS
from posenas.utils.errors import ConfigError
from posenas.utils.telling import TOLD


@HOOKS.register_module()
class RunReportHook(Hook):
    """Say at the end how much was left out and why; warn of predictions that mean nothing.

    Training ends with a line of iterations, people and samples left out; testing with one of
    people. Warnings, with their reasons: batch norms whose statistics have not settled,
    predictions that are the same for everybody in the last validation or in the test, and a test
    without weights.
    """

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self._first_iter = 0
        self._has_trained = False
        self._spread = PredictionSpread()

    def before_train(self, runner: Runner) -> None:
        """Remember where training begins."""
        self._first_iter, self._has_trained = runner.iter, True

    def before_val_epoch(self, runner: Runner) -> None:
        """Compare the predictions of this validation alone."""
        _require_batches(runner.val_dataloader, 'val_dataloader')
        self._spread = PredictionSpread()

    def before_test_epoch(self, runner: Runner) -> None:
        """Warn of weights that nothing has loaded or trained."""
        _require_batches(runner.test_dataloader, 'test_dataloader')
        self._spread = PredictionSpread()
        has_weights = next(runner.model.parameters(), None) is not None  # files have none
        if has_weights and not (runner.has_loaded or self._has_trained):
            runner.logger.warning(
                'no checkpoint was loaded, so the weights are random and scores mean nothing: set '
                'load_from'
            )

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,  # noqa: ANN401  (any collation)
        outputs: Any = None,  # noqa: ANN401
    ) -> None:
        """Count the predictions of a batch."""
        if isinstance(data_batch, dict) and outputs and hasattr(outputs[0], 'pred_instances'):
            self._spread.add(data_batch['inputs'], outputs)

    after_test_iter = after_val_iter

    def after_train(self, runner: Runner) -> None:
        """Report the training."""
        loop, loader = runner.train_loop, runner.train_dataloader
        done = runner.iter - self._first_iter
        text = [f'trained for {done} iterations, {runner.iter} of {loop.max_iters} are done']
        text += _describe_data(loader)
        unused = _count_unused(loader)
        if unused:
            text.append(f'{unused} samples of each epoch are not used (drop_last)')
        skipped = sum(getattr(hook, 'skipped', 0) for hook in runner.hooks)
        if skipped:
            text.append(f'{skipped} iterations were skipped (loss or gradient not finite)')
        runner.logger.info('; '.join(text), extra=TOLD)
        if not done:
            runner.logger.warning(
                f'nothing was trained: {runner.iter} of {loop.max_iters} iterations were done '
                'before; to go on, set a larger train_cfg.max_epochs or max_iters'
            )
        self._warn(runner)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Report the test."""
        text = '; '.join(['tested', *_describe_data(runner.test_dataloader)])
        runner.logger.info(text, extra=TOLD)
        self._warn(runner)

    def _warn(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for text in describe_doubts(model, self._spread):
            runner.logger.warning(text)


def _require_batches(loader: DataLoader, name: str) -> None:
    """Refuse a loader that drops everything; a rank alone may have none of a few samples."""
    sampler = loader.batch_sampler
    share = -(-len(loader.dataset) // get_world_size())
    if getattr(sampler, 'drop_last', False) and share < sampler.batch_size:
        raise ConfigError(
            f'{name} must have at least one batch, got none from {len(loader.dataset)} samples in '
            f'batches of {sampler.batch_size}: set {name}.drop_last=False'
        )


def _count_unused(loader: DataLoader) -> int:
    """Count the samples of a rank that each epoch leaves out; another order leaves out others."""
    sampler = loader.batch_sampler
    if not getattr(sampler, 'drop_last', False) or not hasattr(sampler, 'sampler'):
        return 0
    return len(sampler.sampler) % sampler.batch_size


def _describe_data(loader: DataLoader) -> list[str]:
    """Say how many samples there are, and how many were left out of the files or unreadable."""
    left_out = describe_left_out(loader.dataset)
    text = [f'{len(loader.dataset)} samples', *([left_out] if left_out else [])]
    for part in list_leaves(loader.dataset):
        bad = getattr(part, 'bad_samples', ())
        if bad:
            names = ', '.join(each['img_path'] for each in bad[:3])
            more = f' and {len(bad) - 3} more' if len(bad) > 3 else ''
            text.append(
                f'{len(bad)} samples could not be read ({part.bad_sample_policy}): {names}{more}'
            )
    return text
