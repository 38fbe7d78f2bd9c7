"""What supernets share whose architectures are parts of the largest one."""

from abc import abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from posenas.genotype import Genotype, derive_model
from posenas.models import TopdownPoseEstimator
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.derived_network import Extract
from posenas.search.elastic import ElasticBatchNorm2d
from posenas.search.space import Arch, SearchSpace
from posenas.search.supernet import Supernet


class ElasticSupernet(Supernet, TopdownPoseEstimator):
    """One set of weights for all networks of a space: each is a part of the largest one.

    Args:
        space: Config of the space.
        backbone: Arguments of the backbone that no architecture decides, such as ``init_cfg``.
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
        self.check_given(given, largest)
        super().__init__(**derive_model(largest, given))
        self.space, self._given = space, given
        self.make_elastic(largest)
        share(self, share_statistics)
        self.set_arch(None)

    @staticmethod
    @abstractmethod
    def check_given(given: Mapping[str, Any], genotype: Genotype) -> None:
        """Require arguments that leave to the space what it decides.

        Raises:
            ConfigError: They do not, or name another backbone or head.
        """

    @abstractmethod
    def make_elastic(self, largest: Genotype) -> None:
        """Replace the parts of the largest network by forms that run with a part of it."""

    @abstractmethod
    def set_active(self, genotype: Genotype) -> None:
        """Run the part that ``genotype`` describes."""

    def set_arch(self, arch: Arch | None) -> None:
        """Become the network of ``arch``; None: the largest one."""
        self._arch = self.space.extremes()[1] if arch is None else arch
        self.set_active(self.space.to_genotype(self._arch))

    def read_arch(self) -> Arch:
        """Return the architecture that is set."""
        return self._arch

    @torch.no_grad()
    def extract(self, arch: Arch, bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the network of ``arch``; see :meth:`Supernet.extract`."""
        before, genotype = self.read_arch(), self.space.to_genotype(arch)
        config = dict(type='TopdownPoseEstimator', **derive_model(genotype, self._given))
        names = self._build_static(genotype).state_dict()
        self.set_arch(arch)
        try:
            state = {name: cut_out(self, name, bn_stats or {}) for name in names}
        finally:
            self.set_arch(before)
        return config, state, genotype

    def _build_static(self, genotype: Genotype) -> nn.Module:
        """Build the network of ``genotype`` without memory."""
        config = deepcopy(derive_model(genotype, self._given))
        with torch.device('meta'):
            return MODELS.build(dict(config, type='TopdownPoseEstimator'))


def share(network: nn.Module, is_shared: bool) -> None:
    """Tell batch norms whether they use the statistics of all processes in training."""
    for module in network.modules():
        if isinstance(module, ElasticBatchNorm2d):
            module.is_shared = is_shared


def cut_out(network: nn.Module, name: str, bn_stats: Mapping[str, Tensor]) -> Tensor:
    """Return a copy of an entry of the static network that an elastic one is set to.

    Args:
        network: Says by ``find_stored`` what its modules are called.
        name: Of the entry in the state dict of the static network.
        bn_stats: Statistics that replace its own, by the names of ``network``.
    """
    path, _, leaf = name.rpartition('.')
    path = network.find_stored(path)
    layer = network.get_submodule(path)
    value = layer.effective_state()[leaf]
    stored = bn_stats.get(f'{path}.{leaf}')
    if stored is not None:
        value = layer.cut(stored) if value.ndim else stored
    return value.clone()
