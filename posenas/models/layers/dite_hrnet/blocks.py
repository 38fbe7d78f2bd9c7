"""Blocks of Dite-HRNet: their options, the dynamic multi-scale context block, stem and modules.

Li et al., Dite-HRNet: Dynamic Lightweight High-Resolution Network for Human Pose Estimation, IJCAI
2022, section 3. Attributes that hold parameters keep the release's names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from posenas.models.layers.dite_hrnet.adaptive_context import DenseContext, GlobalContext
from posenas.models.layers.dite_hrnet.dynamic_conv import (
    ConvUnit,
    DynamicSplitConv,
    interleave_channels,
)
from posenas.models.layers.exchange import ExchangeModule
from posenas.utils import ConfigError

#: Value of ``kernel_sizes`` that gives part i of a split convolution the side ``3 + 2 * i``.
ODD_FROM_3 = 'odd from 3'


@dataclass(frozen=True)
class DynamicOptions:
    """Constants of the release's blocks; lists have one entry per resolution, the largest first.

    Attributes:
        num_groups: Parts of the split convolution.
        num_kernels: Kernels of its dynamic convolutions; 1 makes them plain.
        gcm_reduction: Squeeze of global context modelling.
        dcm_reduction: Squeeze of dense context modelling.
        attention_reduction: Squeeze of kernel attention, that of the stem too.
        kernel_sizes: Odd kernel side of each part, or 'odd from 3': 3, 5, 7 and so on.
        dcm_pool: See :class:`DenseContext`.
    """

    num_groups: Sequence[int] = (1, 1, 2, 4)
    num_kernels: Sequence[int] = (4, 4, 2, 1)
    gcm_reduction: Sequence[int] = (4, 4, 8, 8)
    dcm_reduction: int = 8
    attention_reduction: int = 4
    kernel_sizes: Sequence[int] | str = ODD_FROM_3
    dcm_pool: str = 'reshape'

    def list_kernel_sizes(self, branch: int) -> tuple[int, ...]:
        """Return the kernel side of every part of the split convolution of a branch."""
        num_parts = self.num_groups[branch]
        if self.kernel_sizes == ODD_FROM_3:
            return tuple(range(3, 3 + 2 * num_parts, 2))
        return tuple(self.kernel_sizes[:num_parts])

    def check(self, num_branches: int) -> None:
        """Require an entry for every branch, positive numbers and odd kernel sides.

        Raises:
            ConfigError: One of these does not hold.
        """
        for name in ('num_groups', 'num_kernels', 'gcm_reduction'):
            values = getattr(self, name)
            if len(values) < num_branches or min(values) < 1:
                raise ConfigError(
                    f"extra['dynamic']['{name}'] must have a number of at least 1 for each of the "
                    f'{num_branches} branches, got {tuple(values)}'
                )
        for name in ('dcm_reduction', 'attention_reduction'):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"extra['dynamic']['{name}'] must be at least 1, got {getattr(self, name)}"
                )
        self._check_kernel_sizes(max(self.num_groups[:num_branches]))

    def _check_kernel_sizes(self, num_parts: int) -> None:
        if self.kernel_sizes == ODD_FROM_3:
            return
        sizes = self.kernel_sizes
        if isinstance(sizes, str) or len(sizes) < num_parts or not all(k % 2 for k in sizes):
            raise ConfigError(
                f"extra['dynamic']['kernel_sizes'] must be '{ODD_FROM_3}' or a list of {num_parts} "
                f'odd sides, one per part of the split convolution, got {sizes!r}'
            )


class DMCBlock(nn.Module):
    """Dynamic multi-scale context block on all branches together.

    Half of the channels of every branch passes unchanged, the other half goes through dense
    context modelling, dynamic split convolution and global context modelling; then channels of
    both halves alternate. There is no residual and no activation.

    Args:
        channels: Even channels C_i of each branch, the largest map first.
        options: Constants of the parts.
        norm_cfg: Normalisation layer; None is ``BN``.
        with_cp: Whether to recompute convolutions and global contexts in the backward pass.

    Raises:
        ConfigError: Channels are odd or cannot be split into groups.
    """

    def __init__(
        self,
        channels: Sequence[int],
        options: DynamicOptions,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        halves = [_halve(width, 'num_channels') for width in channels]
        self.dcm = DenseContext(halves, options.dcm_reduction, options.dcm_pool, norm_cfg)
        self.conv = nn.ModuleList(
            DynamicSplitConv(
                width,
                options.list_kernel_sizes(i),
                options.num_kernels[i],
                options.attention_reduction,
                norm_cfg,
                with_cp,
            )
            for i, width in enumerate(halves)
        )
        self.gcm = nn.ModuleList(
            GlobalContext(width, options.gcm_reduction[i], norm_cfg, with_cp)
            for i, width in enumerate(halves)
        )

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches, (B, C_i, H_i, W_i) each, to the same shapes."""
        kept, changed = zip(*(x.chunk(2, dim=1) for x in branches), strict=True)
        paths = zip(kept, self.dcm(changed), self.conv, self.gcm, strict=True)
        return [interleave_channels((a, gcm(conv(b)))) for a, b, conv, gcm in paths]


