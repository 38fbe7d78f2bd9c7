"""The architecture of a search chosen by what its supernet misses most."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner

from posenas.engine.loops.stream import batches_from
from posenas.engine.randomness import make_torch_generator
from posenas.genotype import save_genotype
from posenas.registry import HOOKS
from posenas.utils import check_positive
from posenas.utils.randomness import Stream, make_generator

if TYPE_CHECKING:
    from posenas.engine.loops import ArchSearchLoop


@HOOKS.register_module()
class PerturbationHook(Hook):
    """Choose the architecture at the end of a search by taking operations out of the supernet.

    See :func:`posenas.search.select_by_perturbation`; about 500 validation losses for the
    published candidates. The result replaces ``genotype.json`` of the work folder. The weights are
    left as tuning made them, and are not saved: a search that is resumed at its end chooses again.

    Args:
        num_batches: Batches of the architecture's images that each loss is measured on.
        tune_iters: Steps of the weights after each decision.
        lr: Learning rate of these steps; None keeps that of the end of the search.
    """

    #: Derived networks are trained without it.
    only_in_search = True

    def __init__(self, num_batches: int = 1, tune_iters: int = 0, lr: float | None = None) -> None:
        check_positive('num_batches', num_batches)
        if tune_iters < 0:
            raise ValueError(f'tune_iters must be at least 0, got {tune_iters}')
        self.num_batches, self.tune_iters, self.lr = num_batches, tune_iters, lr

    def after_train(self, runner: Runner) -> None:
        """Choose, and write the genotype."""
        from posenas.search import select_by_perturbation

        loop = runner.train_loop
        supernet = loop.supernet.train()
        generator = make_torch_generator(Stream.PATH, runner.seed, loop.iter)
        supernet.draw(generator, loop.temperature(loop.search_progress))
        loader = loop.arch_dataloader or loop.dataloader
        losses = [loop.make_loss(b) for b in islice(batches_from(loader, 0, 0), self.num_batches)]
        batches = _all_batches(loop)
        if self.lr is not None:
            for group in loop.optim_wrapper.param_groups:
                group['lr'] = self.lr

        @torch.no_grad()
        def measure() -> float:
            total = torch.stack([loss({}, {}).double() for loss in losses]).mean()
            all_reduce(total, op='mean')
            return float(total)

        def tune() -> None:
            for _ in range(self.tune_iters):
                loop.step_weights(next(batches))

        rng = make_generator(Stream.PERTURBATION_ORDER, runner.seed)
        _, inputs = supernet.read_strengths()
        arch = select_by_perturbation(supernet.space, supernet.backbone, measure, tune, rng, inputs)
        genotype = supernet.space.to_genotype(arch)
        runner.logger.info(f'chosen by perturbation of the supernet: {genotype.id}')
        if runner.rank == 0:
            provenance = dict(
                config=runner.experiment_name,
                seed=runner.seed,
                epoch=runner.epoch,
                selection='perturbation',
            )
            path = Path(runner.work_dir, 'genotype.json')
            save_genotype(replace(genotype, provenance=provenance), path)


def _all_batches(loop: 'ArchSearchLoop') -> Iterator[Any]:
    """Iterate the batches that training would go on with."""
    for epoch in count(loop.max_epochs):
        yield from batches_from(loop.dataloader, epoch, 0)
