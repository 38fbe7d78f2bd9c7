"""The rules of the published modules; importing this fills :data:`FUSED_RULES`."""

from posenas.models.backbones import (
    CNFBackbone,
    Hourglass,
    HRNet,
    HRNetPyramid,
    ResNet,
    ResNeXt,
    SEResNet,
    ViPNASResNet,
)
from posenas.models.backbones.hourglass import PreActivationUnit
from posenas.models.backbones.resnet_variants import SEBottleneck
from posenas.models.estimators import TopdownPoseEstimator
from posenas.models.fused.dite_hrnet import fuse_head, fuse_module, fuse_stem, fuse_unit
from posenas.models.fused.fabrics import fuse_backbone, fuse_neck_and_head, fuse_parts
from posenas.models.fused.posenas import fuse_cell, fuse_factorized_reduce
from posenas.models.fused.rules import FUSED_RULES, FusedRule
from posenas.models.heads.cnf_head import PartFabrics
from posenas.models.layers import BasicBlock, Bottleneck, DiteModule, DiteStem, IterativeHead
from posenas.models.layers.dite_hrnet.dynamic_conv import ConvUnit, KernelAttention
from posenas.models.layers.exchange import DepthwisePointwise
from posenas.models.layers.fabrics.cell import CoarseAdaptor
from posenas.models.layers.posenas.cells import PoseNASCell
from posenas.models.layers.posenas.operations import FactorizedReduce

_ONE = FusedRule(pairs=(('conv1', 'bn1'),))
_TWO = FusedRule(pairs=(('conv1', 'bn1'), ('conv2', 'bn2')))
_THREE = FusedRule(pairs=(('conv1', 'bn1'), ('conv2', 'bn2'), ('conv3', 'bn3')))

FUSED_RULES.update(
    {
        # Residual networks
        BasicBlock: _TWO,
        Bottleneck: _THREE,
        ResNet: _ONE,
        ResNeXt: _ONE,
        SEResNet: _ONE,
        SEBottleneck: _THREE,
        ViPNASResNet: _ONE,
        HRNet: _TWO,
        HRNetPyramid: _TWO,
        # Hourglass: the first norm of a unit reads its input, none follows its last convolution.
        Hourglass: _ONE,
        PreActivationUnit: FusedRule(pairs=(('conv1', 'bn2'), ('conv2', 'bn3'))),
        # Dite-HRNet
        DiteStem: FusedRule(fuse_stem),
        DiteModule: FusedRule(fuse_module),
        DepthwisePointwise: FusedRule(fuse_unit),
        IterativeHead: FusedRule(fuse_head),
        KernelAttention: FusedRule(pairs=(('conv1', 'bn'),)),
        ConvUnit: FusedRule(pairs=(('conv', 'bn'),)),
        # Neural fabrics
        CNFBackbone: FusedRule(fuse_backbone),
        PartFabrics: FusedRule(fuse_parts),
        TopdownPoseEstimator: FusedRule(children=fuse_neck_and_head),
        CoarseAdaptor: FusedRule(pairs=(('conv_1x1', 'bn'),)),
        # PoseNAS
        PoseNASCell: FusedRule(fuse_cell),
        FactorizedReduce: FusedRule(fuse_factorized_reduce),
    }
)