class DiteStem(nn.Module):
    """Dynamic global context block that reduces images to stride 4.

    Args:
        in_channels: Channels of the images.
        channels: Even channels C of the output.
        attention_reduction: Squeeze of kernel attention.
        norm_cfg: Normalisation layer; None is ``BN``.
        with_cp: Whether to recompute global contexts in the backward pass.

    Raises:
        ConfigError: Channels are odd.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 32,
        attention_reduction: int = 4,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        width = _halve(channels, 'stem_channels')
        narrow = max(1, width // 4)
        num_kernels = 4

        def unit(channels_in: int, channels_out: int, kernel_size: int, **cfg: int) -> ConvUnit:
            return ConvUnit(
                channels_in,
                channels_out,
                kernel_size,
                num_kernels,
                groups=width if kernel_size > 1 else 1,
                attention_reduction=attention_reduction,
                norm_cfg=norm_cfg,
                **cfg,
            )

        self.conv1 = ConvUnit(in_channels, channels, 3, stride=2, with_relu=True, norm_cfg=norm_cfg)
        self.branch1 = nn.Sequential(
            unit(width, width, 3, stride=2),
            GlobalContext(width, 4, norm_cfg, with_cp),
            unit(width, width, 1, with_relu=True),
        )
        self.branch2 = nn.Sequential(
            unit(width, width, 3),
            GlobalContext(width, 4, norm_cfg, with_cp),
            unit(width, narrow, 1, with_relu=True),
            unit(narrow, width, 1),
            unit(width, width, 3, stride=2, with_relu=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, in_channels, H, W) to (B, C, H / 4, W / 4)."""
        left, right = self.conv1(x).chunk(2, dim=1)
        return interleave_channels((self.branch1(left), self.branch2(right)))


class DiteModule(ExchangeModule):
    """Dynamic multi-scale context blocks and their exchange.

    Args:
        channels: Channels C_i of each branch, the largest map first.
        num_blocks: Blocks.
        options: Constants of the blocks.
        with_fuse: See :class:`ExchangeModule`.
        fuse_mode: See :class:`ExchangeModule`.
        conv_cfg: Convolution layer of the exchange.
        norm_cfg: Its normalisation layer; None is ``BN``.
        block_norm_cfg: Normalisation layer inside the blocks; None is ``BN``.
        with_cp: See :class:`DMCBlock`.

    Raises:
        ValueError: ``fuse_mode`` is unknown.
    """

    def __init__(
        self,
        channels: Sequence[int],
        num_blocks: int,
        options: DynamicOptions,
        with_fuse: bool = True,
        fuse_mode: str = 'legacy',
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        block_norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        blocks = (DMCBlock(channels, options, block_norm_cfg, with_cp) for _ in range(num_blocks))
        super().__init__(
            nn.Sequential(*blocks),
            channels,
            with_fuse,
            fuse_mode,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
        )


def _halve(channels: int, name: str) -> int:
    """Return half of the channels.

    Raises:
        ConfigError: They are odd.
    """
    if channels % 2:
        raise ConfigError(
            f'{name} must be even, because blocks split channels in halves, got {channels}'
        )
    return channels // 2
