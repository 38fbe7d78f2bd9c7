"""The operations that genotypes name are those that models have."""

import pytest

import posenas.models  # noqa: F401  (fills the tables)
from posenas.genotype import CNF_OPERATIONS, FAMILIES, POSENAS_OPERATIONS, UNSTRIDED_OPERATIONS
from posenas.registry import CNF_OPERATORS
from posenas.registry import POSENAS_OPERATIONS as POSENAS_TABLE


@pytest.mark.parametrize(
    ('names', 'table'),
    [(POSENAS_OPERATIONS, POSENAS_TABLE), (CNF_OPERATIONS, CNF_OPERATORS)],
    ids=['posenas', 'pnfs'],
)
def test_a_family_names_what_its_table_holds(names, table):
    assert sorted(names) == sorted(table.module_dict)
    assert all(made.__doc__ for made in table.module_dict.values())


def test_a_genotype_names_no_zeros():
    offered = {name for family in FAMILIES.values() for name in family.operations}
    assert {'none', 'Zero'}.isdisjoint(offered)
    assert set(UNSTRIDED_OPERATIONS) < set(FAMILIES['posenas'].operations)
