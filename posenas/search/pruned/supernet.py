"""Supernet of the networks that a trained network can be pruned to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from posenas.convert import adapt_checkpoint
from posenas.genotype import Genotype
from posenas.models import load_state
from posenas.models.layers.pruning import set_input_channels
from posenas.registry import MODELS
from posenas.search.elastic import choose, make_elastic
from posenas.search.elastic_supernet import ElasticSupernet
from posenas.search.pruned.elastic_layers import CHOSEN_FORMS
from posenas.search.pruned.sorting import sort_channels
from posenas.search.pruned.space import PrunedModelSpace
from posenas.search.pruned.units import check_supported, is_below
from posenas.utils.config import resolve_model
from posenas.utils.download import read_checkpoint


@MODELS.register_module()
class PrunedModelSupernet(ElasticSupernet):
    """A network with the weights that it has, and all networks that it can be pruned to.

    Its config is that of the network with another ``type``. Its state dict has the same entries; a
    training begins from those of ``checkpoint``, with channels sorted by importance, and a pruned
    network takes the first ones.

    Args:
        backbone: Config of the backbone.
        head: Config of the head.
        neck: None: networks with a neck are refused.
        width: See :class:`PrunedModelSpace`.
        depth: Likewise.
        kernel: Likewise.
        divisor: Likewise.
        checkpoint: Weights of the network, a file or an address, that :meth:`init_weights` loads;
            None draws initial ones.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits.
        share_statistics: See :class:`ElasticSupernet`.
        **kwargs: Other arguments of :class:`TopdownPoseEstimator`.

    Raises:
        ConfigError: The network cannot be pruned; the text says why.
    """

    def __init__(
        self,
        backbone: Mapping,
        head: Mapping,
        neck: Mapping | None = None,
        width: Sequence[float] = (0.5, 0.75, 1.0),
        depth: Sequence[float] = (0.5, 1.0),
        kernel: Sequence[int] = (),
        divisor: int = 8,
        checkpoint: str | None = None,
        sha256: str | None = None,
        share_statistics: bool = False,
        **kwargs: Any,
    ) -> None:
        model = dict(backbone=backbone, neck=neck, head=head, pruning=kwargs.get('pruning'))
        space = PrunedModelSpace(model, width, depth, kernel, divisor)
        self._source = checkpoint, sha256
        super().__init__(space, backbone, head, share_statistics, **kwargs)

    @staticmethod
    def check_given(given: Mapping[str, Any], genotype: Genotype) -> None:
        """Accept everything: the space comes from the same config."""

    def make_elastic(self, largest: Genotype) -> None:
        """Replace the layers of the network; see :meth:`ElasticSupernet.make_elastic`."""
        make_elastic(self, CHOSEN_FORMS)

    def set_active(self, genotype: Genotype) -> None:
        """Run the part that the architecture that is set stands for."""
        arch = self.read_arch()
        counts, kernels = self.space.read_counts(arch), self.space.read_kernels(arch)
        for name, (outputs, inputs) in self.space.structure.axes.items():
            layer = self.get_submodule(name)
            if self.space.structure.layers[name].is_norm:
                layer.choose_channels(outputs.keep(counts))
            else:
                kernel = kernels.get(name, layer.kernel_size[0])
                layer.choose_channels(inputs.keep(counts), outputs.keep(counts), kernel)
        set_input_channels(self.head, lambda layer: layer.num_inputs)
        skipped = {*self.space.list_skipped(arch)}
        for stage in self.space.structure.stages:
            for name in stage:
                vars(self.get_submodule(name)).pop('forward', None)
                if name in skipped:
                    choose(self.get_submodule(name), forward=_pass_on)

    def init_weights(self) -> None:
        """Take the weights of the checkpoint and sort channels by importance.

        Raises:
            CheckpointError: They are not those of the network.
        """
        super().init_weights()
        self.adopt_weights()

    def adopt_weights(self) -> None:
        """Load the checkpoint, if there is one, and sort channels by importance.

        Raises:
            CheckpointError: It does not hold the weights of the network.
        """
        source, sha256 = self._source
        if source is not None:
            loaded = read_checkpoint(source, sha256=sha256)
            load_state(self, adapt_checkpoint(loaded, self.state_dict()))
        sort_channels(self, self.space.structure)

    @property
    def unused_parameters(self) -> set[str]:
        """Names of the parameters that the architecture that is set does not run."""
        skipped = self.space.list_skipped(self.read_arch())
        used = self.space.structure.layers.keys()
        return {
            name
            for name, parameter in self.named_parameters()
            if parameter.requires_grad
            and (name.rpartition('.')[0] not in used or is_below(name, skipped))
        }

    @staticmethod
    def find_stored(path: str) -> str:
        """Return our name of the module ``path`` of the static network: the same."""
        return path


def from_model(
    config: str | Path | Config | Mapping,
    checkpoint: str | Path | None = None,
    width: Sequence[float] = (0.5, 0.75, 1.0),
    depth: Sequence[float] = (0.5, 1.0),
    kernel: Sequence[int] = (),
    divisor: int = 8,
    sha256: str | None = None,
) -> PrunedModelSupernet:
    """Make a supernet of all networks that a trained network can be pruned to.

    Args:
        config: Config of the training, or its ``model``.
        checkpoint: Weights of the network, a file or an address; None draws initial ones.
        width: Shares of the channels that may be kept; see :class:`PrunedModelSpace`.
        depth: Shares of the residual blocks of a stage that may be kept.
        kernel: Odd sides that larger kernels may be cropped to.
        divisor: Widths are multiples of it, if they are not the largest.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits.

    Returns:
        The supernet in evaluation mode, with the weights of the checkpoint; its ``space`` holds the
        networks.

    Raises:
        ConfigError: The network cannot be pruned; the text says why.
        CheckpointError: The weights are not those of the network.
    """
    init_default_scope('posenas')
    given = config if isinstance(config, str | Path) else config.get('model', config)
    model = dict(resolve_model(given))
    check_supported(model)
    options = dict(width=width, depth=depth, kernel=kernel, divisor=divisor, sha256=sha256)
    source = None if checkpoint is None else str(checkpoint)
    made = dict(model, **options, checkpoint=source, type='PrunedModelSupernet')
    supernet = MODELS.build(made)
    if source is None:
        supernet.init_weights()
    else:
        supernet.adopt_weights()
    return supernet.eval()


def _pass_on(x: Tensor) -> Tensor:
    """Return ``x``: a residual block that is skipped."""
    return x
