"""The goals R1 to R15, what is tried for each, and how often."""

from collections.abc import Iterator
from pathlib import Path

from faults import damage, places, resources, saves, writers
from faults.outcome import Goal, Outcome
from faults.suites import ROOT, run_cases

#: Trials by name; the command line replaces them.
FULL = dict(
    saves=100,
    kills=20,
    full=20,
    two=5,
    images=500,
    mutations=500,
    calls=3000,
    cycles=50,
    boxes=10000,
)
TINY = dict(saves=2, kills=1, full=1, two=1, images=100, mutations=9, calls=10, cycles=3, boxes=200)

Counts = dict[str, int]


def _saves(counts: Counts, folder: Path) -> Iterator[Outcome]:
    yield from saves.try_saves(folder / 'saves', counts['saves'])
    yield from saves.try_two_in_one_folder(folder / 'two', counts['two'])


def _writers(counts: Counts, folder: Path) -> Iterator[Outcome]:
    inputs, written = folder / 'inputs', folder / 'written'
    inputs.mkdir()
    written.mkdir()
    tasks = writers.make_tasks(inputs)
    yield from writers.try_writers(tasks, written, counts['kills'], counts['full'])


def _resume(counts: Counts, folder: Path) -> list[Outcome]:
    return [
        run_cases('a resumed training ends with the same bits', 'engine/test_exact_resume.py'),
        run_cases(
            'any schedule, hook, average of the framework: the same bits, or refused before',
            'engine/test_resumable.py',
        ),
    ]


def _same(counts: Counts, folder: Path) -> list[Outcome]:
    nodes = ('engine/test_exact_resume.py', 'engine/test_distributed.py')
    pick = 'workers or twice or torchrun_gives or two_processes'
    return [run_cases('workers, start methods, processes: the same bits', *nodes, pick=pick)]


def _search(counts: Counts, folder: Path) -> list[Outcome]:
    node = 'engine/loops/test_search_loop.py'
    what = 'killed inside and between evaluations: the same archive and front'
    return [run_cases(what, node)]


def _nan(counts: Counts, folder: Path) -> list[Outcome]:
    what = 'NaN in loss, gradient, input, buffer, weight: found at once, never saved'
    return [run_cases(what, 'engine/test_nan_guard.py')]


def _images(counts: Counts, folder: Path) -> list[Outcome]:
    return damage.try_images(folder / 'images', counts['images'])


def _attacks(counts: Counts, folder: Path) -> list[Outcome]:
    nodes = ('utils/test_safe_load.py', 'utils/test_plain_data.py', 'engine/test_compat.py')
    return [run_cases('checkpoints and configs that are code: nothing runs', *nodes)]


def _mutations(counts: Counts, folder: Path) -> list[Outcome]:
    return damage.try_files(folder / 'files', counts['mutations'])


def _ranks(counts: Counts, folder: Path) -> Iterator[Outcome]:
    node = 'engine/test_distributed.py'
    what = 'a rank or torchrun fails: all gone within 60 s, a checkpoint to go on from'
    pick = 'fails_ends_all or launcher_that_is_ended or sigterm or nan'
    yield run_cases(what, node, pick=pick)
    yield run_cases('stop signals and unequal batches on two ranks', 'engine/test_uneven_ranks.py')


def _disks(counts: Counts, folder: Path) -> list[Outcome]:
    return places.try_mounts(folder / 'mounts', 0)


def _leaks(counts: Counts, folder: Path) -> Iterator[Outcome]:
    yield from resources.try_inferencer(folder / 'calls', counts['calls'])
    yield from resources.try_cycles(folder / 'cycles', counts['cycles'])
    yield from resources.try_boxes(folder / 'boxes', counts['boxes'])


def _typos(counts: Counts, folder: Path) -> list[Outcome]:
    what = 'misspelled keys of shipped configs: told before data are loaded'
    return [run_cases(what, 'utils/test_config.py', pick='misspelt')]


def _export(counts: Counts, folder: Path) -> list[Outcome]:
    what = 'the same network exported twice: the same bytes'
    if (ROOT / 'tests' / 'deploy' / 'test_export.py').is_file():
        return [run_cases(what, 'deploy/test_export.py', pick='same_bytes')]
    return [Outcome(what, not_run='this version has no export')]


def _supply(counts: Counts, folder: Path) -> Iterator[Outcome]:
    yield from places.try_supply(folder, 0)[:1]
    yield from places.try_without_network(folder / 'offline', 0)
    yield from places.try_wheel(folder / 'wheel', 0)
    yield from places.try_pythons(folder / 'pythons', 0)


def _static(counts: Counts, folder: Path) -> list[Outcome]:
    return places.try_supply(folder, 0)[1:]


GOALS = [
    Goal('R1', 'SIGKILL in saves, two trainings in one folder', _saves),
    Goal('R1+', 'SIGKILL and a full disk in whatever else writes', _writers),
    Goal('R2', 'Resuming is exact', _resume),
    Goal('R3', 'The same seed, the same weights', _same),
    Goal('R4', 'A search killed anywhere', _search),
    Goal('R5', 'NaN', _nan),
    Goal('R6', 'One image in a hundred is damaged', _images),
    Goal('R7', 'Files that attack', _attacks),
    Goal('R8', 'Files that are damaged', _mutations),
    Goal('R9', 'Ranks that fail', _ranks),
    Goal('R10', 'Full and read-only disks, no home, no shared memory', _disks),
    Goal('R11', 'Nothing stays behind', _leaks),
    Goal('R12', 'Misspelled configs', _typos),
    Goal('R13', 'Exports repeat', _export),
    Goal('R14', 'Packages, wheel, versions of Python', _supply),
    Goal('R15', 'Static safety', _static),
]
