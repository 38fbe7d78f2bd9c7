"""The record of a searched architecture and its files."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from posenas.genotype.cells import Cell, read_cell, write_cell
from posenas.genotype.checking import check_keys, check_text, to_plain
from posenas.genotype.graph import Graph
from posenas.utils import ConfigError, write_json
from posenas.utils.files import read_json

SCHEMA = 'pose-genotype/1'
_REQUIRED = ('schema', 'family', 'name', 'space', 'macro')
_OPTIONAL = ('cells', 'choices', 'provenance', 'cost')


@dataclass(frozen=True)
class Genotype:
    """One architecture; :meth:`from_dict` checks and makes it. Not to be changed in place.

    It says everything that changes the function which the network computes, in ``macro`` and in
    either ``cells`` (graphs of operations) or ``choices`` (one value per decision). Keypoints,
    input size and data set belong to configs. What is absent was pruned; zeros are not written.

    Attributes:
        family: Key of :data:`FAMILIES`, such as 'posenas', 'pnfs' or 'vipnas'.
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
            raise ConfigError(f'a genotype must be a mapping, got {data!r:.80}')
        extra = {key: value for key, value in plain.items() if key.startswith('x_')}
        known = {key: value for key, value in plain.items() if key not in extra}
        check_keys('genotype', known, _REQUIRED, _OPTIONAL)
        check_text('schema', known.pop('schema'), (SCHEMA,))
        family = FAMILIES[check_text('family', known['family'], tuple(FAMILIES))]
        check_text('name', known['name'])
        for key in known.keys() - {'family', 'name'}:
            if not isinstance(known[key], dict):
                raise ConfigError(f'{key} must be a mapping, got {known[key]!r:.80}')
        body = 'cells' if family.cell_kinds else 'choices'
        if [key for key in ('cells', 'choices') if key in known] != [body]:
            raise ConfigError(
                f'a genotype of family {known["family"]!r} must have {body!r} and not the '
                f'other of cells and choices, got {sorted(known)}'
            )
        if family.cell_kinds:
            known['cells'] = {
                name: read_cell(f'cells[{name!r}]', cell, family.cell_kinds, family.operations)
                for name, cell in known['cells'].items()
            }
        genotype = cls(**known, extra=extra)
        family.check(genotype)
        return genotype

    @classmethod
    def of_choices(
        cls, family: str, name: str, space: str, macro: Mapping, choices: Mapping
    ) -> 'Genotype':
        """Check and write what a family that is described by choices says of a network.

        Args:
            family: Name of the family.
            name: What people will call the genotype.
            space: Search space that it belongs to, such as 'edge/1'; '' if to none.
            macro: Numbers of the whole network.
            choices: The choices.

        Raises:
            ConfigError: See :meth:`from_dict`.
        """
        about = dict(schema=SCHEMA, family=family, name=name, space=dict(id=space) if space else {})
        return cls.from_dict(dict(about, macro=macro, choices=choices))

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


@dataclass(frozen=True)
class Family:
    """What is special to the genotypes of one kind of networks.

    Attributes:
        draw: Returns the pictures of a genotype; raises a ConfigError where numbers are missing.
        write_model: Returns the config of the network of a genotype: what the genotype decides,
            the rest from the config of an ordinary estimator of the family, which stays as it is.
            None where networks are built otherwise.
        check: Raises a ConfigError for a genotype that cannot be; forms and names are checked.
        cell_kinds: Kinds of its cells; none where genotypes hold choices instead.
        operations: Names of the operations of its cells.
    """

    draw: Callable[[Genotype], list[Graph]]
    write_model: Callable[[Genotype, Mapping], dict] | None = None
    check: Callable[[Genotype], None] = lambda genotype: None
    cell_kinds: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()


#: Name of a family -> what is special to it. Every family, also of a package outside, is entered
#: here once; its spaces, supernets and networks are found by the names they are registered under.
FAMILIES: dict[str, Family] = {}


def derive_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the config of a network: what the genotype decides, the rest from ``model``.

    Args:
        genotype: The architecture; it is embedded, so the config needs no other file.
        model: Config of an ordinary estimator of the same family: preprocessing, keypoints, loss.

    Returns:
        Config of an ordinary estimator.

    Raises:
        ConfigError: The genotype is of a family whose networks are built otherwise.
    """
    write_model = FAMILIES[genotype.family].write_model
    if write_model is None:
        known = sorted(name for name, family in FAMILIES.items() if family.write_model)
        raise ConfigError(f'a genotype must be of one of {known}, got {genotype.family!r}')
    return write_model(genotype, model)


def make_graphs(genotype: Genotype) -> list[Graph]:
    """Make the pictures of a genotype, as :attr:`Family.draw` of its family does."""
    return FAMILIES[genotype.family].draw(genotype)


def load_genotype(path: str | Path) -> Genotype:
    """Read a genotype file.

    Raises:
        DataError: The file is missing or no JSON.
        ConfigError: It holds no genotype.
    """
    data = read_json(path)
    try:
        return Genotype.from_dict(data)
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def save_genotype(genotype: Genotype, path: str | Path) -> None:
    """Write a genotype file, whole or not at all."""
    write_json(path, genotype.to_dict(), indent=1)
