import pytest

from posenas.utils import check_odd


def test_even_values_are_named():
    check_odd('ks', (3, 5, 1))
    with pytest.raises(ValueError, match=r'ks must be odd, got \[4, 2\]'):
        check_odd('ks', (3, 4, 2))
