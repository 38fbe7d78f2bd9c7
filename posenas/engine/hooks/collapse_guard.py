"""Watching a search by gradients and ending it before it collapses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from posenas.engine.loops.arch_search_loop import ARCH_LOSS
from posenas.engine.loops.stream import batches_from
from posenas.engine.randomness import make_torch_generator
from posenas.genotype import save_genotype
from posenas.registry import HOOKS, TASK_UTILS
from posenas.utils import check_positive, write_json
from posenas.utils.randomness import Stream

if TYPE_CHECKING:
    from posenas.search import Observation, Stop

#: Message hub entry: plain observations and the stop, so that a resumed search continues them.
_STATE = 'collapse_guard'


@HOOKS.register_module()
class CollapseGuardHook(Hook):
    """Observe a search after each of its epochs; stop it when a rule says so; write the result.

    Epochs that only warm weights up are not observed. All observations are in
    ``collapse.json`` of the work folder, with a picture of them in ``search.png``, the architecture
    of the search in ``genotype.json``: that of the epoch which the rule names, or of the last one.

    Args:
        rules: Configs of :class:`posenas.search.CollapseRule`; any of them may stop the search.
        stop: Whether to stop; else stops are only noted.
        eigenvalue: Whether to compute the largest eigenvalue of the Hessian of the validation
            loss, on one fixed batch of the architecture's images; each iteration costs a double
            backward.
        num_iterations: Iterations of its computation.
        picture: Whether to draw, anew after each epoch.
    """

    #: Derived networks are trained without it.
    only_in_search = True

    def __init__(
        self,
        rules: Sequence[Mapping] = (),
        stop: bool = True,
        eigenvalue: bool = False,
        num_iterations: int = 20,
        picture: bool = True,
    ) -> None:
        check_positive('num_iterations', num_iterations)
        self.rules = [TASK_UTILS.build(dict(rule)) for rule in rules]
        self.stop, self.eigenvalue, self.num_iterations = stop, eigenvalue, num_iterations
        self.picture = picture
        self._history: list[Observation] = []
        self._stop: Stop | None = None

    def before_train(self, runner: Runner) -> None:
        """Continue the observations of a resumed search, which may have been stopped."""
        from posenas.search import Observation, Stop

        state = runner.message_hub.get_info(_STATE, {})
        self._history = [Observation.from_dict(one) for one in state.get('history', [])]
        self._stop = Stop(**state['stop']) if state.get('stop') else None
        if self._stop and self.stop:
            runner.train_loop.stop_training = True

    def after_train_epoch(self, runner: Runner) -> None:
        """Observe, and ask the rules."""
        loop = runner.train_loop
        if runner.epoch < loop.arch_begin_epoch:
            return
        self._history.append(self._observe(runner))
        if self._stop is None:
            stops = (rule.check(self._history) for rule in self.rules)
            self._stop = next((stop for stop in stops if stop), None)
            if self._stop:
                runner.logger.warning(
                    f'{self._stop.reason}: the result is the architecture of epoch '
                    f'{self._stop.epoch}'
                )
        if self._stop and self.stop:
            loop.stop_training = True
        state = dict(
            history=[one.to_dict() for one in self._history],
            stop=self._stop and self._stop.to_dict(),
        )
        runner.message_hub.update_info(_STATE, state)
        if runner.rank == 0:
            self._write(runner, state)

    def _observe(self, runner: Runner) -> 'Observation':
        from posenas.search import Observation
        from posenas.search.objective import entropy

        supernet = runner.train_loop.supernet
        value = self._find_eigenvalue(runner) if self.eigenvalue else None
        spread = float(entropy(supernet.arch_weights().values()).detach())
        loss = runner.message_hub.get_info(ARCH_LOSS)
        return Observation(runner.epoch + 1, supernet.read_arch(), spread, value, loss)

    def _find_eigenvalue(self, runner: Runner) -> float:
        """Return the eigenvalue for the first batch of the architecture's images."""
        from posenas.search import largest_eigenvalue

        loop = runner.train_loop
        supernet = loop.supernet
        arch = {n: p for n, p in supernet.arch_parameters().items() if p.requires_grad}
        weights = {n: p for n, p in supernet.named_parameters() if n not in arch}
        supernet.train()
        loader = loop.arch_dataloader or loop.dataloader
        loss = loop.make_loss(next(batches_from(loader, 0, 0)))
        generator = make_torch_generator(Stream.EIGENVALUE, runner.seed)
        value = largest_eigenvalue(
            lambda parameters: loss(weights, parameters), arch, generator, self.num_iterations
        )
        mean = torch.tensor(value, dtype=torch.float64)
        all_reduce(mean, op='mean')
        return float(mean)

    def _write(self, runner: Runner, state: dict) -> None:
        """Write observations and the architecture that they lead to."""
        folder = Path(runner.work_dir)
        epoch = self._history[-1].epoch if self._stop is None else self._stop.epoch
        chosen = next(one for one in self._history if one.epoch == epoch)
        genotype = runner.train_loop.supernet.space.to_genotype(chosen.arch)
        provenance = dict(
            config=runner.experiment_name,
            seed=runner.seed,
            epoch=epoch,
            stop_reason=self._stop.reason if self._stop else None,
        )
        save_genotype(replace(genotype, provenance=provenance), folder / 'genotype.json')
        write_json(folder / 'collapse.json', state, indent=1)
        if self.picture:
            _draw(runner.train_loop.supernet, state['history'], folder / 'search.png')


def _draw(supernet: nn.Module, history: Sequence[Mapping], path: Path) -> None:
    """Draw the observations and what the candidates weigh now."""
    from posenas.visualization import draw_search

    weights = {
        name.rpartition('.')[2]: value.detach().reshape(-1, value.shape[-1]).cpu().numpy()
        for name, value in supernet.arch_weights().items()
    }
    draw_search(history, weights, path, supernet.candidates)
