"""Names of the projects around HRNet: its own, SimpleBaseline's, and FPD's with hourglasses."""

from collections.abc import Iterable

from posenas.convert.naming import Naming
from posenas.convert.rules import Rename

#: First components of each network's names.
_HRNET = 'conv1|bn1|conv2|bn2|layer1|transition[1-9]|stage[2-9]|final_layer'
_RESNET = 'conv1|bn1|layer[1-4]|deconv_layers|final_layer'
_HOURGLASS = 'conv1|bn1|layer[1-3]|hg|res|fc|score|fc_|score_'


def _make_rules(names: Iterable[str]) -> list[Rename]:
    """List the one rule of all three: what makes heatmaps is the head, the rest the backbone.

    The hourglass feeds its scores back, so they belong to its backbone.
    """
    return [
        Rename('deconv_layers.{rest}', 'head.deconv_layers.{rest}'),
        Rename('final_layer.{rest}', 'head.final_layer.{rest}'),
        Rename('{rest}', 'backbone.{rest}'),
    ]


HRNET = Naming(
    key='hrnet',
    title='the HRNet project',
    modules=_HRNET,
    marks='transition[1-9]',
    make_rules=_make_rules,
)
SIMPLE_BASELINE = Naming(
    key='simplebaseline',
    title='the SimpleBaseline project',
    modules=_RESNET,
    marks='deconv_layers',
    make_rules=_make_rules,
)
FPD = Naming(
    key='fpd',
    title='the FPD project',
    modules=f'{_HRNET}|{_RESNET}|{_HOURGLASS}',
    marks='hg|score|score_|fc_',
    make_rules=_make_rules,
)
