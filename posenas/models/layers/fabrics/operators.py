"""Candidate operators of neural fabrics, by their published names.

Yang et al., Pose Neural Fabrics Search, 2019. All of them keep the number of channels and the size
of the map. Batch norms behind separable, atrous and pooling layers have no scale and shift.
"""

from torch import Tensor, nn

from posenas.registry import CNF_OPERATORS


def _separable(channels: int, kernel_size: int, dilation: int = 1) -> list[nn.Module]:
    """Chain a depthwise and a 1x1 convolution, batch norm and ReLU."""
    padding = dilation * (kernel_size // 2)
    return [
        nn.Conv2d(
            channels,
            channels,
            kernel_size,
            padding=padding,
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=False),
        nn.ReLU(inplace=True),
    ]


def _full(channels: int) -> list[nn.Module]:
    """Chain a 3x3 convolution and a batch norm."""
    return [nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]


class LayerChain(nn.Module):
    """Layers one after the other, under the published attribute name.

    Args:
        layers: The layers.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.operation = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return self.operation(x)


@CNF_OPERATORS.register_module(name='Zero')
class Zero(nn.Module):
    """No connection: zeros.

    Args:
        channels: Channels C of the map; any number will do.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros (B, C, H, W)."""
        return x * 0


@CNF_OPERATORS.register_module(name='skip_connect')
class SkipConnect(nn.Identity):
    """The input itself.

    Args:
        channels: Channels C of the map; any number will do.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()


@CNF_OPERATORS.register_module(name='Sep_Conv_3x3')
class SepConv3x3(LayerChain):
    """Two separable 3x3 convolutions.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__([*_separable(channels, 3), *_separable(channels, 3)])


@CNF_OPERATORS.register_module(name='Sep_Conv_5x5')
class SepConv5x5(LayerChain):
    """Two separable 5x5 convolutions.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__([*_separable(channels, 5), *_separable(channels, 5)])


@CNF_OPERATORS.register_module(name='Atr_Conv_3x3')
class AtrConv3x3(LayerChain):
    """One separable 3x3 convolution with dilation 2.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(_separable(channels, 3, dilation=2))


@CNF_OPERATORS.register_module(name='Atr_Conv_5x5')
class AtrConv5x5(LayerChain):
    """One separable 5x5 convolution with dilation 2.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(_separable(channels, 5, dilation=2))


@CNF_OPERATORS.register_module(name='avg_pool_3x3')
class AvgPool3x3(nn.Sequential):
    """Mean of 3x3 neighbours inside the map, then batch norm.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
            nn.BatchNorm2d(channels, affine=False),
        )


@CNF_OPERATORS.register_module(name='max_pool_3x3')
class MaxPool3x3(nn.Sequential):
    """Largest of 3x3 neighbours, then batch norm.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.MaxPool2d(3, stride=1, padding=1), nn.BatchNorm2d(channels, affine=False)
        )


@CNF_OPERATORS.register_module(name='Basic_Conv_3x3')
class BasicConv3x3(LayerChain):
    """Two 3x3 convolutions with batch norms, ReLU only between them.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__([*_full(channels), nn.ReLU(inplace=True), *_full(channels)])


@CNF_OPERATORS.register_module(name='Bottle_Conv_3x3')
class BottleConv3x3(LayerChain):
    """Three 3x3 convolutions with batch norms, ReLU only at the end.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        layers = [*_full(channels), *_full(channels), *_full(channels)]
        super().__init__([*layers, nn.ReLU(inplace=True)])


@CNF_OPERATORS.register_module(name='conv_3x3')
class Conv3x3(nn.Conv2d):
    """A 3x3 convolution with bias.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)
