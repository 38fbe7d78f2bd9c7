"""Going back to an earlier checkpoint in the middle of a training."""

from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner


class RollBack(Exception):  # noqa: N818  (a request to the loop, not an error)
    """Ask the training loop to continue from ``checkpoint``.

    Args:
        checkpoint: Path to resume from.
    """

    def __init__(self, checkpoint: str) -> None:
        super().__init__(checkpoint)
        self.checkpoint = checkpoint

    def restore(self, runner: Runner) -> None:
        """Put ``runner`` into the state of the checkpoint; hooks hear ``after_roll_back``."""
        runner.optim_wrapper.zero_grad()
        runner.resume(self.checkpoint)
        runner.call_hook('after_roll_back')


def scale_learning_rate(runner: Runner, factor: float) -> None:
    """Multiply present and future learning rates of all parameter groups by ``factor``."""
    wrapper = runner.optim_wrapper
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    for group in (group for item in wrappers for group in item.param_groups):
        for key in ('lr', 'initial_lr'):
            if key in group:
                group[key] *= factor
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        schedulers = [item for items in schedulers.values() for item in items]
    for scheduler in schedulers:
        if scheduler.param_name == 'lr':
            scheduler.base_values = [value * factor for value in scheduler.base_values]
