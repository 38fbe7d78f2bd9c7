"""Supernets of the spatial ViPNAS spaces: every architecture is a part of the largest one."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from posenas.genotype import Genotype, derive_model, vipnas_arguments
from posenas.models import TopdownPoseEstimator
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.derived_network import Extract
from posenas.search.elastic import ElasticBatchNorm2d, make_elastic
from posenas.search.space import Arch, SearchSpace
from posenas.search.supernet import Supernet
from posenas.search.vipnas.elastic_blocks import VIPNAS_FORMS
from posenas.utils import ConfigError


@MODELS.register_module()
class ViPNASSupernet(Supernet, TopdownPoseEstimator):
    """One set of weights for all networks of a spatial ViPNAS space.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3. A network takes the first channels, the centre of the kernels, the first blocks of
    each stage; groups as :func:`~posenas.search.elastic.tied_rows` says. Parameters have the names
    of the static network, at the shapes of the largest one.

    Args:
        space: Config of a :class:`~posenas.search.ViPNASSpace`.
        backbone: Arguments of the backbone that no architecture decides, such as ``with_cp``.
        head: Arguments of the head likewise, such as ``out_channels``, ``loss`` and ``decoder``.
        share_statistics: Whether batch norms of processes that train together use the statistics
            of all their images.
        **kwargs: Other arguments of :class:`TopdownPoseEstimator`.

    Raises:
        ConfigError: Arguments say what the space decides.
    """

    def __init__(
        self,
        space: dict | SearchSpace,
        backbone: Mapping | None = None,
        head: Mapping | None = None,
        share_statistics: bool = False,
        **kwargs: Any,
    ) -> None:
        space = space if isinstance(space, SearchSpace) else TASK_UTILS.build(space)
        given = dict(backbone=dict(backbone or {}), head=dict(head or {}), **kwargs)
        largest = space.to_genotype(space.extremes()[1])
        check_given(given, largest)
        super().__init__(**derive_model(largest, given))
        self.space = space
        self._given = given
        make_elastic(self, VIPNAS_FORMS)
        for module in self.modules():
            if isinstance(module, ElasticBatchNorm2d):
                module.is_shared = share_statistics
        self.set_arch(None)

    def set_arch(self, arch: Arch | None) -> None:
        """Become the network of ``arch``; None: the largest one."""
        self._arch = self.space.extremes()[1] if arch is None else arch
        genotype = self.space.to_genotype(self._arch)
        self.backbone.set_active(genotype)
        self.head.set_active(genotype)

    def read_arch(self) -> Arch:
        """Return the architecture that is set."""
        return self._arch

    def init_weights(self) -> None:
        """Initialise as the static network; residual branches start as nothing."""
        super().init_weights()
        for norm in self.backbone.identity_norms():
            nn.init.zeros_(norm.weight)

    @torch.no_grad()
    def extract(self, arch: Arch, bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the network of ``arch``; see :meth:`Supernet.extract`."""
        before, genotype = self.read_arch(), self.space.to_genotype(arch)
        config = dict(type='TopdownPoseEstimator', **derive_model(genotype, self._given))
        with torch.device('meta'):
            names = MODELS.build(deepcopy(config)).state_dict()
        self.set_arch(arch)
        try:
            state = {name: cut_out(self, name, bn_stats or {}) for name in names}
        finally:
            self.set_arch(before)
        return config, state, genotype

    def find_stored(self, path: str) -> str:
        """Return our name of the module ``path`` of the static network of the active size."""
        part, _, rest = path.partition('.')
        return f'{part}.{self.backbone.find_stored(rest)}' if part == 'backbone' else path


def cut_out(network: nn.Module, name: str, bn_stats: Mapping[str, Tensor]) -> Tensor:
    """Return a copy of an entry of the static network that an elastic one is set to.

    Args:
        network: Says by ``find_stored`` what its modules are called.
        name: Of the entry in the state dict of the static network.
        bn_stats: Statistics that replace its own, by the names of ``network``.
    """
    path, _, leaf = name.rpartition('.')
    path = network.find_stored(path)
    value = network.get_submodule(path).effective_state()[leaf]
    stored = bn_stats.get(f'{path}.{leaf}')
    if stored is not None:
        value = stored[: len(value)] if value.ndim else stored
    return value.clone()


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


#: Arguments that would change networks behind the back of the genotype.
_FIXED = {
    'strides', 'dilations', 'num_stages', 'out_indices', 'style', 'deep_stem', 'avg_down', 'stride',
    'act', 'conv_cfg', 'norm_cfg', 'conv_out_channels', 'conv_kernel_sizes',
}  # fmt: skip
