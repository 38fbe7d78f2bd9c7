"""Plans of trainings that are compared: arms, their runs, and what each needs of others."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from posenas.utils.errors import ConfigError

#: What texts of an arm say about others, ``{arm.checkpoint}``, and about the run: ``{seed}``.
_REFERENCE = re.compile(r'\{([a-zA-Z_][\w-]*)(?:\.([\w-]+))?\}')
_OF_OTHERS, _OF_ITSELF = ('checkpoint', 'folder', 'config'), ('folder', 'seed')


@dataclass(frozen=True)
class Arm:
    """One training of a plan, or other commands, repeated with each of its seeds.

    In all texts but name and title ``{arm.checkpoint}`` stands for the last checkpoint of another
    arm, of the same seed if it has that, else of its first one; ``{arm.folder}`` for its folder,
    ``{arm.config}`` for its config; ``{folder}`` and ``{seed}`` for those of the run itself.

    Attributes:
        name: Its name in the plan, and the beginning of the names of its folders.
        config: Config file, or name of a shipped one, that is trained and tested; '' if there are
            ``commands``.
        title: What it is called in tables.
        options: Overrides by dotted key, as of ``--cfg-options``, or nested.
        seeds: One run for each.
        command: Command that trains: ``posenas <command> CONFIG``.
        arguments: Its further arguments.
        commands: Words of commands that are run in turn instead of a training, such as those that
            derive a network from a search.
        inputs: Files whose content the result depends on. An arm that names some runs anew when
            their content or its own texts have changed.
        resumes: Whether interrupted commands go on with what they left, instead of anew.
    """

    name: str
    config: str = ''
    title: str = ''
    options: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    command: str = 'train'
    arguments: Sequence[str] = ()
    commands: Sequence[Sequence[str]] = ()
    inputs: Sequence[str] = ()
    resumes: bool = False

    @property
    def texts(self) -> tuple[object, ...]:
        """All that says what is done, and may refer to other arms."""
        return (
            self.config,
            self.options,
            self.command,
            self.arguments,
            self.commands,
            self.inputs,
        )


@dataclass(frozen=True)
class Comparison:
    """A question of a plan: what the candidate has more than the baseline.

    Attributes:
        title: What it is called in tables.
        baseline: Name of an arm; or names of two, between which the score at the candidate's
            multiply-accumulates is interpolated, linearly in their logarithm.
        candidate: Name of another.
    """

    title: str
    baseline: str | Sequence[str]
    candidate: str

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the arms that the candidate is compared with."""
        return (self.baseline,) if isinstance(self.baseline, str) else tuple(self.baseline)


@dataclass(frozen=True)
class Run:
    """An arm with one of its seeds.

    Attributes:
        arm: The arm.
        seed: The seed.
        folder: Where everything about it is written.
    """

    arm: Arm
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.name

    @property
    def config_file(self) -> Path:
        """Its config with all options; beside the folder, into which training puts a copy."""
        return self.folder.with_name(f'{self.name}.py')


@dataclass(frozen=True)
class Plan:
    """All arms and questions.

    Attributes:
        arms: The arms by name.
        comparisons: The questions.
        folder: Folder of all runs.
    """

    arms: Mapping[str, Arm]
    comparisons: Sequence[Comparison]
    folder: Path

    def run_of(self, name: str, seed: int) -> Run:
        """Return the run of an arm with this seed if it has that, else with its first."""
        arm = self.arms[name]
        chosen = seed if seed in arm.seeds else arm.seeds[0]
        return Run(arm, chosen, self.folder / f'{name}_s{chosen}')

    def runs_of(self, name: str) -> list[Run]:
        """List the runs of an arm."""
        return [self.run_of(name, seed) for seed in self.arms[name].seeds]

    def needs(self, run: Run) -> list[Run]:
        """List the runs that ``run`` refers to.

        Raises:
            ConfigError: There is no such arm, or nothing of it is called so.
        """
        names: dict[str, str] = {}

        def note(found: re.Match[str]) -> str:
            name, what = found.groups()
            if what is not None:
                names[name] = ''
            if name not in _OF_ITSELF if what is None else what not in _OF_OTHERS:
                raise ConfigError(
                    f'arm {run.arm.name} says {found[0]}, but a reference must be {{seed}}, '
                    '{folder}, or {NAME.checkpoint}, {NAME.folder}, {NAME.config} of another arm'
                )
            return ''

        _replace(run.arm.texts, note)
        unknown = names.keys() - self.arms
        if unknown:
            raise ConfigError(
                f'arm {run.arm.name} refers to {sorted(unknown)}, which must be among the arms '
                f'{sorted(self.arms)}'
            )
        return [self.run_of(name, run.seed) for name in names]

    def order(self, names: Sequence[str] = ()) -> list[Run]:
        """List runs: the first seed of every arm before the second, what is needed first.

        Args:
            names: Arms to list, or runs such as ``arm_s0``, with what they need; all arms by
                default.

        Raises:
            ConfigError: There is no such arm, or arms need each other in a circle.
        """
        runs = [
            (place, self.run_of(name, seed))
            for name, arm in self.arms.items()
            for place, seed in enumerate(arm.seeds)
        ]
        if not self.arms.keys() | {run.name for _, run in runs} >= set(names):
            raise ConfigError(
                f'arms must be among {sorted(self.arms)}, or runs of them such as '
                f'{runs[0][1].name}, got {list(names)}'
            )
        waiting = [
            (place, run) for place, run in runs if not names or {run.arm.name, run.name} & {*names}
        ]
        ordered: dict[Path, Run] = {}
        for _, run in sorted(waiting, key=lambda entry: entry[0]):
            self._visit(run, ordered, ())
        return list(ordered.values())

    def _visit(self, run: Run, ordered: dict[Path, Run], above: tuple[str, ...]) -> None:
        """Put a run behind those that it needs."""
        if run.arm.name in above:
            raise ConfigError(f'arms must not need each other, got {(*above, run.arm.name)}')
        for needed in self.needs(run):
            self._visit(needed, ordered, (*above, run.arm.name))
        ordered.setdefault(run.folder, run)

    def fill_in(self, run: Run, text: Any, checkpoint_of: Callable[[Run], str]) -> Any:  # noqa: ANN401
        """Return texts of a run, however nested, with what they refer to.

        Args:
            run: The run.
            text: Of its arm.
            checkpoint_of: Finds the last checkpoint of a run.
        """
        needed = {other.arm.name: other for other in self.needs(run)}

        def word_of(match: re.Match[str]) -> str:
            name, what = match.groups()
            if what is None:
                return str(run.seed if name == 'seed' else run.folder)
            if what == 'checkpoint':
                return checkpoint_of(needed[name])
            return str(needed[name].folder if what == 'folder' else needed[name].config_file)

        return _replace(text, word_of)


