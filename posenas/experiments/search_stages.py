"""Stages of ``posenas search run``: their configs, and the arms of a plan that runs them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from posenas.apis import build_space, load_checked
from posenas.experiments.plan import Arm
from posenas.experiments.search_budget import SearchPlan
from posenas.experiments.search_data import SCORE, SearchData, compose, make_search, write_config
from posenas.experiments.search_networks import WEIGHTS
from posenas.experiments.search_spaces import RunSpace
from posenas.search import Budget, read_search
from posenas.utils.errors import ConfigError

#: Share of a latency limit that predictions may reach: they miss by some per cent.
_LATENCY_SHARE = 0.97
#: Random networks cost as much as what was found within this share.
_EQUAL = 0.02
#: Draws before a random network of equal cost is given up.
_MAX_TRIES = 5000
#: Added to the seed of a search for random networks: the same one would begin with the same.
_OTHER_SEEDS = 1_000_000
#: What lets a distillation write the weights of its student.
_SAVE_STUDENT = dict(save_best='auto', rule='greater')
#: Networks that are trained, and what each is called in tables.
TRAINED = dict(searched='found', random='random, equal cost', distilled='found, distilled')


@dataclass(frozen=True)
class SearchRun:
    """What all stages share.

    Attributes:
        folder: Folder of everything.
        data: The data.
        space: The space.
        plan: What was planned.
        limits: Cost -> upper bound, in what budgets count.
        teacher: Config and weights of the teacher; None without one.
    """

    folder: Path
    data: SearchData
    space: RunSpace
    plan: SearchPlan
    limits: Mapping[str, float]
    teacher: tuple[str, str] | None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the searches."""
        return tuple(range(self.plan.arguments['seeds']))

    @property
    def table(self) -> Path | None:
        """File of the latency table; None where the space has none."""
        return self.folder / 'table_s0' / 'latency.json' if self.space.has_latency else None

    @property
    def has_baseline(self) -> bool:
        """Whether random networks are trained beside."""
        return bool(self.space.counter and self.plan.arguments['baseline'])

    @property
    def is_openvino(self) -> bool:
        """Whether networks are exported for OpenVINO."""
        return bool(self.plan.arguments['engine'] == 'openvino')

    @property
    def equal_cost(self) -> str:
        """Cost in which random networks equal what was found."""
        return next(iter(self.limits), 'macs')


def _path(search: SearchRun, name: str) -> Path:
    return search.folder / f'{name}.py'


