"""Supernet of T-ViPNAS: one set of weights for the networks of all frames after a key frame."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.genotype import FrameShape, Genotype, derive_model, read_frames
from posenas.models import OnlinePoseEstimator
from posenas.models.layers import propagate_heatmaps
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.costs import CostContext
from posenas.search.derived_network import Extract
from posenas.search.operation import list_networks
from posenas.search.recalibration import recalibrate
from posenas.search.space import Arch
from posenas.search.supernet import Supernet
from posenas.search.vipnas.elastic_fusion import ElasticTViPNASNet
from posenas.search.vipnas.plain_config import read_vipnas_config
from posenas.search.vipnas.temporal_space import TViPNASSpace
from posenas.structures import PoseDataSample
from posenas.utils import CheckpointError
from posenas.utils.config import resolve_model
from posenas.utils.download import read_checkpoint
from posenas.utils.profiling import count_parameters, evaluation_mode, profile_model

#: Statistics of one frame: for each batch norm its buffers by name.
Statistics = list[dict[str, Tensor]]


@MODELS.register_module()
class TViPNASSupernet(Supernet, OnlinePoseEstimator):
    """A frozen key network, and one light supernet that every further frame takes a part of.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3. Frames share weights but not the statistics of batch norms: these are measured for
    each frame, on the heatmaps that really reach it.

    Args:
        space: Config of a :class:`~posenas.search.TViPNASSpace`.
        key: Config of the estimator of key frames, or the path of a config with it.
        backbone: Arguments of the backbone of the light networks that no architecture decides.
        head: Arguments of their head likewise, such as ``out_channels`` and ``loss``; None takes
            those of the key network.
        key_checkpoint: File with exactly the weights of the key network.
        light_checkpoint: File of an image network from which the light supernet starts: a spatial
            supernet of the same space, or a network in it, such as the key network.
        share_statistics: Whether batch norms of processes that train together use the statistics
            of all their images.
        **kwargs: Other arguments of :class:`OnlinePoseEstimator`.

    Raises:
        ConfigError: Arguments say what the space decides.
    """

    def __init__(
        self,
        space: dict | TViPNASSpace,
        key: dict | str,
        backbone: Mapping | None = None,
        head: Mapping | None = None,
        key_checkpoint: str | None = None,
        light_checkpoint: str | None = None,
        share_statistics: bool = False,
        **kwargs: Any,
    ) -> None:
        space = space if isinstance(space, TViPNASSpace) else TASK_UTILS.build(space)
        key = deepcopy(dict(resolve_model(key)))
        shared = ('out_channels', 'loss', 'decoder')
        own = {name: value for name, value in key['head'].items() if name in shared}
        head = dict(own if head is None else head)
        OnlinePoseEstimator.__init__(
            self, key, frames=(), period=1, key_checkpoint=key_checkpoint, **kwargs
        )
        self.space = space
        self.period = self.memory.period = space.period
        self.light = ElasticTViPNASNet(space, dict(backbone or {}), head, share_statistics)
        self.light_checkpoint = light_checkpoint
        light = dict(backbone=dict(backbone or {}), head=head)
        self._given = dict(key=key, frames=[light], **kwargs)
        self._norms = [
            (name, module)
            for name, module in self.light.named_modules()
            if isinstance(module, _BatchNorm)
        ]
        self._statistics: dict[int, Statistics] = {}
        self._shapes: list[FrameShape] = []
        self.set_arch(None)

    def set_arch(self, arch: Arch | None) -> None:
        """Become the networks of ``arch``; None: the largest ones. Measured statistics are lost."""
        self._arch = self.space.extremes()[1] if arch is None else arch
        self._shapes = read_frames(self.space.to_genotype(self._arch))
        self._statistics = {}
        self._macs.clear()
        self.memory.clear()

    def read_arch(self) -> Arch:
        """Return the architecture that is set."""
        return self._arch

    def light_network(self, position: int) -> nn.Module:
        """Return the light supernet, set to the frame ``position``."""
        self.light.set_active(self._shapes[position - 1])
        return self.light

    def run_network(
        self, position: int, inputs: Tensor, heatmaps: Tensor | None = None
    ) -> list[Tensor]:
        """Let one frame look; see :meth:`OnlinePoseEstimator.run_network`."""
        with self._with_statistics(position):
            return super().run_network(position, inputs, heatmaps)

    @contextmanager
    def _with_statistics(self, position: int) -> Iterator[None]:
        """Give the batch norms the statistics of a frame, where they were measured."""
        own = self._statistics.get(position)
        shared = [dict(norm._buffers) for _, norm in self._norms]
        if own is not None:
            self._set_buffers(own)
        try:
            yield
        finally:
            if own is not None:
                self._set_buffers(shared)

    def _set_buffers(self, statistics: Statistics) -> None:
        for (_, norm), buffers in zip(self._norms, statistics, strict=True):
            norm._buffers.update(buffers)

    def path_outputs(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> list[Tensor]:
        """Return the heatmaps of all light frames of clips, one below the other."""
        images, _, matrices = self.split_clips(inputs, data_samples)
        outputs = self.run_clip(images, matrices)
        return [torch.cat([stages[-1] for stages in _light(outputs, self.period)])]

    def path_targets(self, data_samples: Sequence[PoseDataSample]) -> tuple[Tensor, Tensor]:
        """Return targets and weights of the light frames of clips, one below the other."""
        number = sum(sample.clip_frame == 0 for sample in data_samples)
        frames = [data_samples[i : i + number] for i in range(0, len(data_samples), number)]
        chosen = [sample for frame in _light(frames, self.period) for sample in frame]
        return self.light.head.targets(chosen)

    def measure_statistics(self, batches: Sequence[Mapping]) -> dict[str, Tensor]:
        """Measure the statistics of each frame on clips, in the order of frames.

        Every frame gets the heatmaps that the frames before it make with their own statistics.

        Args:
            batches: Of clips of at least a period, without augmentation.
        """
        self._statistics = {}
        clips = []
        for batch in batches:
            data = self.data_preprocessor(dict(batch))
            images, _, matrices = self.split_clips(data['inputs'], data['data_samples'])
            clips.append((images, matrices))
        with evaluation_mode(self):
            maps = [self.run_network(0, images[0])[-1] for images, _ in clips]
            for position in range(1, self.period):
                here = [
                    (images[position], propagate_heatmaps(m, *places[position - 1 : position + 1]))
                    for (images, places), m in zip(clips, maps, strict=True)
                ]
                self._measure_frame(position, here)
                maps = [self.run_network(position, *one)[-1] for one in here]
        return {
            f'frames.{position - 1}.{name}.{key}': value.clone()
            for position, statistics in self._statistics.items()
            for (name, _), buffers in zip(self._norms, statistics, strict=True)
            for key, value in buffers.items()
        }

    def _measure_frame(self, position: int, batches: list[tuple[Tensor, Tensor]]) -> None:
        """Measure the statistics of one frame."""
        shared = [dict(norm._buffers) for _, norm in self._norms]
        own = [{key: v.clone() for key, v in buffers.items()} for buffers in shared]
        self._set_buffers(own)
        try:
            recalibrate(self.light_network(position), batches)
            self._statistics[position] = [dict(norm._buffers) for _, norm in self._norms]
        finally:
            self._set_buffers(shared)

    def load_statistics(self, statistics: Mapping[str, Tensor]) -> None:
        """Predict with statistics that :meth:`measure_statistics` returned."""
        self._statistics = {}
        for position in range(1, self.period if statistics else 1):
            self._statistics[position] = [
                {key: statistics[f'frames.{position - 1}.{name}.{key}'] for key in norm._buffers}
                for name, norm in self._norms
            ]

    def init_weights(self) -> None:
        """Initialise all networks, then load the checkpoints."""
        super().init_weights()
        if self.light_checkpoint is not None:
            self._inherit(read_checkpoint(self.light_checkpoint))

    def _inherit(self, checkpoint: Mapping) -> None:
        """Start from a spatial supernet or from a network in its space.

        Raises:
            CheckpointError: It is neither.
        """
        weights = checkpoint.get('state_dict', checkpoint)
        wanted = self.light.state_dict()
        own = {name: v for name, v in wanted.items() if not name.startswith('fusion.')}
        if all(name in weights and weights[name].shape == v.shape for name, v in own.items()):
            self.light.load_state_dict({name: weights[name] for name in own}, strict=False)
            return
        genotype = read_vipnas_config(self._given['key'])
        static = {n: v for n, v in weights.items() if n.split('.')[0] in ('backbone', 'head')}
        if static.keys() != {n for n in self.key.state_dict() if n in static} or not static:
            raise CheckpointError(
                f'{self.light_checkpoint} must hold a spatial supernet of this space or the key '
                'network: give one of them as light_checkpoint'
            )
        self.space.spatial.from_genotype(genotype)  # says why it does not lie in the space
        shape = FrameShape(self.space.stages[0], self.space.ops[0], genotype)
        self.light.embed_weights(shape, static)

    def count_macs(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Count the multiply-accumulates of each network, the light ones by their genotype."""
        if size not in self._macs:
            image = next(self.parameters()).new_zeros(1, 3, *size)
            key = profile_model(self.key, image).macs
            context = CostContext((size[1], size[0]), self.head.out_channels)
            networks = list_networks(self.space.to_genotype(self._arch), context)
            light = networks[1 - self.period :]
            self._macs[size] = (key, *(sum(o.macs for o in network) for network in light))
        return self._macs[size]

    def count_parameters(self) -> tuple[int, ...]:
        """Count the parameters of each network of the architecture that is set."""
        key = count_parameters(self.key)
        context = CostContext((64, 64), self.head.out_channels)
        networks = list_networks(self.space.to_genotype(self._arch), context)
        return (key, *(sum(o.params for o in n) for n in networks[1 - self.period :]))

    @torch.no_grad()
    def extract(self, arch: Arch, bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the networks of ``arch``; see :meth:`Supernet.extract`."""
        genotype: Genotype = self.space.to_genotype(arch)
        config = dict(derive_model(genotype, self._given), type='OnlinePoseEstimator')
        with torch.device('meta'):
            names = list(MODELS.build(deepcopy(config)).state_dict())
        own = self.state_dict()
        state = {name: own[name].clone() for name in names if name.startswith('key.')}
        for i, shape in enumerate(read_frames(genotype)):
            prefix = f'frames.{i}.'
            statistics = {
                name.removeprefix(prefix): value
                for name, value in (bn_stats or {}).items()
                if name.startswith(prefix)
            }
            wanted = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
            found = self.light.cut_out(shape, wanted, statistics)
            state.update({prefix + name: value for name, value in found.items()})
        return config, {name: state[name] for name in names}, genotype


def _light(frames: Sequence, period: int) -> list:
    """Return the frames that light networks see."""
    return [frame for i, frame in enumerate(frames) if i % period]
