"""Stacked hourglass, in the form that Fast Pose Distillation trained."""

import torch.nn.functional as F  # noqa: N812
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.models.layers.input_size import check_input_multiple
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_positive


class PreActivationUnit(nn.Module):
    """Residual unit whose norms and activations precede its 1x1, 3x3, 1x1 convolutions.

    He et al., Identity Mappings in Deep Residual Networks, ECCV 2016. All convolutions have a bias
    and the shortcut reads the raw input, as published.

    Args:
        in_channels: Channels of the input.
        width: Channels of the inner convolutions; the output has twice as many.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 2 * width, 1)
        self.relu = nn.ReLU(inplace=True)
        project = in_channels != 2 * width
        self.downsample = nn.Sequential(nn.Conv2d(in_channels, 2 * width, 1)) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, 2 * width, H, W)."""
        out = self.conv1(self.relu(self.bn1(x)))
        out = self.conv2(self.relu(self.bn2(out)))
        out = self.conv3(self.relu(self.bn3(out)))
        return out + (x if self.downsample is None else self.downsample(x))


def _stack_units(channels: int, num_blocks: int) -> nn.Sequential:
    """Stack units that keep the number of channels."""
    return nn.Sequential(*(PreActivationUnit(channels, channels // 2) for _ in range(num_blocks)))


class _SingleHourglass(nn.Module):
    """Halve the map ``depth`` times and enlarge it again, adding what each size kept.

    Args:
        channels: Channels of all maps.
        num_blocks: Units at each place.
        depth: Halvings.
    """

    def __init__(self, channels: int, num_blocks: int, depth: int) -> None:
        super().__init__()
        # hg[0] is the smallest map; its groups: kept, before, after, and there at the bottom.
        self.hg = nn.ModuleList(
            nn.ModuleList(_stack_units(channels, num_blocks) for _ in range(3 if level else 4))
            for level in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        return self._run_level(x, len(self.hg) - 1)

    def _run_level(self, x: Tensor, level: int) -> Tensor:
        groups = self.hg[level]
        low = groups[1](F.max_pool2d(x, 2))
        low = self._run_level(low, level - 1) if level else groups[3](low)
        return groups[0](x) + F.interpolate(groups[2](low), scale_factor=2, mode='nearest')


@MODELS.register_module()
class Hourglass(BaseModule):
    """Stacked hourglass; every stack predicts and hands its features and scores to the next.

    Newell et al., Stacked Hourglass Networks for Human Pose Estimation, ECCV 2016; in the form of
    Zhang et al., Fast Human Pose Estimation, CVPR 2019, whose student has 4 stacks of 128 features
    and whose teacher 8 of 256. MMPose's ``HourglassNet`` is another architecture. The layers that
    make the scores are in here, since their result is fed back.

    Args:
        num_joints: Score maps K of each stack.
        num_stacks: Stacks S.
        num_features: Channels F of all maps, a multiple of 4.
        num_blocks: Residual units at each place of a stack.
        depth: Halvings inside a stack; sides of the input are multiples of ``4 * 2 ** depth``.
        in_channels: Channels of the image.
        init_cfg: Initialisation; None keeps PyTorch's own, as published.

    Raises:
        ConfigError: ``num_features`` is no multiple of 4.
    """

    def __init__(
        self,
        num_joints: int = 16,
        num_stacks: int = 4,
        num_features: int = 128,
        num_blocks: int = 1,
        depth: int = 4,
        in_channels: int = 3,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for name, count in (
            ('num_joints', num_joints),
            ('num_stacks', num_stacks),
            ('num_features', num_features),
            ('num_blocks', num_blocks),
            ('depth', depth),
        ):
            check_positive(name, count)
        if num_features % 4:
            raise ConfigError(f'num_features must be a multiple of 4, got {num_features}')
        self.num_stacks, self.input_multiple = num_stacks, 4 * 2**depth
        self._add_stem(in_channels, num_features)
        stacks, links = range(num_stacks), range(num_stacks - 1)
        self.hg = nn.ModuleList(_SingleHourglass(num_features, num_blocks, depth) for _ in stacks)
        self.res = nn.ModuleList(_stack_units(num_features, num_blocks) for _ in stacks)
        self.fc = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(num_features, num_features, 1),
                nn.BatchNorm2d(num_features),
                nn.ReLU(inplace=True),
            )
            for _ in stacks
        )
        self.score = nn.ModuleList(nn.Conv2d(num_features, num_joints, 1) for _ in stacks)
        self.fc_ = nn.ModuleList(nn.Conv2d(num_features, num_features, 1) for _ in links)
        self.score_ = nn.ModuleList(nn.Conv2d(num_joints, num_features, 1) for _ in links)

    def _add_stem(self, in_channels: int, num_features: int) -> None:
        """Create what maps the image to ``num_features`` channels at stride 4."""
        width = num_features // 4
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(PreActivationUnit(width, width))
        self.layer2 = nn.Sequential(PreActivationUnit(2 * width, 2 * width))
        self.layer3 = _stack_units(num_features, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            The score maps of each stack, (B, num_joints, H / 4, W / 4); the last are the best.

        Raises:
            ConfigError: A side of the images is no multiple of ``4 * 2 ** depth``.
        """
        check_input_multiple(x, self.input_multiple, 'Hourglass')
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(F.max_pool2d(self.layer1(x), 2)))
        scores = []
        for i in range(self.num_stacks):
            y = self.fc[i](self.res[i](self.hg[i](x)))
            scores.append(self.score[i](y))
            if i < self.num_stacks - 1:
                x = x + self.fc_[i](y) + self.score_[i](scores[i])
        return tuple(scores)
