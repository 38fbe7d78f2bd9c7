"""Machines that lack something: room, rights, shared memory, a network, other Pythons."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from registry_cases import tiny_experiment

from faults.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]
#: Distributions that the core may need.
_MOST_PACKAGES = 40
#: Modules and the commands of them that need no data.
_COMMANDS = (['--version'], ['doctor'], ['models'])


def _posenas(*words: object, python: str = sys.executable, **options: object) -> tuple[int, str]:
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    environment.update(options.pop('env', {}))
    done = subprocess.run(
        [*options.pop('prefix', ()), python, '-m', 'posenas', *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        **options,
    )
    return done.returncode, done.stdout + done.stderr


def _write_experiment(folder: Path) -> Path:
    folder.mkdir(parents=True)
    tiny_experiment(folder).dump(folder / 'tiny.py')
    return folder / 'tiny.py'


def _can_mount() -> bool:
    """Tell whether this process may mount file systems of its own."""
    command = ['unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def try_mounts(folder: Path, _: int) -> list[Outcome]:
    """Train on a full disk, in a read-only folder, without home and without shared memory."""
    cases = [
        ('a disk of 40 KiB for the work dir: one line, exit 2', 'size=40k t {work}', 2),
        ('a read-only work dir: one line, exit 2', 'ro t {work}', 2),
        ('a read-only home: trains', 'ro t $HOME', 0),
        ('no shared memory: trains without workers, says so', 'ro t /dev/shm', 0),
    ]
    outcomes, can_mount = [], _can_mount()
    for number, (what, options, wanted) in enumerate(cases):
        outcome = Outcome(what)
        outcomes.append(outcome)
        if not can_mount:
            outcome.not_run = 'file systems cannot be mounted here: run it as root'
            continue
        config, work = _write_experiment(folder / str(number)), folder / f'work_{number}'
        work.mkdir()
        home = folder / f'home_{number}'
        home.mkdir()
        script = f'mount -t tmpfs -o {options.format(work=work)} && exec "$@"'
        code, said = _posenas(
            *('train', config, '--work-dir', work / 'run', '--cfg-options'),
            *('train_dataloader.num_workers=1', 'val_dataloader.num_workers=1', 'log_level=INFO'),
            prefix=('unshare', '-m', 'sh', '-c', script, 'sh'),
            env=dict(HOME=str(home)),
        )
        wrong = code != wanted or 'Traceback' in said
        if 'shared memory' in what:
            wrong = wrong or 'num_workers is 0 instead of 1' not in said
        outcome.note(f'exit {code}: {said[-300:]}' if wrong else None)
    return outcomes


def try_wheel(folder: Path, _: int) -> list[Outcome]:
    """Build the wheel, install it into an environment of its own, and run it there."""
    outcome = Outcome('a wheel in an environment of its own: commands and a training')
    folder.mkdir()
    wheel = _build_wheel(folder)
    python = folder / 'env' / 'bin' / 'python'
    subprocess.run([sys.executable, '-m', 'venv', str(folder / 'env')], check=True)
    # the packages that it requires are those of this environment, found by a path file
    import numpy

    site = next((folder / 'env' / 'lib').glob('python*')) / 'site-packages'
    (site / 'requirements.pth').write_text(f'{Path(numpy.__file__).parents[1]}\n')
    install = ['-m', 'pip', 'install', '-q', '--no-deps', '--force-reinstall', str(wheel)]
    subprocess.run([str(python), *install], check=True)
    config = _write_experiment(folder / 'data')
    away = dict(cwd=str(folder), env=dict(PYTHONPATH=''), python=str(python))
    code, said = _posenas('train', config, '--work-dir', folder / 'work', **away)
    where = subprocess.run(
        [str(python), '-c', 'import posenas; print(posenas.__file__)'],
        cwd=folder,
        env={**os.environ, 'PYTHONPATH': ''},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    outcome.note(None if str(site) in where else f'it is not what runs: {where}')
    outcome.note(f'train: exit {code}: {said[-300:]}' if code else None)
    for words in _COMMANDS:
        code, said = _posenas(*words, **away)
        outcome.note(f'{words}: exit {code}: {said[-300:]}' if code not in (0, 1) else None)
    outcome.figures = 'required packages are shared with the environment that builds it'
    return [outcome]


def _build_wheel(folder: Path) -> Path:
    checkout = folder / 'checkout'
    checkout.mkdir()
    for name in ('posenas', 'configs', 'requirements'):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, checkout)
    command = ['-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', str(folder)]
    subprocess.run([sys.executable, *command, str(checkout)], check=True)
    return next(folder.glob('*.whl'))


def try_pythons(folder: Path, _: int) -> list[Outcome]:
    """Run a training under other versions of Python, where an environment with all packages is.

    The variable POSENAS_PYTHONS lists their interpreters, separated by colons.
    """
    given = [path for path in os.environ.get('POSENAS_PYTHONS', '').split(':') if path]
    outcomes = []
    for version in ('3.12', '3.13'):
        outcome = Outcome(f'Python {version}: commands and a training')
        outcomes.append(outcome)
        found = [path for path in given if _version(path) == version]
        if not found:
            outcome.not_run = 'no interpreter of it in POSENAS_PYTHONS has the packages'
            continue
        config = _write_experiment(folder / version)
        work = folder / f'work_{version}'
        code, said = _posenas('train', config, '--work-dir', work, python=found[0])
        outcome.note(f'train: exit {code}: {said[-300:]}' if code else None)
        for words in _COMMANDS:
            code, said = _posenas(*words, python=found[0])
            outcome.note(f'{words}: exit {code}: {said[-300:]}' if code not in (0, 1) else None)
    return outcomes


def _version(python: str) -> str:
    code = 'import sys; print(*sys.version_info[:2], sep=".")'
    return subprocess.run([python, '-c', code], capture_output=True, text=True).stdout.strip()


def try_without_network(folder: Path, _: int) -> list[Outcome]:
    """Import, train and test where there is no network."""
    outcome = Outcome('no network: import, training and test')
    config = _write_experiment(folder)
    prefix = ('unshare', '-n')
    if subprocess.run([*prefix, 'true'], capture_output=True, check=False).returncode:
        outcome.not_run = 'the network cannot be taken away here: run it as root'
        return [outcome]
    work = folder / 'work'
    for words in (
        ('--version',),
        ('train', config, '--work-dir', work),
        ('test', config, work / 'epoch_1.pth', '--work-dir', work),
    ):
        code, said = _posenas(*words, prefix=prefix)
        outcome.note(f'{words[0]}: exit {code}: {said[-300:]}' if code else None)
    return [outcome]


def _list_core() -> set[str]:
    """Return the distributions that posenas needs to run, with what these need."""
    lines = (ROOT / 'requirements' / 'runtime.txt').read_text().splitlines()
    open_ = [line.partition('#')[0].strip() for line in lines]
    found: set[str] = set()
    while open_:
        text = open_.pop()
        requirement = Requirement(text) if text else None
        if requirement is None or (requirement.marker and not requirement.marker.evaluate()):
            continue
        name = requirement.name.lower().replace('_', '-')
        if name not in found:
            found.add(name)
            open_ += metadata.requires(name) or []
    return found


def try_supply(folder: Path, _: int) -> list[Outcome]:
    """Count the packages that the core needs, and those that the lock pins by hash."""
    outcome = Outcome('lock file: every package pinned by version and hash; 40 in the core at most')
    text = (ROOT / 'requirements' / 'lock.txt').read_text()
    pins = [part for part in text.replace('\\\n', ' ').splitlines() if '==' in part.split('#')[0]]
    for pin in pins:
        outcome.note(None if '--hash=sha256:' in pin else f'no hash: {pin[:80]}')
    core = _list_core()
    outcome.note(None if len(core) <= _MOST_PACKAGES else f'{len(core)} packages: {sorted(core)}')
    outcome.figures = f'{len(core)} packages in the core, {len(pins)} pinned with those for tests'
    rules = Outcome('ruff S, with the list of what is banned: no eval, exec, pickle, shell')
    command = [sys.executable, '-m', 'ruff', 'check', '.']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    rules.note(done.stdout[-300:] if done.returncode else None)
    return [outcome, rules]