def write_configs(search: SearchRun, base: Config) -> None:
    """Write the configs of supernet, search and training."""
    numbers = search.plan.numbers
    training = load_checked(search.space.training)
    write_config(
        compose(training, search.data, numbers['train_epochs'], is_supernet=False),
        _path(search, 'training'),
    )
    holds_out = base.train_cfg.type == 'SupernetLoop' or bool(search.space.counter)
    supernet = compose(base, search.data, numbers['supernet_epochs'], is_supernet=holds_out)
    write_config(supernet, _path(search, 'supernet'))
    if search.space.counter:
        loop = dict(
            algorithm=dict(
                type='EvolutionSearch',
                objectives={SCORE: 'greater'},
                num_random=2 * numbers['wave'],
                num_parents=max(4, numbers['wave'] // 2),
                repair=True,
            ),
            wave=numbers['wave'],
            num_waves=numbers['num_waves'],
            num_calibration=numbers['num_calibration'],
        )
        write_config(_make_search(search, loop, _upper_limits(search)), _path(search, 'search'))


def _upper_limits(search: SearchRun) -> dict[str, tuple[float | None, float]]:
    share = {'latency': _LATENCY_SHARE}
    return {name: (None, share.get(name, 1.0) * value) for name, value in search.limits.items()}


def _list_costs(search: SearchRun, cfg: Config) -> list[dict]:
    counter = search.space.make_counter(cfg)
    costs = [dict(type='MacsCost', counter=counter), dict(type='ParamsCost', counter=counter)]
    if search.table:
        costs.insert(0, dict(type='LatencyCost', table=search.table.as_posix()))
    return costs


def _make_search(search: SearchRun, loop: Mapping[str, Any], limits: Mapping[str, Any]) -> Config:
    supernet = load_checked(_path(search, 'supernet'))
    checkpoint = search.folder / 'supernet_s0' / f'epoch_{supernet.train_cfg.max_epochs}.pth'
    costs = _list_costs(search, supernet)
    return make_search(supernet, checkpoint, loop, costs, limits, search.data)


def check_limits(search: SearchRun) -> None:
    """Require that some network of the space keeps to the limits.

    Raises:
        ConfigError: The smallest one does not.
    """
    cfg = load_checked(_path(search, 'search'))
    space = build_space(cfg)
    budget = Budget(**cfg.train_cfg.budget.to_dict())
    costs = budget.measure(space.to_genotype(space.extremes()[0]))
    for name, (_, high) in budget.limits.items():
        if high is not None and costs[name] > high:
            raise ConfigError(
                f'{name} must allow some networks of the space, but the smallest has '
                f'{costs[name]:.4g} and the limit is {high:.4g}: raise the limit, or choose '
                'another space'
            )


def write_chance(search: SearchRun, seed: int) -> None:
    """Write the config of a random network that costs what a search has found."""
    winner = read_search(search.folder / f'search_s{seed}', SCORE).records[0]
    cost = search.equal_cost
    value = winner.costs[cost]
    top = min((1 + _EQUAL) * value, search.limits.get(cost, float('inf')))
    loop = dict(
        algorithm=dict(
            type='RandomSearch',
            objectives={SCORE: 'greater'},
            max_tries=_MAX_TRIES,
            seed=_OTHER_SEEDS + seed,
        ),
        wave=1,
        num_waves=1,
        num_calibration=search.plan.numbers['num_calibration'],
    )
    limits = dict(_upper_limits(search), **{cost: ((1 - _EQUAL) * value, top)})
    write_config(_make_search(search, loop, limits), _path(search, f'random_search_s{seed}'))


def list_first_stages(search: SearchRun) -> list[Arm]:
    """List the stages up to the search."""
    numbers, arguments = search.plan.numbers, search.plan.arguments
    facts = (str(search.data.file),)
    training, supernet = str(_path(search, 'training')), str(_path(search, 'supernet'))
    threads = str(arguments['threads'])
    check = ['check-data', training, '--out', '{folder}/check_data.json', '--threads', threads]
    arms = [Arm('check', commands=[check], inputs=(*facts, training))]
    if search.table:
        rounds = ['--rounds', str(numbers['rounds']), '--threads', threads]
        table = '{folder}/latency.json'
        build = ['latency', 'build', supernet, table, *rounds, '--engine', arguments['engine']]
        counts = ['--num-fit', str(numbers['num_fit']), '--num-test', str(numbers['num_test'])]
        fit = ['latency', 'fit', supernet, table, *rounds, *counts, '--json', '{folder}/fit.json']
        plan = str(search.folder / 'plan.json')
        arms.append(Arm('table', commands=[build, fit], inputs=(plan,)))
    words = ['train', supernet, '--work-dir', '{folder}', '--seed', '{seed}', '--resume']
    arms.append(Arm('supernet', commands=[words], inputs=(*facts, supernet), resumes=True))
    if search.space.counter:
        arms.append(_search_arm(search, 'search', str(_path(search, 'search'))))
    return arms


def _search_arm(search: SearchRun, name: str, config: str) -> Arm:
    inputs = [str(search.data.file), config, '{supernet.checkpoint}']
    if search.table:
        inputs.append(str(search.table))
    words = ['train', config, '--work-dir', '{folder}', '--seed', '{seed}']
    return Arm(name, seeds=search.seeds, commands=[words], inputs=inputs, resumes=True)


def list_last_stages(search: SearchRun) -> list[Arm]:
    """List the stages after the search."""
    source = 'search' if search.space.counter else 'supernet'
    kept = f'{{{source}.folder}}'
    if search.space.counter:
        which, origin = ['--archive', kept, '--score', SCORE], f'{kept}/archive.jsonl'
    else:
        which, origin = ['--genotype', f'{kept}/genotype.json'], f'{kept}/genotype.json'
    arms = _list_network(search, 'found', 'searched', source, which, origin)
    if search.has_baseline:
        arms.append(_search_arm(search, 'chance', str(_path(search, 'random_search_s{seed}'))))
        which = ['--archive', '{chance.folder}', '--trial', '0']
        origin = '{chance.folder}/archive.jsonl'
        arms += _list_network(search, 'drawn', 'random', 'chance', which, origin)
    if search.teacher:
        arms += _list_distillation(search)
    return arms


def _list_network(
    search: SearchRun, derived: str, trained: str, source: str, which: list[str], origin: str
) -> list[Arm]:
    """List the stages that derive a network, train and export it."""
    config = {
        'search': str(_path(search, 'search')),
        'chance': str(_path(search, 'random_search_s{seed}')),
        'supernet': str(_path(search, 'supernet')),
    }[source]
    training = str(_path(search, 'training'))
    words = ['derive', config, '{supernet.checkpoint}', '{folder}/network', *which]
    words += ['--experiment', training, '--num-images', '4']
    inputs = ('{supernet.checkpoint}', origin, config, training)
    network, start = f'{{{derived}.folder}}/network/network.py', _start_of(search, derived)
    return [
        Arm(derived, seeds=search.seeds, commands=[words], inputs=inputs),
        _training_arm(search, trained, network, start),
        _export_arm(search, trained, network),
    ]


def _start_of(search: SearchRun, derived: str) -> str:
    """Return the weights that a derived network trains on from; '' for none."""
    return f'{{{derived}.folder}}/network/network.pth' if search.space.inherits else ''


def _training_arm(search: SearchRun, name: str, config: str, start: str = '') -> Arm:
    return Arm(
        name,
        config=config,
        title=TRAINED[name],
        options=dict(load_from=start) if start else {},
        seeds=search.seeds,
        arguments=['--no-validate'],
        inputs=tuple(filter(None, (str(search.data.file), config, start))),
    )


def _export_arm(search: SearchRun, trained: str, config: str) -> Arm:
    to, suffix = ('openvino', 'xml') if search.is_openvino else ('onnx', 'onnx')
    checkpoint = f'{{{trained}.folder}}/{WEIGHTS}'
    words = ['export', config, checkpoint, '--to', to, '--out', f'{{folder}}/network.{suffix}']
    inputs = (config, checkpoint)
    return Arm(f'export_{trained}', seeds=search.seeds, commands=[words], inputs=inputs)


def _list_distillation(search: SearchRun) -> list[Arm]:
    """List the stages that train what was found on the heatmaps of a teacher."""
    teacher, checkpoint = search.teacher or ('', '')
    student = '{found.folder}/network/network.py'
    words = ['distill', '--student', student, '--teacher', teacher]
    words += ['--teacher-checkpoint', checkpoint, '--out', '{folder}/distillation.py']
    start = _start_of(search, 'found')
    if start:
        words += ['--student-checkpoint', start]
    config = '{taught.folder}/distillation.py'
    training = replace(  # the one validation, at the end, writes the student out of the whole
        _training_arm(search, 'distilled', config),
        inputs=(str(search.data.file), config, checkpoint),
        arguments=(),
        options={f'default_hooks.checkpoint.{key}': value for key, value in _SAVE_STUDENT.items()},
    )
    inputs = tuple(filter(None, (student, checkpoint, start)))
    return [
        Arm('taught', seeds=search.seeds, commands=[words], inputs=inputs),
        training,
        _export_arm(search, 'distilled', student),
    ]
