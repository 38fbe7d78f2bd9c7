"""From data and a budget to a network that runs: all stages of ``posenas search run``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from posenas.experiments.plan import Arm, Plan, Run
from posenas.experiments.queue import run_plan
from posenas.experiments.search_budget import SearchPlan, settle_plan
from posenas.experiments.search_data import SCORE, choose_supernets, read_search_data
from posenas.experiments.search_networks import (
    Costs,
    DerivedNetwork,
    measure_networks,
    summarize_costs,
    tabulate_costs,
    write_weights,
)
from posenas.experiments.search_report import write_report
from posenas.experiments.search_spaces import default_space, find_space
from posenas.experiments.search_stages import (
    TRAINED,
    SearchRun,
    check_limits,
    list_first_stages,
    list_last_stages,
    write_chance,
    write_configs,
)
from posenas.search import read_search
from posenas.utils import check_choice, check_positive
from posenas.utils.atomic_io import atomic_write, make_folder
from posenas.utils.errors import ConfigError, PoseNASError

#: Units of the limits: what a budget counts in, of what users give.
_UNITS = dict(latency=1.0, macs=1e9, params=1e6, size=1e6 / 4)  # size: weights of four bytes
#: Arms that export what others have trained.
_EXPORTS = tuple(f'export_{name}' for name in TRAINED)
_ENGINES = ('openvino', 'onnxruntime', 'torch')


@dataclass(frozen=True)
class SearchOutcome:
    """What :func:`run_search` made.

    Attributes:
        folder: Holds everything.
        files: The exported network that was chosen, with its config, weights and genotype.
        page: The report.
        networks: All trained networks, the chosen one first.
        costs: Stage -> minutes, minutes of processor time and peak memory in MiB.
    """

    folder: Path
    files: tuple[Path, ...]
    page: Path
    networks: tuple[DerivedNetwork, ...]
    costs: Costs

    @property
    def cost_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headers and rows of a table of what the stages took."""
        return tabulate_costs(self.costs)


def run_search(
    data: str | Path,
    out: str | Path,
    *,
    latency: float | None = None,
    engine: str = 'openvino',
    threads: int = 1,
    macs: float | None = None,
    params: float | None = None,
    size: float | None = None,
    space: str | None = None,
    hours: float = 8.0,
    seeds: int = 1,
    with_baseline: bool = True,
    teacher: str | None = None,
    teacher_checkpoint: str | Path | None = None,
    images: str | Path | None = None,
    executor: str = 'process',
    address: str | None = None,
    show_plan: Callable[[SearchPlan], object] = str,
    announce: Callable[[str], object] = str,
) -> SearchOutcome:
    """Search a network for data and a budget, train it, export it and say why this one.

    Stages whose results are there are skipped while the content of their inputs is the same. A
    search that was killed goes on; with the same plan and latency table it ends with the same
    bytes.

    Args:
        data: COCO keypoint file, config, or name of a shipped config or data set.
        out: Folder of everything.
        latency: Limit of one forward pass of one image, milliseconds.
        engine: What will run the network: 'openvino', 'onnxruntime' or 'torch'.
        threads: Threads of it, and of all computing here.
        macs: Limit of multiply-accumulates, 10^9.
        params: Limit of parameters, 10^6.
        size: Limit of the weights in float32, 10^6 bytes.
        space: Name of the space, see :data:`~posenas.experiments.search_spaces.SPACES`.
        hours: Time that all of it may take; chooses width of the supernet, epochs and candidates.
        seeds: Searches with different seeds, in one supernet.
        with_baseline: Whether random networks of equal cost are trained beside.
        teacher: Config of a network whose heatmaps teach the one found.
        teacher_checkpoint: Its weights.
        images: Folder of the images of a COCO file.
        executor: 'ray' does searches and trainings of all seeds on a cluster; what is measured is
            measured here. 'process' does one after the other.
        address: Of the Ray cluster; None starts one on this machine.
        show_plan: Called with the plan before anything starts.
        announce: Called with the name of each stage that begins.

    Raises:
        ConfigError: The arguments do not fit together, or the folder is of another search.
        DataError: Data are missing or malformed.
        PoseNASError: A stage failed.
    """
    given = dict(latency=latency, macs=macs, params=params, size=size)
    limits = {name: value for name, value in given.items() if value is not None}
    name = space or default_space()
    for key, number in dict(limits, threads=threads, hours=hours, seeds=seeds).items():
        check_positive(key, number)
    check_choice('engine', engine, _ENGINES)
    if (teacher is None) != (teacher_checkpoint is None):
        raise ConfigError('teacher needs its weights: give --teacher and --teacher-checkpoint')
    arguments = dict(
        limits=limits, engine=engine, threads=threads, space=name, hours=hours, seeds=seeds
    )
    arguments.update(baseline=with_baseline, teacher=teacher or '')
    chosen = find_space(name, limits)
    folder = Path(out)
    found = read_search_data(data, make_folder(folder / 'data'), images, threads)
    supernets = choose_supernets(chosen, found)
    counted = {'params' if n == 'size' else n: v * _UNITS[n] for n, v in limits.items()}
    for key in {'params', 'size'} & limits.keys():  # both bound the parameters
        counted['params'] = min(counted['params'], limits[key] * _UNITS[key])
    plan = settle_plan(folder / 'plan.json', arguments, counted, found, chosen, supernets)
    show_plan(plan)
    taught = (teacher, str(teacher_checkpoint)) if teacher else None
    search = SearchRun(folder, found, chosen, plan, counted, taught)
    where = dict(executor=executor, address=address)
    return _run(search, supernets[plan.width], announce, where)


