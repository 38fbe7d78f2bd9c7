"""How single architectures of a supernet fare while it is trained."""

from typing import TYPE_CHECKING

import torch
from mmengine.dist import all_gather_object, get_dist_info
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from posenas.engine.loops.search_loop import make_bench
from posenas.registry import HOOKS, TASK_UTILS
from posenas.utils import check_positive
from posenas.utils.randomness import Stream, make_generator

if TYPE_CHECKING:
    from posenas.search import Arch


@HOOKS.register_module()
class SubnetScoresHook(Hook):
    """Score the same few architectures again and again: smallest, largest and random ones.

    Each is scored as a search would do it, with statistics of its own, on the images of
    ``val_dataloader`` by the metrics of ``val_evaluator``; statistics come from images of the
    training, augmented as there. The training does not notice. Scores are curves such as
    ``largest/PCK``; processes share the architectures out.

    Args:
        interval: Epochs between two scorings.
        num_random: Random architectures.
        num_calibration: Training images for batch norms.
    """

    #: There are no architectures in plain trainings.
    only_in_search = True

    def __init__(self, interval: int = 10, num_random: int = 2, num_calibration: int = 512) -> None:
        check_positive('interval', interval)
        check_positive('num_calibration', num_calibration)
        self.interval, self.num_random = interval, num_random
        self.num_calibration = num_calibration

    def after_train_epoch(self, runner: Runner) -> None:
        """Score, if it is time."""
        if not self.every_n_epochs(runner, self.interval):
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        buffers = {name: value.clone() for name, value in model.named_buffers()}
        try:
            found = self._score_all(runner, model)
        finally:
            model.set_arch(None)
            with torch.no_grad():
                for name, value in model.named_buffers():
                    value.copy_(buffers[name])
        runner.visualizer.add_scalars(found, step=runner.epoch + 1)
        figures = ', '.join(f'{name} {value:.4g}' for name, value in found.items())
        runner.logger.info(f'architectures after epoch {runner.epoch + 1}: {figures}')

    def _score_all(self, runner: Runner, model: torch.nn.Module) -> dict[str, float]:
        """Return architecture/metric -> score, in all processes."""
        evaluator = TASK_UTILS.build(
            dict(
                type='SupernetEvaluator',
                space=model.space,
                num_threads=torch.get_num_threads(),
            )
        )
        loader = runner.train_loop.dataloader
        bench = make_bench(runner, model, loader, self.num_calibration)
        evaluator.start(lambda: bench)
        rank, world_size = get_dist_info()
        mine = {
            f'{name}/{key}': score
            for i, (name, arch) in enumerate(self._choose(runner, model).items())
            if i % world_size == rank
            for key, score in evaluator.evaluate(arch, runner.seed, runner.work_dir).items()
        }
        return {key: score for part in all_gather_object(mine) for key, score in part.items()}

    def _choose(self, runner: Runner, model: torch.nn.Module) -> dict[str, 'Arch']:
        smallest, largest = model.space.extremes()
        random = {
            f'random_{i}': model.space.sample(make_generator(Stream.SCORED_SUBNETS, runner.seed, i))
            for i in range(self.num_random)
        }
        return dict(smallest=smallest, largest=largest, **random)
