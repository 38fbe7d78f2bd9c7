"""Residual blocks that inference engines run well, and stages of them."""

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.genotype import ConvShape, StagePlan


def make_conv(shape: ConvShape) -> ConvModule:
    """Make a convolution with batch norm and, where ``shape`` says so, ReLU."""
    return ConvModule(
        shape.in_channels,
        shape.out_channels,
        shape.kernel,
        stride=shape.stride,
        padding=shape.kernel // 2,
        groups=shape.groups,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='ReLU') if shape.with_act else None,
    )


class EdgeBlock(nn.Module):
    """Add what a few convolutions make to their input; keeps the shape (B, C, H, W).

    'dense': He et al., Deep Residual Learning for Image Recognition, CVPR 2016, figure 5, left.
    'inverted': Sandler et al., MobileNetV2, CVPR 2018, section 3.3. 'fused': Gupta and Akin,
    Accelerator-aware Neural Network Design using AutoML, arXiv 2003.02838, section 3.1.

    Args:
        plan: The stage, whose block this is.
    """

    def __init__(self, plan: StagePlan) -> None:
        super().__init__()
        self.convs = nn.Sequential(*map(make_conv, plan.block))
        self.is_rectified = plan.kind == 'dense'

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        x = x + self.convs(x)
        return x.relu() if self.is_rectified else x

    def start_as_identity(self) -> None:
        """Let the block add nothing until it is trained."""
        nn.init.zeros_(self.convs[-1].norm.weight)


class EdgeStage(nn.Module):
    """Halve the size by a 3x3 convolution, then run residual blocks.

    Args:
        plan: The stage.
    """

    def __init__(self, plan: StagePlan) -> None:
        super().__init__()
        self.down = make_conv(plan.down)
        self.blocks = make_blocks(plan)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, width, H / 2, W / 2)."""
        x = self.down(x)
        for block in self.blocks:
            x = block(x)
        return x


def make_blocks(plan: StagePlan) -> nn.ModuleList:
    """Make the blocks of a stage."""
    return nn.ModuleList(EdgeBlock(plan) for _ in range(plan.depth))
