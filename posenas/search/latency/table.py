"""Predicted time of a forward pass: times of operations, measured once per device, added up."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import get_type_hints

import numpy as np
from mmengine.logging import print_log
from torch import nn

from posenas.genotype import Genotype
from posenas.registry import TASK_UTILS
from posenas.search.costs import CostContext
from posenas.search.operation import Operation, list_networks, list_operations
from posenas.utils import ConfigError, DataError, write_json
from posenas.utils.files import read_json
from posenas.utils.value_types import describe_type, fits_type

SCHEMA = 'pose-latency/1'
#: Entry of the file -> its type.
_TYPES = dict(device=str, input_size=tuple[int, int], num_keypoints=int, factors=dict, times=list)
#: What is said of the predictions of a table that :func:`fit_table` has seen no networks for.
NOT_FITTED = (
    'the table is not fitted: predictions are sums of the times of operations alone, which whole '
    'networks may miss by far; run posenas latency fit'
)
#: What networks take besides the times of their operations.
_BESIDES = ('network', 'call', 'weights', 'maps', 'macs')


@dataclass(frozen=True)
class LatencyTable:
    """Times of operations on one device and how they add up.

    Attributes:
        device: What was measured and how, as text.
        context: Input size and keypoints of the networks.
        times: Operation -> seconds of one call alone.
        factors: Kind of an operation -> factor of its times inside a network. Besides, seconds:
            'network' for every network, 'call' for every operation, 'weights' for each of their
            parameters and 'maps' for each number that they read or write, since inside a network
            less of it is in the cache; and 'macs' for each multiply-accumulate, since inference
            engines run an operation alone less well than inside a network.
        engine: What runs the networks: 'torch' or an inference engine.
    """

    device: str
    context: CostContext
    times: Mapping[Operation, float]
    factors: Mapping[str, float]
    engine: str = 'torch'

    @property
    def is_fitted(self) -> bool:
        """Whether whole networks were timed, or times of operations are only added up."""
        return any(factor != (name not in _BESIDES) for name, factor in self.factors.items())

    def predict(self, genotype: Genotype) -> float:
        """Predict the time of one forward pass, seconds; the mean of a period where it has one.

        Raises:
            DataError: An operation was not measured, or a genotype only names its key network.
        """
        networks = list_networks(genotype, self.context)
        if genotype.family == 't_vipnas' and len(networks) < genotype.choices['period']:
            raise DataError(
                'the key network must be part of the genotype to predict its time, got a name: '
                'give the search space key as choices'
            )
        return sum(map(self._predict_network, networks)) / len(networks)

    def _predict_network(self, operations: Sequence[Operation]) -> float:
        missing = [operation for operation in operations if operation not in self.times]
        if missing:
            raise DataError(
                f'a latency table must have every operation, got none for {missing[0]}: build it '
                'for this space and input size'
            )
        features = _sum_times(operations, self.times)
        lacking = features.keys() - self.factors.keys() - {*_BESIDES}  # older tables lack 'macs'
        if lacking:
            raise DataError(
                f'a latency table must have a factor for {min(lacking)}, got '
                f'{sorted(self.factors)}: fit it by posenas latency fit'
            )
        return float(sum(self.factors.get(name, 0.0) * value for name, value in features.items()))

    def save(self, path: str | Path) -> None:
        """Write the table as JSON, whole or not at all."""
        rows = [[asdict(operation), seconds] for operation, seconds in self.times.items()]
        content = dict(
            schema=SCHEMA,
            device=self.device,
            engine=self.engine,
            input_size=list(self.context.input_size),
            num_keypoints=self.context.num_keypoints,
            factors=dict(self.factors),
            times=rows,
        )
        write_json(path, content, indent=1)

    @classmethod
    def load(cls, path: str | Path) -> 'LatencyTable':
        """Read what :meth:`save` wrote.

        Raises:
            DataError: The file is missing or something else.
        """
        data = read_json(path)
        try:
            if data['schema'] != SCHEMA:
                raise ValueError(f'schema {data["schema"]!r}')
            _check_types(data)
            times = {
                Operation(**{**fields, 'size': tuple(fields['size'])}): float(seconds)
                for fields, seconds in data['times']
            }
            context = CostContext(tuple(data['input_size']), data['num_keypoints'])
            engine = str(data.get('engine', 'torch'))
            return cls(data['device'], context, times, data['factors'], engine)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise DataError(f'{path} must be a latency table, got: {error}') from error


def _check_types(data: Mapping) -> None:
    """Require the entries of a table to be of the kinds that are added up.

    Raises:
        ValueError: One is not.
    """
    for name, wanted in _TYPES.items():
        if not fits_type(data[name], wanted):
            raise ValueError(f'{name} must be {describe_type(wanted)}, got {data[name]!r:.80}')
    factors = data['factors']
    if not all(fits_type(value, float) for value in factors.values()):
        raise ValueError(f'factors must be numbers, got {factors!r:.80}')
    wanted_fields = get_type_hints(Operation)
    for fields, _ in data['times']:
        for name, value in fields.items():
            if not fits_type(value, wanted_fields[name]):
                raise ValueError(f'{name} of an operation must not be {value!r:.80}')


@TASK_UTILS.register_module()
class LatencyCost:
    """Time of one forward pass, milliseconds, by a table in a file; nothing is timed in a search.

    Args:
        table: File that ``posenas latency`` wrote.
        name: What budgets and archives call it; tables of several engines need one each.

    Raises:
        DataError: The file is missing or something else.
    """

    def __init__(self, table: str, name: str = 'latency') -> None:
        self.name = name
        self._table = LatencyTable.load(table)
        if not self._table.is_fitted:
            print_log(f'{table}: {NOT_FITTED}', logger='current', level=logging.WARNING)
        self._hash = sha256(Path(table).read_bytes()).hexdigest()[:16]

    def fingerprint(self) -> str:
        """Return a hash of the file."""
        return f'{type(self).__name__}({self._hash})'

    def __call__(self, genotype: Genotype, context: CostContext) -> float:
        """Predict the time of the network of ``genotype``, milliseconds.

        Raises:
            DataError: The table is of another input size or other keypoints.
        """
        if context != self._table.context:
            raise DataError(
                f'the latency table must be for {context}, got one for {self._table.context}: '
                'build another'
            )
        return 1e3 * self._table.predict(genotype)

    def per_op(self, operation: nn.Module, shape: Sequence[int]) -> float:
        """Refuse: times of candidates alone are not in the table.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            'latency is known only for whole networks: give a relaxation MacsCost instead'
        )


