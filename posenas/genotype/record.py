"""The record of a searched architecture and its files."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from posenas.genotype.cells import Cell, check_strides, read_cell, write_cell
from posenas.genotype.checking import check_integer, check_keys, check_list, check_text, to_plain
from posenas.genotype.operations import FAMILIES
from posenas.utils import ConfigError, DataError, write_json

__all__ = ['SCHEMA', 'Genotype', 'load_genotype', 'save_genotype']

SCHEMA = 'pose-genotype/1'
_REQUIRED = ('schema', 'family', 'name', 'space', 'macro')
_OPTIONAL = ('cells', 'choices', 'provenance', 'cost')


@dataclass(frozen=True)
class Genotype:
    """One architecture; :meth:`from_dict` checks and makes it. Not to be changed in place.

    It says everything that changes the function which the network computes, in ``macro`` and in
    either ``cells`` (graphs of operations) or ``choices`` (one value per decision). Joints, input
    size and data set belong to configs. What is absent was pruned; zeros are not written.

    Attributes:
        family: 'posenas', 'pnfs', 'vipnas' or 't_vipnas'.
        name: What people call it; not part of the identity.
        space: The search space it comes from; information only.
        macro: Numbers of the family, such as layers and channels.
        cells: Name -> cell; None for families of choices.
        choices: Decision -> chosen value; None for families of cells.
        provenance: Where it comes from, such as config, seed and epoch.
        cost: Measured cost, such as parameters and MACs.
        extra: Further entries, whose keys begin with ``x_``.
    """

    family: str
    name: str
    space: dict
    macro: dict
    cells: dict[str, Cell] | None = None
    choices: dict | None = None
    provenance: dict | None = None
    cost: dict | None = None
    extra: dict = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping) -> 'Genotype':
        """Check the JSON form, in any mapping, and read it; weights are rounded to float32.

        Raises:
            ConfigError: A key is missing, unknown or has a value that cannot be; the text names it.
        """
        plain = to_plain(data, 'genotype')
        if not isinstance(plain, dict):
            raise ConfigError(f'a genotype must be a mapping, got {data!r}')
        extra = {key: value for key, value in plain.items() if key.startswith('x_')}
        known = {key: value for key, value in plain.items() if key not in extra}
        check_keys('genotype', known, _REQUIRED, _OPTIONAL)
        check_text('schema', known.pop('schema'), (SCHEMA,))
        family = check_text('family', known['family'], tuple(FAMILIES))
        check_text('name', known['name'])
        for key in known.keys() - {'family', 'name'}:
            if not isinstance(known[key], dict):
                raise ConfigError(f'{key} must be a mapping, got {known[key]!r}')
        body = 'cells' if FAMILIES[family] else 'choices'
        if [key for key in ('cells', 'choices') if key in known] != [body]:
            raise ConfigError(
                f'a genotype of family {family!r} must have {body!r} and not the '
                f'other of cells and choices, got {sorted(known)}'
            )
        if body == 'cells':
            known['cells'] = {
                name: read_cell(f'cells[{name!r}]', cell, family)
                for name, cell in known['cells'].items()
            }
            if not known['macro'].get('strided_attention'):
                for name, cell in known['cells'].items():
                    check_strides(f'cells[{name!r}]', cell)
        else:
            _CHOICES[family](known['choices'])
        return cls(**known, extra=extra)

    def to_dict(self) -> dict:
        """Write the JSON form, a copy."""
        cells = self.cells and {name: write_cell(cell) for name, cell in self.cells.items()}
        entries = dict(
            schema=SCHEMA,
            family=self.family,
            name=self.name,
            space=self.space,
            macro=self.macro,
            cells=cells,
            choices=self.choices,
            provenance=self.provenance,
            cost=self.cost,
        )
        given = {key: value for key, value in entries.items() if value is not None}
        return deepcopy({**given, **self.extra})

    @property
    def id(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON of what defines the function."""
        entries = self.to_dict()
        identity = {k: entries[k] for k in ('family', 'macro', 'cells', 'choices') if k in entries}
        text = json.dumps(identity, sort_keys=True, separators=(',', ':'))
        return sha256(text.encode()).hexdigest()[:12]


def load_genotype(path: str | Path) -> Genotype:
    """Read a genotype file.

    Raises:
        DataError: The file is missing or no JSON.
        ConfigError: It holds no genotype.
    """
    try:
        data = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise DataError(f'{path} must be a genotype file in JSON, got: {error}') from error
    try:
        return Genotype.from_dict(data)
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def save_genotype(genotype: Genotype, path: str | Path) -> None:
    """Write a genotype file, whole or not at all."""
    write_json(path, genotype.to_dict(), indent=1)


def _check_vipnas(choices: dict, where: str = 'choices') -> None:
    """Check the choices of a spatial ViPNAS network: sizes are integers, attention a boolean."""
    check_keys(where, choices, ('stem', 'stages', 'head'))
    _check_values(f'{where}.stem', choices['stem'], ('width', 'kernel'))
    for i, stage in enumerate(check_list(f'{where}.stages', choices['stages'])):
        here = f'{where}.stages[{i}]'
        if isinstance(stage, dict) and 'blocks' in stage:
            _check_blocks(here, stage)
        else:
            keys = ('depth', 'width', 'kernel', 'groups', 'attention')
            _check_values(here, stage, keys, ('expand',))
    for i, layer in enumerate(check_list(f'{where}.head', choices['head'])):
        _check_values(f'{where}.head[{i}]', layer, ('width', 'kernel', 'groups'))


def _check_blocks(where: str, stage: dict) -> None:
    """Check a stage whose blocks differ: each one is written out."""
    values = {key: value for key, value in stage.items() if key != 'blocks'}
    _check_values(where, values, ('depth', 'width'), ('expand',))
    blocks = check_list(f'{where}.blocks', stage['blocks'])
    for i, block in enumerate(blocks):
        _check_values(f'{where}.blocks[{i}]', block, ('kernel', 'groups', 'attention'))
    if len(blocks) != stage['depth'] or all(block == blocks[0] for block in blocks):
        raise ConfigError(
            f'{where}.blocks must hold one entry per block and not be all equal (the stage itself '
            f'says that), got {len(blocks)} for depth {stage["depth"]}: {blocks}'
        )


def _check_values(
    where: str, values: object, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Check one mapping of decisions."""
    check_keys(where, values, required, optional)
    for key, value in values.items():
        if key == 'attention':
            if not isinstance(value, bool):
                raise ConfigError(f'{where}.attention must be true or false, got {value!r}')
        else:
            check_integer(f'{where}.{key}', value, 1)


def _check_temporal(choices: dict) -> None:
    """Check the choices of a temporal ViPNAS network."""
    check_keys('choices', choices, ('period', 'key', 'frames'))
    check_integer('choices.period', choices['period'], 1)
    for i, frame in enumerate(check_list('choices.frames', choices['frames'])):
        check_keys(f'choices.frames[{i}]', frame, ('fuse_stage', 'fuse_op', 'net'))


#: Family of choices -> what checks them.
_CHOICES = dict(vipnas=_check_vipnas, t_vipnas=_check_temporal)