def _run(
    search: SearchRun,
    base: Config,
    announce: Callable[[str], object],
    where: Mapping[str, str | None],
) -> SearchOutcome:
    """Run all stages; ``where`` are arguments of :func:`run_plan`."""
    write_configs(search, base)
    arms = list_first_stages(search)
    if search.table:  # the limits are judged before anything is trained
        _go(search, [arm for arm in arms if arm.name in ('check', 'table')], announce)
    if search.space.counter:
        check_limits(search)
    _go(search, arms, announce, **where)
    if search.has_baseline:
        for seed in search.seeds:
            write_chance(search, seed)
    arms += list_last_stages(search)
    plan = _go(search, [arm for arm in arms if arm.name not in _EXPORTS], announce, **where)
    for name in TRAINED.keys() & plan.arms.keys():
        for run in plan.runs_of(name):
            write_weights(run)
    plan = _go(search, arms, announce)
    arguments = search.plan.arguments
    networks = measure_networks(
        _collect(search, plan),
        search.folder / 'measured.json',
        arguments['engine'],
        arguments['threads'],
    )
    files = tuple(_hand_over(search, networks[0]))
    page, costs = search.folder / 'report.html', summarize_costs(plan)
    archive = search.folder / f'search_s{networks[0].seed}' if search.space.counter else None
    fit = search.table and search.table.with_name('fit.json')
    write_report(page, search.plan, networks, costs, archive, fit)
    return SearchOutcome(search.folder, files, page, tuple(networks), costs)


def _go(
    search: SearchRun,
    arms: list[Arm],
    announce: Callable[[str], object],
    executor: str = 'process',
    address: str | None = None,
) -> Plan:
    """Run arms that are not done.

    Raises:
        PoseNASError: One failed.
    """
    plan = Plan({arm.name: arm for arm in arms}, [], search.folder)
    threads = search.plan.arguments['threads']
    failed = run_plan(plan, (), threads, announce, executor, address)
    if failed:
        log = search.folder / failed[0] / 'train.log'
        test = log.with_name('test.log')
        lines = (test if test.is_file() else log).read_text(encoding='utf-8', errors='replace')
        last = next((line for line in reversed(lines.splitlines()) if line.strip()), 'nothing')
        raise PoseNASError(f'stage {failed[0]} failed, its log {log} ends with: {last.strip()}')
    return plan


def _collect(search: SearchRun, plan: Plan) -> list[DerivedNetwork]:
    """List the trained networks, the chosen one first: the best in the supernet, distilled."""
    networks = []
    for name in TRAINED:
        if name in plan.arms:
            networks += [_read_network(search, plan, run) for run in plan.runs_of(name)]
    chosen = 'distilled' if search.teacher else 'searched'
    return sorted(
        networks, key=lambda n: (n.kind != TRAINED[chosen], -(n.shared_score or 0.0), n.seed)
    )


def _read_network(search: SearchRun, plan: Plan, run: Run) -> DerivedNetwork:
    """Read what is known of a trained network."""
    source = 'drawn' if run.arm.name == 'random' else 'found'
    folder = plan.run_of(source, run.seed).folder / 'network'
    record = None
    if search.space.counter:
        archive = 'chance' if source == 'drawn' else 'search'
        record = read_search(search.folder / f'{archive}_s{run.seed}', SCORE).records[0]
    export = plan.run_of(f'export_{run.arm.name}', run.seed).folder
    suffix = '.xml' if search.is_openvino else '.onnx'
    return DerivedNetwork.read(
        TRAINED[run.arm.name], run, folder, export / f'network{suffix}', record
    )


def _hand_over(search: SearchRun, network: DerivedNetwork) -> list[Path]:
    """Copy the chosen network to the top of the folder."""
    files = []
    for file in network.list_files():
        stem = file.stem if file.stem == 'genotype' else 'network'
        target = search.folder / f'{stem}{file.suffix}'
        content = file.read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            with atomic_write(target) as output:
                output.write(content)
        files.append(target)
    return files