def read_plan(path: str | Path, folder: str | Path | None = None) -> Plan:
    """Read a plan, a Python file with ``arms`` and ``comparisons``.

    Args:
        path: The file. ``arms`` holds the arguments of each :class:`Arm` by its name,
            ``comparisons`` a list of those of :class:`Comparison`.
        folder: Folder of all runs; by default ``work_dirs/compare/<name of the plan>``.

    Raises:
        ConfigError: It cannot be read, has other keys, or a comparison names no arm.
    """
    from posenas.utils.config import load_config

    if Path(path).suffix != '.py':  # its commands may run anything
        raise ConfigError(f'a plan must be a Python file, got {path}')
    content = load_config(path).to_dict()
    content.setdefault('arms', content.get('cells'))  # their earlier name
    _check_values(content, path)
    arms = {
        name: Arm(name, **_check(f'arm {name} of {path}', settings, Arm, {'name'}))
        for name, settings in dict(content.get('arms') or {}).items()
    }
    if not arms or not all(c.seeds and bool(c.config) != bool(c.commands) for c in arms.values()):
        raise ConfigError(
            f'{path} must have arms, each with seeds and either config or commands, got '
            f'{list(arms)}'
        )
    comparisons = [
        Comparison(**_check(f'comparisons[{place}] of {path}', settings, Comparison))
        for place, settings in enumerate(content.get('comparisons') or [])
    ]
    for comparison in comparisons:
        compared = (*comparison.baselines, comparison.candidate)
        unknown = {name for name in compared if name not in arms or not arms[name].config}
        if unknown:
            raise ConfigError(f'{comparison.title}: {sorted(unknown)} must be trained in {path}')
        if len(compared) > 3:
            raise ConfigError(f'{comparison.title}: baseline must be one arm or two')
    return Plan(arms, comparisons, Path(folder or Path('work_dirs', 'compare', Path(path).stem)))


def _check_values(content: Mapping, path: str | Path) -> None:
    """Require names of arms that references can hold, and seeds that are numbers."""
    for name, settings in dict(content.get('arms') or {}).items():
        if not re.fullmatch(r'[a-zA-Z_][\w-]*', name):
            raise ConfigError(
                f'{path}: names of arms must be letters, digits, - and _ and begin with a letter, '
                f'got {name!r}'
            )
        seeds = settings.get('seeds', [0]) if isinstance(settings, Mapping) else [0]
        if not isinstance(seeds, list | tuple) or not all(type(seed) is int for seed in seeds):
            raise ConfigError(f'{path}: seeds of {name} must be a list of numbers, got {seeds!r}')


def _check(where: str, settings: object, record: type, given: set[str] | None = None) -> dict:
    """Require a mapping whose keys are fields of ``record``, with all that have no default."""
    known = {f.name: f for f in fields(record) if f.name not in (given or ())}
    needed = {
        name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING
    }
    if not isinstance(settings, Mapping) or not needed <= settings.keys() <= known.keys():
        got = sorted(settings) if isinstance(settings, Mapping) else settings
        raise ConfigError(
            f'{where} must have {sorted(needed)} and may have {sorted(known.keys() - needed)}, '
            f'got {got}'
        )
    return dict(settings)


def _replace(value: Any, word_of: Callable[[re.Match[str]], str]) -> Any:  # noqa: ANN401
    """Return options with ``word_of`` each reference in their strings."""
    if isinstance(value, str):
        return _REFERENCE.sub(word_of, value)
    if isinstance(value, Mapping):
        return {key: _replace(item, word_of) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replace(item, word_of) for item in value)
    return value
