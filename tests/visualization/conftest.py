"""Fixtures of all charts."""

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def figures(monkeypatch):
    """Figures that were saved."""
    saved = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        'savefig',
        lambda figure, *args, **kw: (saved.append(figure), save(figure, *args, **kw)),
    )
    return saved
