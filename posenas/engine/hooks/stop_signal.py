"""Ending a training on SIGTERM or SIGINT without losing an iteration."""

from mmengine.dist import barrier
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner

from posenas.engine.distributed import agree_on_largest
from posenas.engine.loops.train_loop import VALIDATED
from posenas.engine.optim import at_step_boundary
from posenas.engine.signals import SignalFlag
from posenas.registry import HOOKS
from posenas.utils.checkpoint import write_last_checkpoint


@HOOKS.register_module()
class StopSignalHook(Hook):
    """On SIGTERM or SIGINT to any rank: finish the iteration, save, exit with 143 or 130.

    With gradient accumulation training goes on to the next update. A second signal ends the
    process at once, as it would without this hook. Under SLURM, ask for the signal before the
    time limit and continue in the next job: ``sbatch --signal=TERM@120``, ``--resume``.

    Ranks agree after every iteration of training. In a validation they may have unequal numbers of
    batches, so each agrees once: when it gets a signal, which spares it the rest, or after its last
    batch. A signal to all ranks, as schedulers and torchrun send it, thus ends the validation at
    once; one to a single rank does so when the others have predicted their images. There are no
    scores then, and the resumed training validates again.

    Args:
        filename: Checkpoint to write in the work_dir; one is kept, the latest.
    """

    priority = 'LOWEST'

    def __init__(self, filename: str = 'interrupted.pth') -> None:
        self.filename = filename
        self.flag = SignalFlag()
        self._is_training = False

    def before_train(self, runner: Runner) -> None:
        """Start listening."""
        self.flag.install()
        self._is_training = True

    def after_train(self, runner: Runner) -> None:
        """Stop listening."""
        self.flag.restore()
        self._is_training = False

    def after_train_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Save and exit when some rank got a signal."""
        signum = agree_on_largest(self.flag.received)
        if signum and at_step_boundary(runner.optim_wrapper):
            self._save_and_exit(runner, signum, runner.iter + 1)

    def before_val_epoch(self, runner: Runner) -> None:
        """Agree with the others at once where this rank has no batch."""
        if len(runner.val_dataloader) == 0:
            self._leave_validation(runner)

    def after_val_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Agree with the others when a signal came or the last batch is done."""
        if self.flag.received or batch_idx + 1 == len(runner.val_dataloader):
            self._leave_validation(runner)

    def _leave_validation(self, runner: Runner) -> None:
        """Save and exit if some rank got a signal; every rank comes here once in a validation."""
        if not (self._is_training and at_step_boundary(runner.optim_wrapper)):
            return
        signum = agree_on_largest(self.flag.received)
        if not signum:
            return
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):  # it lent its weights to the model for validation
                hook.after_val_epoch(runner)
        runner.message_hub.update_info(VALIDATED, -1)
        self._save_and_exit(runner, signum, runner.iter)

    def _save_and_exit(self, runner: Runner, signum: int, iterations: int) -> None:
        runner.logger.warning(
            f'signal {signum}: saving {self.filename} after {iterations} iterations; '
            'continue with --resume'
        )
        meta = dict(epoch=runner.epoch, iter=iterations)
        runner.save_checkpoint(runner.work_dir, self.filename, meta=meta)
        if runner.rank == 0:
            write_last_checkpoint(runner.work_dir, f'{runner.work_dir}/{self.filename}')
        barrier()  # torchrun ends all ranks as soon as one has exited
        raise SystemExit(128 + signum)
