"""Supernets of the spatial ViPNAS spaces: every architecture is a part of the largest one."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from posenas.genotype import Genotype, vipnas_arguments
from posenas.registry import MODELS
from posenas.search.elastic import make_elastic
from posenas.search.elastic_supernet import ElasticSupernet
from posenas.search.vipnas.elastic_blocks import VIPNAS_FORMS
from posenas.utils import ConfigError


def check_given(given: Mapping[str, Any], genotype: Genotype) -> None:
    """Require arguments of backbone and head that leave to the space what it decides.

    Raises:
        ConfigError: They do not, or name another backbone or head.
    """
    for part, decided in zip(('backbone', 'head'), vipnas_arguments(genotype), strict=True):
        kind = given[part].get('type', decided['type'])
        if kind.replace('_', '') != decided['type'].replace('_', ''):
            raise ConfigError(f'{part} must be a {decided["type"]} in this space, got {kind}')
        clashes = sorted(given[part].keys() & (decided.keys() | _FIXED) - {'type', 'depth'})
        if clashes:
            raise ConfigError(f'{part}: the space decides {clashes}, remove them')


@MODELS.register_module()
class ViPNASSupernet(ElasticSupernet):
    """One set of weights for all networks of a spatial ViPNAS space.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3. A network takes the first channels, the centre of the kernels, the first blocks of
    each stage; groups as :func:`~posenas.search.elastic.tied_rows` says. Parameters have the names
    of the static network, at the shapes of the largest one. For arguments see
    :class:`ElasticSupernet`; the space is a :class:`~posenas.search.ViPNASSpace`.
    """

    check_given = staticmethod(check_given)

    def make_elastic(self, largest: Genotype) -> None:
        """Replace the parts of the network; see :meth:`ElasticSupernet.make_elastic`."""
        make_elastic(self, VIPNAS_FORMS)

    def set_active(self, genotype: Genotype) -> None:
        """Run the part that ``genotype`` describes."""
        self.backbone.set_active(genotype)
        self.head.set_active(genotype)

    def init_weights(self) -> None:
        """Initialise as the static network; residual branches start as nothing."""
        super().init_weights()
        for norm in self.backbone.identity_norms():
            nn.init.zeros_(norm.weight)

    def find_stored(self, path: str) -> str:
        """Return our name of the module ``path`` of the static network of the active size."""
        part, _, rest = path.partition('.')
        return f'{part}.{self.backbone.find_stored(rest)}' if part == 'backbone' else path


#: Arguments that would change networks behind the back of the genotype.
_FIXED = {
    'strides', 'dilations', 'num_stages', 'out_indices', 'style', 'deep_stem', 'avg_down', 'stride',
    'act', 'conv_cfg', 'norm_cfg', 'conv_out_channels', 'conv_kernel_sizes',
}  # fmt: skip
