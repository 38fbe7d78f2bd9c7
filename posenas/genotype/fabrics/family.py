"""The family of neural fabrics: configs and pictures of its genotypes."""

from collections.abc import Mapping

from posenas.genotype.fabrics.model import write_fabric_model
from posenas.genotype.graph import Graph, Link, Node
from posenas.genotype.operations import CNF_OPERATIONS
from posenas.genotype.record import FAMILIES, Family, Genotype

#: Weights below it are not drawn.
_SMALLEST_WEIGHT = 0.05
#: Width of the line of weight 1, pixels.
_WIDEST = 7.0
#: Slot -> colour of its arrow, and its bend.
_SLOTS = {'parallel': ('#1f77b4', 0.0), 'above': ('#d95f02', -14.0), 'below': ('#1b9e77', 14.0)}


def draw_fabrics(genotype: Genotype) -> list[Graph]:
    """Draw one grid of cells for each part, the arrows as wide as the weights."""
    parts = list(dict.fromkeys(name.rpartition('.')[0] for name in genotype.cells))
    return [_draw_fabric(genotype, part) for part in parts]


def _draw_fabric(genotype: Genotype, part: str) -> Graph:
    """Draw one fabric: a column for each layer, a row for each scale."""
    cells = {n: cell for n, cell in genotype.cells.items() if n.rpartition('.')[0] == part}
    places = {name: _read_place(name) for name in cells}
    first = min(layer for layer, _ in places.values())
    handed = sorted({slot.source for cell in cells.values() for slot in cell.inputs} - cells.keys())
    nodes = [
        Node(name, name, 0, int(name.rpartition('_')[2]) if '_' in name else 0, 'input')
        for name in handed
    ]
    links = []
    for name, cell in cells.items():
        layer, scale = places[name]
        operators = [_describe_edge(edge.weights) for edge in cell.edges]
        label = '\n'.join([f'{layer}_{scale}', *(line for lines in operators for line in lines)])
        nodes.append(Node(name, label, 1.6 * (layer - first + 1), scale))
        links += [
            Link(
                slot.source,
                name,
                f'{slot.weight:.2f}',
                _SLOTS[slot.slot][0],
                width=max(_WIDEST * slot.weight, 0.5),
                bend=_SLOTS[slot.slot][1],
            )
            for slot in cell.inputs
            if slot.weight >= _SMALLEST_WEIGHT
        ]
    joints = genotype.macro.get('parts', {}).get(part)
    about = f', keypoints {", ".join(map(str, joints))}' if joints else ''
    return Graph(f'{part}{about}', tuple(nodes), tuple(links))


def _read_place(name: str) -> tuple[int, int]:
    """Return layer and scale of a cell called ``<part>.<layer>_<scale>``."""
    layer, _, scale = name.rpartition('.')[2].partition('_')
    return int(layer), int(scale)


def _describe_edge(weights: Mapping[str, float]) -> list[str]:
    """List the operators of an edge, the strongest first; weak ones are pruned."""
    strong = [item for item in weights.items() if item[1] >= _SMALLEST_WEIGHT]
    return [f'{name} {weight:.2f}' for name, weight in sorted(strong, key=lambda item: -item[1])]


FAMILIES['pnfs'] = Family(
    draw=draw_fabrics,
    write_model=write_fabric_model,
    cell_kinds=('fabric',),
    operations=CNF_OPERATIONS[1:],  # 'Zero' exists during a search only
)
