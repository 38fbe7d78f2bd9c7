"""Pictures of a genotype as plain data: boxes and arrows; how they look is drawn elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """A box.

    Attributes:
        id: Name within the graph.
        label: Text, lines separated by line feeds.
        column: Place from the left, from 0.
        row: Place from the top, from 0; fractions are fine.
        role: 'input', 'node', 'reduce' or 'output'.
    """

    id: str
    label: str
    column: float
    row: float
    role: str = 'node'


@dataclass(frozen=True)
class Link:
    """An arrow.

    Attributes:
        source: Node it starts from.
        target: Node it points to.
        label: Text at its middle.
        colour: As in HTML.
        is_dashed: Whether it stands for something without parameters.
        width: Of the line, pixels.
        bend: How far its middle lies below the straight line, pixels; tells parallel arrows apart.
    """

    source: str
    target: str
    label: str = ''
    colour: str = '#444444'
    is_dashed: bool = False
    width: float = 1.5
    bend: float = 0.0


@dataclass(frozen=True)
class Graph:
    """A picture with a title."""

    title: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