def fit_table(
    table: LatencyTable, genotypes: Sequence[Genotype], seconds: Sequence[float]
) -> LatencyTable:
    """Fit how times of operations add up inside networks, relative errors least squared.

    Args:
        table: Times of all operations.
        genotypes: Networks that were timed; none leaves the plain sum.
        seconds: Their times.
    """
    if not genotypes:
        kinds = {name for o, t in table.times.items() for name in _sum_times([o], {o: t})}
        plain = {name: float(name not in _BESIDES) for name in sorted(kinds)}
        return replace(table, factors=plain)
    rows = [_sum_times(list_operations(g, table.context), table.times) for g in genotypes]
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    measured = np.asarray(seconds)
    scale = matrix.max(0)
    factors = _solve_nonnegative(matrix / measured[:, None] / scale, np.ones(len(rows))) / scale
    found = dict(zip(names, factors.tolist(), strict=True))
    return replace(table, factors=found)


def _solve_nonnegative(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Solve least squares with factors of at least 0: no operation saves time."""
    from scipy.optimize import nnls

    return nnls(matrix, target)[0]


def _sum_times(
    operations: Iterable[Operation], times: Mapping[Operation, float]
) -> dict[str, float]:
    """Add up the times of each kind of operation; depthwise convolutions are one of their own."""
    features = {**dict.fromkeys(_BESIDES, 0.0), 'network': 1.0}
    for operation in operations:
        kind = operation.kind
        if kind == 'conv' and operation.kernel > 1:
            kind = 'depthwise' if operation.groups == operation.in_channels else 'grouped'
        features[kind] = features.get(kind, 0.0) + times[operation]
        features['call'] += 1
        features['weights'] += operation.params
        features['macs'] += operation.macs
        features['maps'] += prod(operation.size) * operation.in_channels
        features['maps'] += prod(operation.output_size) * operation.out_channels
    return features
