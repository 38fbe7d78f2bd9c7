"""What network a state dict under our names belongs to."""

import re
from collections.abc import Iterable, Mapping

#: Pattern of a name that one family alone has -> what that family is called; the first counts.
_FAMILIES = {
    r'head\.parts\.': 'CNF',
    r'backbone\.cell_\d+_\d+\.': 'CNF',
    r'backbone\.hg\.': 'stacked hourglass',
    r'backbone\.(refine_)?cells\.': 'PoseNAS',
    r'backbone\.stage0\.': 'Dite-HRNet',
    r'backbone\.transition\d\.': 'HRNet',
    r'backbone\.layer1\.expand_conv\.': 'MobileNetV3',  # that of ViPNAS widens from layer2 on
    r'backbone\.layer\d+\.linear_conv\.': 'S-ViPNAS-MobileNetV3',
    r'backbone\.layer\d\.\d+\.attention\.': 'S-ViPNAS-Res50',
    r'backbone\.layer\d\.\d+\.conv2\.': 'ResNet',
    r'backbone\.features\.': 'MobileNetV2',
}
#: Output layers of one stage, whose first axis counts keypoints.
_OUTPUTS = re.compile(r'(head\.final_layer|head\.final_layers\.0|backbone\.score\.0)\.weight')


def find_family(names: Iterable[str]) -> str | None:
    """Name the family of networks that has such entries; None if it is none of ours."""
    names = list(names)
    for pattern, family in _FAMILIES.items():
        if any(re.match(pattern, name) for name in names):
            return family
    return None


def describe_network(entries: Mapping[str, object]) -> str:
    """Say in a few words what network has ``entries``, as far as names and shapes tell.

    Args:
        entries: State dict under our names.

    Returns:
        Such as 'PoseNAS (18 cells, 1 stage, attention of ratio 2, 17 keypoints)'.
    """
    family = find_family(entries)
    if family is None:
        return 'an unknown network'
    facts = _FACTS[family](entries) if family in _FACTS else []
    shapes = (_shape(value) for name, value in entries.items() if _OUTPUTS.fullmatch(name))
    keypoints = next((shape[0] for shape in shapes if shape), None)
    facts += [] if keypoints is None else [f'{keypoints} keypoints']
    return f'{family} ({", ".join(facts)})' if facts else family


def _describe_posenas(entries: Mapping[str, object]) -> list[str]:
    """Tell the revisions apart: the first had one stage and a bottleneck in its attention."""
    stages = _count(entries, r'backbone\.stage(\d+)\.')
    cells = _count(entries, r'backbone\.cells\.(\d+)\.')
    facts = [f'{cells} cells']
    facts += [f'{stages} stage{"s" if stages > 1 else ""}']
    attention = (_shape(value) for name, value in entries.items() if name.endswith('.fc1.weight'))
    shape = next(filter(None, attention), ())
    if shape and shape[0] < shape[1]:
        facts.append(f'attention of ratio {shape[1] // shape[0]}')
    return facts


def _describe_hourglass(entries: Mapping[str, object]) -> list[str]:
    stacks = _count(entries, r'backbone\.hg\.(\d+)\.')
    shape = _shape(entries.get('backbone.layer3.0.conv1.weight'))
    return [f'{stacks} stacks', *([f'{shape[1]} features'] if shape else [])]


def _describe_cnf(entries: Mapping[str, object]) -> list[str]:
    parts = {name.split('.')[2] for name in entries if name.startswith('head.parts.')}
    return [f'{len(parts)} parts: {", ".join(sorted(parts))}'] if parts else []


def _describe_branches(entries: Mapping[str, object]) -> list[str]:
    shape = _shape(entries.get('backbone.transition1.0.0.weight'))
    return [f'width {shape[0]}'] if shape else []


_FACTS = {
    'PoseNAS': _describe_posenas,
    'stacked hourglass': _describe_hourglass,
    'CNF': _describe_cnf,
    'HRNet': _describe_branches,
}


def _count(names: Iterable[str], pattern: str) -> int:
    """Count the different numbers that the group of ``pattern`` matches at the start of names."""
    matches = (re.match(pattern, name) for name in names)
    return len({match[1] for match in matches if match})


def _shape(value: object) -> tuple[int, ...]:
    return tuple(getattr(value, 'shape', ()))
