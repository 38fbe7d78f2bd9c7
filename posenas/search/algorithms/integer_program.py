"""Every option measured once, then the best affordable combination by an integer program."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Candidate, Proposal, SearchAlgorithm
from posenas.search.archive import objective_values
from posenas.search.space import Arch, Choice, SearchSpace, Value
from posenas.utils import ConfigError, check_positive, check_probability

#: Programs that are solved for one combination, each around the last one's solution.
_MAX_STEPS = 60
#: Solutions beyond the limits after which fewer decisions may change.
_PATIENCE = 4
#: Factor on a limit after each solution beyond it, until one is affordable.
_TIGHTER = 0.98

Floats = NDArray[np.float64]


@TASK_UTILS.register_module()
class IntegerProgram(SearchAlgorithm):
    """Measures what each option loses against the largest architecture, and combines the cheapest.

    The first trials are the largest architecture and all that differ from it by one decision,
    whether they are affordable or not; the latter are only learnt from. Then losses of decisions
    are taken to add up, and each further trial is the combination with the next lowest sum that
    keeps to the limits, found by scipy's solver. Costs need no such assumption: programs are
    linear around a solution, whose real costs the next program starts from. Molchanov et al., LANA:
    Latency Aware Network Acceleration, ECCV 2022, choose operations by such a program.

    Further trials are mutations of these combinations.

    The first objective counts. :class:`~posenas.search.SupernetEvaluator` with ``parent_images``
    scores without labels.

    Args:
        num_solutions: Combinations that are solved for.
        mutate_prob: Chance of each decision of a mutation to change.
        **kwargs: Arguments of :class:`SearchAlgorithm`.

    Raises:
        ConfigError: There is no budget, or the space decides by weights of candidates.
    """

    def __init__(self, num_solutions: int = 16, mutate_prob: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive('num_solutions', num_solutions)
        check_probability('mutate_prob', mutate_prob)
        self.num_solutions, self.mutate_prob = num_solutions, mutate_prob
        if self.budget is None or not self.budget.limits:
            raise ConfigError('an integer program needs limits: set train_cfg.budget.limits')
        if not all(isinstance(decision, Choice) for decision in self.space.decisions):
            raise ConfigError(
                'an integer program needs decisions among options, the space decides by weights: '
                'search it by gradients'
            )
        self._budget = self.budget
        self._choices = [d for d in self.space.decisions if isinstance(d, Choice)]
        self._parent = self.space.extremes()[1]
        self._probes = _list_probes(self.space, self._choices, self._parent)
        self._costs: dict[Arch, dict[str, float]] = {}
        self._solutions: list[Arch] = []

    @property
    def num_probes(self) -> int:
        """Trials that measure options."""
        return len(self._probes)

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Return the combination with the next lowest loss; see :meth:`SearchAlgorithm.propose`."""
        wanted = trial - len(self._probes)
        losses = self._find_losses()
        while losses is not None and len(self._solutions) <= min(wanted, self.num_solutions - 1):
            solution = self._solve(losses)
            if solution is None:
                break
            self._solutions.append(solution)
        if wanted < len(self._solutions):
            return Proposal(self._solutions[wanted], (0,))
        if not self._solutions:
            return Proposal(self.space.sample(rng))
        source = self._solutions[wanted % len(self._solutions)]
        return Proposal(self.space.mutate(source, self.mutate_prob, rng), (0,))

    def _find_candidate(
        self, trial: int, known: set[str], excess: dict[Arch, float]
    ) -> Candidate | None:
        """Return a probe, affordable or not, and then what :meth:`propose` finds."""
        if trial >= len(self._probes):
            return super()._find_candidate(trial, known, excess)
        arch = self._probes[trial]
        costs = self._measure(arch)
        beyond = self._violation(arch) > 0
        parents = (0,) if trial else ()
        return Candidate(trial, arch, self.space.to_genotype(arch), costs, parents, beyond)

    def _measure(self, arch: Arch) -> dict[str, float]:
        if arch not in self._costs:
            self._costs[arch] = self._budget.measure(self.space.to_genotype(arch))
        return self._costs[arch]

    def _violation(self, arch: Arch) -> float:
        return self._budget.violation(self._measure(arch))

    def _find_losses(self) -> list[Floats] | None:
        """Return what each option of each decision loses; infinite where it was not measured.

        Returns:
            None where the parent has no score.
        """
        name = next(iter(self.objectives))
        records = self.records[: len(self._probes)]
        measured = [r for r in records if r.status in ('ok', 'beyond')]
        if len(records) < len(self._probes) or not measured or measured[0].trial:
            return None
        better = {name: self.objectives[name]}
        values = objective_values(measured, better, beyond=True)[:, 0]
        known = {r.arch: v - values[0] for r, v in zip(measured, values.tolist(), strict=True)}
        by_id = {r.id: known[r.arch] for r in measured}
        losses = []
        for choice in self._choices:
            archs = [_change(self.space, self._parent, choice, option) for option in choice.options]
            ids = [None if a is None else self.space.to_genotype(a).id for a in archs]
            losses.append(np.array([by_id.get(i, np.inf) if i else np.inf for i in ids]))
        return losses

    def _solve(self, losses: list[Floats]) -> Arch | None:
        """Return the affordable combination with the lowest loss that is not taken yet."""
        probes = self.records[: len(self._probes)]  # nothing later, so that it can be repeated
        taken = [*self._solutions, *(r.arch for r in probes if r.status != 'beyond')]
        found = [self._descend(start, losses, taken) for start in self.space.extremes()]
        best = [pair for pair in found if pair is not None]
        return min(best, key=lambda pair: pair[0])[1] if best else None

    def _descend(
        self, start: Arch, losses: list[Floats], taken: list[Arch]
    ) -> tuple[float, Arch] | None:
        """Solve programs around one solution after another, from ``start`` on.

        As long as costs surprise, fewer decisions may change at a time.

        Returns:
            The lowest sum of losses that was found to be affordable, and its combination.
        """
        ids = {self.space.to_genotype(arch).id for arch in taken}
        cuts = [self._pick(arch) for arch in taken]
        current, reach, fails, tight = start, len(self._choices), 0, 1.0
        best: tuple[float, Arch] | None = None
        for _ in range(_MAX_STEPS):
            bounds = (self._pick(current), reach)
            picked = _solve_program(losses, self._linearise(current, tight), cuts, bounds)
            chosen = None if picked is None else self._read(picked)
            if picked is None or chosen is None or self.space.to_genotype(chosen).id in ids:
                if picked is None and reach == len(self._choices):
                    break
                reach = min(2 * reach, len(self._choices)) if picked is None else reach
                cuts += [] if picked is None else [picked]
                continue
            loss = float(sum(part[i] for part, i in zip(losses, picked, strict=True)))
            if self._violation(chosen) > 0:
                cuts.append(picked)
                fails += 1
                if best is None:
                    current, tight = chosen, tight * _TIGHTER
                elif fails % _PATIENCE == 0:
                    reach = max(1, reach // 2)
            elif best is None or loss < best[0]:
                best, current, fails = (loss, chosen), chosen, 0
                reach = min(2 * reach, len(self._choices))
            elif reach > 1:
                reach //= 2
            else:
                break
        return best

    def _read(self, picked: list[int]) -> Arch | None:
        """Return the architecture of one option of each decision; None if they do not go."""
        pairs = zip(self._choices, picked, strict=True)
        arch = self.space.repair(Arch({c.name: c.options[i] for c, i in pairs}))
        return None if self.space.find_conflict(arch) is not None else arch

    def _pick(self, arch: Arch) -> list[int]:
        return [choice.options.index(arch[choice.name]) for choice in self._choices]

    def _linearise(self, current: Arch, tight: float) -> list[tuple[list[Floats], float, float]]:
        """Return coefficients, lower and upper bound of each limit, around an architecture."""
        base = self._measure(current)
        changed = [[_change(self.space, current, c, o) for o in c.options] for c in self._choices]
        rows = []
        for name, (low, high) in self._budget.limits.items():
            steps = [
                np.array([0.0 if a is None else self._measure(a)[name] - base[name] for a in part])
                for part in changed
            ]
            lower = -np.inf if low is None else low / tight - base[name]
            upper = np.inf if high is None else high * tight - base[name]
            rows.append((steps, lower, upper))
        return rows


def _change(space: SearchSpace, arch: Arch, choice: Choice, option: Value) -> Arch | None:
    """Return an architecture with another option; None if it cannot have it."""
    changed = space.repair(arch | {choice.name: option})
    return None if space.find_conflict(changed) is not None else changed


def _list_probes(space: SearchSpace, choices: list[Choice], parent: Arch) -> list[Arch]:
    """Return the parent and what differs from it by one decision, each network once."""
    changed = [_change(space, parent, choice, o) for choice in choices for o in choice.options]
    by_id = {space.to_genotype(arch).id: arch for arch in (parent, *changed) if arch is not None}
    by_id[space.to_genotype(parent).id] = parent
    return list(by_id.values())


def _solve_program(
    losses: list[Floats],
    rows: list[tuple[list[Floats], float, float]],
    cuts: list[list[int]],
    around: tuple[list[int], int],
) -> list[int] | None:
    """Choose one option of each decision, of the lowest sum of losses.

    Args:
        losses: Of the options of each decision; infinite ones are not chosen.
        rows: Coefficients of the options, lower and upper bound of their sum.
        cuts: Combinations that are not wanted.
        around: Combination, and from how many of its options a solution may differ.

    Returns:
        The option of each decision; None where nothing keeps to the limits.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    flat = np.concatenate(losses)
    sizes = [len(part) for part in losses]
    starts = np.cumsum([0, *sizes[:-1]])
    one_each = np.zeros((len(sizes), len(flat)))
    for row, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        one_each[row, start : start + size] = 1
    constraints = [LinearConstraint(one_each, 1, 1)]
    constraints += [LinearConstraint(np.concatenate(steps), low, up) for steps, low, up in rows]
    limits = [(cut, 0, len(sizes) - 1) for cut in cuts]
    for combination, least, most in [*limits, (around[0], len(sizes) - around[1], len(sizes))]:
        chosen = np.zeros(len(flat))
        chosen[starts + np.array(combination)] = 1
        constraints.append(LinearConstraint(chosen, least, most))
    open_ = np.isfinite(flat)
    found = milp(
        np.where(open_, flat, 0.0),
        constraints=constraints,
        integrality=np.ones(len(flat)),
        bounds=Bounds(0, open_.astype(float)),
    )
    if found.x is None:
        return None
    return [int(part.argmax()) for part in np.split(found.x, starts[1:])]
