"""Pose estimation in videos, online: a key network now and then, light networks in between."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.model import BaseModel, ModuleList
from torch import Tensor, nn

from posenas.codecs import flip_heatmaps
from posenas.geometry import heatmap_matrix
from posenas.models.estimators.base import explain_lonely_image
from posenas.models.estimators.teacher import load_weights
from posenas.models.estimators.topdown import add_predictions
from posenas.models.fused import fuse, unfuse
from posenas.models.heads.base import BaseHeatmapHead, list_stages
from posenas.models.layers.heatmap_propagation import propagate_heatmaps
from posenas.models.loading import find_weights, load_state
from posenas.registry import MODELS
from posenas.runtime.track_memory import Memory, Seen, TrackMemory
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, check_choice, check_positive, check_probability
from posenas.utils.config import resolve_model
from posenas.utils.download import read_checkpoint
from posenas.utils.profiling import count_parameters, evaluation_mode, profile_model
from posenas.utils.resizing import resize_weights

Matrices = Sequence[np.ndarray]


@MODELS.register_module()
class OnlinePoseEstimator(BaseModel):
    """Follow people through a video; heatmaps travel from frame to frame within a period.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3: the first frame of a period is seen by an image network, each further one by a light
    network of its own, which also reads the heatmaps of the frame before. How heatmaps are moved
    between the crops, and when a track begins anew, is ours. Nothing depends on later frames.

    Training takes clips, see :class:`posenas.datasets.ClipDataset`; prediction takes people frame
    by frame and remembers each track (``video_id``, ``track_id`` and ``frame_id`` of the samples).
    People without a track are seen by the key network. Entering training or evaluation forgets all.

    Args:
        key: Config of the estimator of key frames, or the path of a config with it.
        frames: Configs of the networks of the frames after it, in order, such as
            :class:`TViPNASNet`: modules from crops (B, 3, H, W) and heatmaps (B, K, h, w) to
            heatmaps.
        period: Frames from one key frame to the next; None is one more than ``frames``.
        key_checkpoint: File with exactly the weights of the key network.
        frame_checkpoint: File of an image network from which the light networks take the weights
            that fit by name, cut to their widths and kernels.
        train_key: Whether the key network is trained too.
        bptt: Whether gradients flow back through the heatmaps of the frame before.
        min_overlap: Intersection over union of the boxes of two frames, below which the key network
            looks again.
        max_gap: Difference of the numbers of two frames that follow each other, at most; 1 where
            every frame is looked at.
        train_cfg: ``compute_acc=False`` leaves ``acc_pose`` out.
        test_cfg: As of :class:`TopdownPoseEstimator`; None takes that of the key network. The flip
            test mirrors the heatmaps of the frame before as well.

    Raises:
        ConfigError: There are not as many networks as the period has frames, the networks differ in
            keypoints, or one makes no heatmaps.
    """

    def __init__(
        self,
        key: dict | str,
        frames: Sequence[dict],
        period: int | None = None,
        key_checkpoint: str | None = None,
        frame_checkpoint: str | None = None,
        train_key: bool = False,
        bptt: bool = False,
        min_overlap: float = 0.3,
        max_gap: int = 1,
        train_cfg: Mapping | None = None,
        test_cfg: Mapping | None = None,
    ) -> None:
        check_probability('min_overlap', min_overlap)
        check_positive('max_gap', max_gap)
        built = MODELS.build(resolve_model(key))
        super().__init__(built.data_preprocessor)
        self.key = built
        self.frames = ModuleList(MODELS.build(cfg) for cfg in frames)
        self.period = len(frames) + 1 if period is None else period
        self.key_checkpoint, self.frame_checkpoint = key_checkpoint, frame_checkpoint
        self.train_key, self.bptt = train_key, bptt
        self.train_cfg = dict(train_cfg or {})
        self.test_cfg = dict(self.key.test_cfg if test_cfg is None else test_cfg)
        self.memory = TrackMemory(self.period, min_overlap, max_gap)
        self._macs: dict[tuple, tuple[int, ...]] = {}
        self.key.requires_grad_(train_key)
        self._check_networks()

    def _check_networks(self) -> None:
        """Require a network for each frame, all of the same keypoints."""
        if self.period != len(self.frames) + 1:
            raise ConfigError(
                f'frames must hold period - 1 = {self.period - 1} networks, got {len(self.frames)}'
            )
        heads = [net.head for net in self.frames if net.head is not None]
        for head in (self.head, *heads):
            if not isinstance(head, BaseHeatmapHead):
                raise ConfigError(
                    'each network for videos must have a head of heatmaps, which the next one '
                    f'reads, got {type(head).__name__}: choose another head'
                )
        if any(h.out_channels != self.head.out_channels for h in heads):
            raise ConfigError(
                'all networks must make as many heatmaps as the key network: set the same '
                'head.out_channels for key and frames'
            )

    @property
    def backbone(self) -> nn.Module:
        """The key network's backbone, where code for estimators looks for it."""
        return self.key.backbone

    @property
    def neck(self) -> nn.Module | None:
        """The key network's neck or None."""
        return self.key.neck

    @property
    def head(self) -> nn.Module:
        """The key network's head, whose decoder reads the heatmaps of all frames."""
        return self.key.head

    def init_weights(self) -> None:
        """Initialise the networks, then load the checkpoints."""
        super().init_weights()
        if self.key_checkpoint is not None:
            load_weights(self.key, self.key_checkpoint)
        if self.frame_checkpoint is not None:
            weights = find_weights(read_checkpoint(self.frame_checkpoint))
            for net in self.frames:
                load_state(net, resize_weights(weights, net) or dict(weights), strict=False)

    def train(self, mode: bool = True) -> 'OnlinePoseEstimator':
        """Enter training or evaluation and forget all tracks; a frozen key network stays as it is.

        Nothing is forgotten where the mode stays the same.
        """
        if mode != self.training:
            self.memory.clear()
        super().train(mode)
        if not self.train_key:
            self.key.eval()
        return self

    def switch_to_deploy(self) -> None:
        """Take the fused form, for inference; see :meth:`BasePoseEstimator.switch_to_deploy`."""
        self._macs.clear()
        fuse(self)

    def switch_from_deploy(self) -> None:
        """Return to the published form."""
        self._macs.clear()
        unfuse(self)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | dict[str, Tensor] | list[PoseDataSample]:
        """Run one mode.

        Args:
            inputs: Normalised crops, (N, 3, H, W).
            data_samples: One per crop; needed by 'loss' and 'predict'.
            mode: 'tensor' takes the crops as the frames of one track, all at the same place, and
                gives their heatmaps (N, K, h, w); 'loss' takes clips, all their first frames, then
                all second ones and so on; 'predict' takes people in any order and goes through
                their frames by number.

        Raises:
            ValueError: ``mode`` is none of these.
            ConfigError: The batch is too small to train batch norms, or holds no clips.
        """
        check_choice('mode', mode, ('tensor', 'loss', 'predict'))
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'loss':
            with explain_lonely_image(inputs):
                return self.loss(inputs, data_samples)
        here = [np.eye(2, 3)]
        outputs = self.run_clip(list(inputs.split(1)), [here] * len(inputs))
        return torch.cat([stages[-1] for stages in outputs])

    def light_network(self, position: int) -> nn.Module:
        """Return the network of the frame ``position``, from 1 to ``period - 1``."""
        return self.frames[position - 1]

    def run_network(
        self, position: int, inputs: Tensor, heatmaps: Tensor | None = None
    ) -> list[Tensor]:
        """Let the network of one frame of the period look at crops.

        Args:
            position: Frames since the key frame.
            inputs: Crops (B, 3, H, W).
            heatmaps: Of the frame before, seen from these crops (B, K, h, w); unused at 0.

        Returns:
            Heatmaps (B, K, h, w) of every stage of its head, the prediction last.
        """
        if position:
            return list_stages(self.light_network(position)(inputs, heatmaps))
        with torch.set_grad_enabled(self.train_key and torch.is_grad_enabled()):
            return list_stages(self.key(inputs))

    def run_clip(
        self, images: Sequence[Tensor], matrices: Sequence[Matrices]
    ) -> list[list[Tensor]]:
        """Go through clips from a key frame on.

        Args:
            images: For each frame the crops of B clips, (B, 3, H, W).
            matrices: For each frame B matrices (2, 3) from image to heatmap pixels.

        Returns:
            For each frame what :meth:`run_network` returns.
        """
        outputs: list[list[Tensor]] = []
        for frame, crops in enumerate(images):
            heatmaps = None
            if frame:
                before = outputs[-1][-1]
                before = before if self.bptt else before.detach()
                heatmaps = propagate_heatmaps(before, matrices[frame - 1], matrices[frame])
            outputs.append(self.run_network(frame % self.period, crops, heatmaps))
        return outputs

    def split_clips(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> tuple[list[Tensor], list[list[PoseDataSample]], list[Matrices]]:
        """Divide a batch of clips, frame after frame, into its frames.

        Returns:
            For each frame the crops (B, 3, H, W), their samples, B, and their matrices, B.

        Raises:
            ConfigError: These are no clips of equal length.
        """
        places = [sample.metainfo.get('clip_frame') for sample in data_samples]
        number = places.count(0)
        length = len(places) // max(number, 1)
        if number == 0 or places != [f for f in range(length) for _ in range(number)]:
            raise ConfigError(
                'training an OnlinePoseEstimator needs clips of equal length, got samples of '
                f'frames {places[:8]}: wrap the data set by ClipDataset with length='
                f'{self.period}'
            )
        samples = [list(data_samples[i * number : (i + 1) * number]) for i in range(length)]
        matrices = [[self._matrix(sample) for sample in frame] for frame in samples]
        return list(inputs.split(number)), samples, matrices

    def _matrix(self, sample: PoseDataSample) -> np.ndarray:
        """Return the matrix (2, 3) from image pixels to heatmap pixels of a crop."""
        warp_mat = sample.metainfo.get('warp_mat')
        if warp_mat is None or self.head.decoder is None:
            raise ConfigError(
                'heatmaps move between crops by their warp_mat and the stride of head.decoder: '
                'crop by TopdownAffine, pack by PackPoseInputs and give the head its decoder'
            )
        return heatmap_matrix(warp_mat, self.head.decoder.stride)

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute ``loss_kpt``, the sum over the frames that are trained, and ``acc_pose``.

        The key frame is one of them under ``train_key`` only.

        Raises:
            ConfigError: These are no clips of equal length, or no frame of them is trained.
        """
        images, samples, matrices = self.split_clips(inputs, data_samples)
        if len(images) == 1 and not self.train_key:
            raise ConfigError(
                'clips of one frame train nothing, since only the key network sees it: give '
                f'ClipDataset length={self.period}, or set train_key=True'
            )
        outputs = self.run_clip(images, matrices)
        total, accuracies = inputs.new_zeros(()), []
        for frame, (stages, frame_samples) in enumerate(zip(outputs, samples, strict=True)):
            position = frame % self.period
            if position == 0 and not self.train_key:
                continue
            head = (self.light_network(position).head if position else None) or self.head
            targets, weights = head.targets(frame_samples)
            total = total + head.compare(stages, targets, weights)
            if self.train_cfg.get('compute_acc', True):
                accuracies.append(head.accuracy(stages[-1], targets, weights))
        losses = dict(loss_kpt=total)
        if accuracies:
            losses['acc_pose'] = torch.stack(accuracies).mean()
        return losses

    def predict(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[PoseDataSample]:
        """Add predictions to the samples of crops (N, 3, H, W), each from earlier frames alone.

        Returns:
            The samples as :meth:`TopdownPoseEstimator.predict` returns them, with metainfo
            ``period_position``, the frames since the key frame, ``macs``, the multiply-accumulates
            of the network that saw the frame, and ``params``, the parameters of all networks.
        """
        seen = [identify(sample, self._matrix(sample)) for sample in data_samples]

        def find(position: int, rows: list[int], memories: list[Memory]) -> Tensor:
            before = None
            if position:
                before = propagate_heatmaps(
                    torch.stack([memory.heatmaps for memory in memories]),
                    [memory.seen.matrix for memory in memories],
                    [seen[row].matrix for row in rows],
                )
            return self._look(position, inputs[rows], before, [data_samples[row] for row in rows])

        found, positions = self.memory.look(seen, find)
        self._report(inputs, data_samples, positions)
        decoded = self.head.decode(torch.stack(found), self.test_cfg.get('output_heatmaps', False))
        add_predictions(data_samples, *decoded, self.test_cfg)
        return list(data_samples)

    def _look(
        self,
        position: int,
        inputs: Tensor,
        before: Tensor | None,
        samples: Sequence[PoseDataSample],
    ) -> Tensor:
        """Compute the heatmaps (B, K, h, w) of crops, averaged with the mirrored ones on demand."""
        maps = self.run_network(position, inputs, before)[-1]
        if not self.test_cfg.get('flip_test', False):
            return maps
        mirror = dict(
            flip_indices=samples[0].metainfo['flip_indices'],
            flip_mode=self.test_cfg.get('flip_mode', 'heatmap'),
        )
        if before is not None:
            before = flip_heatmaps(before, **mirror)
        mirrored = self.run_network(position, inputs.flip(-1), before)[-1]
        shift = self.test_cfg.get('shift_heatmap', False)
        return (maps + flip_heatmaps(mirrored, shift_heatmap=shift, **mirror)) * 0.5

    def _report(
        self, inputs: Tensor, samples: Sequence[PoseDataSample], positions: Sequence[int]
    ) -> None:
        """Tell each sample which network saw it, and what that cost."""
        macs = self.count_macs(tuple(inputs.shape[-2:]))
        passes = 2 if self.test_cfg.get('flip_test', False) else 1
        params = sum(self.count_parameters())
        for sample, position in zip(samples, positions, strict=True):
            cost = dict(macs=passes * macs[position], params=params)
            sample.set_metainfo(dict(cost, period_position=position))

    def count_macs(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Count the multiply-accumulates of each network of the period for one crop.

        Args:
            size: (height, width) of crops, pixels.
        """
        if size not in self._macs:
            image = next(self.parameters()).new_zeros(1, 3, *size)
            with evaluation_mode(self.key):
                maps = torch.zeros_like(self.run_network(0, image)[-1])
            costs = [profile_model(self.key, image)]
            costs += [profile_model(net, image, maps) for net in self.frames]
            self._macs[size] = tuple(cost.macs for cost in costs)
        return self._macs[size]

    def count_parameters(self) -> tuple[int, ...]:
        """Count the parameters of each network of the period."""
        return tuple(count_parameters(net) for net in (self.key, *self.frames))


def identify(sample: PoseDataSample, matrix: np.ndarray) -> Seen:
    """Say whom ``sample`` shows, when and where; ``matrix`` leads from image to heatmap pixels."""
    meta: Mapping = sample.metainfo
    known = all(name in meta for name in ('video_id', 'track_id', 'frame_id'))
    track = (meta['video_id'], meta['track_id']) if known else None
    bbox = np.asarray(sample.gt_instances.bboxes, dtype=np.float64)[0]
    return Seen(track, int(meta.get('frame_id', 0)), bbox, matrix)
