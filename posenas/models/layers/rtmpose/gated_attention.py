"""Attention between keypoints, each a token of what one heatmap says.

Jiang et al., RTMPose: Real-Time Multi-Person Pose Estimation based on MMPose, arXiv 2303.07399,
section 3.4, after Hua et al., Transformer Quality in Linear Time, ICML 2022. Attributes that hold
parameters keep the release's names.
"""

import math

import torch
from mmcv.cnn import build_activation_layer
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn


class ScaleNorm(nn.Module):
    """Divide tokens by their root mean square and multiply them by one learned factor.

    Args:
        width: Length D of the tokens.
        eps: Least root mean square.
    """

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.factor, self.eps = width**-0.5, eps
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., D) to the same shape."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.factor
        return x / norm.clamp(min=self.eps) * self.g


class ChannelScale(nn.Module):
    """Multiply each channel of tokens by a learned factor.

    Args:
        width: Length D of the tokens.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., D) to the same shape."""
        return x * self.scale


class GatedAttentionUnit(nn.Module):
    """Mix K tokens by one head of attention whose result is gated by the tokens themselves.

    The attention is the square of a ReLU, not a softmax; the shortcut starts before the norm.

    Args:
        num_tokens: Tokens K.
        width: Length D of the tokens.
        s: Length of queries and keys.
        expansion_factor: Length of gates and values divided by ``width``.
        dropout_rate: Share of the attention that is dropped in training.
        drop_path: Probability with which a sample skips the unit in training.
        act_fn: Activation of gates, values and the base of queries and keys.
        use_rel_bias: Whether a learned bias for each distance of two tokens joins the attention.
        pos_enc: Whether queries and keys are rotated by the place of the token.
    """

    def __init__(
        self,
        num_tokens: int,
        width: int,
        s: int = 128,
        expansion_factor: float = 2,
        dropout_rate: float = 0.0,
        drop_path: float = 0.0,
        act_fn: str = 'ReLU',
        use_rel_bias: bool = False,
        pos_enc: bool = False,
    ) -> None:
        super().__init__()
        inner = int(width * expansion_factor)
        self.splits = (inner, inner, s)
        self.use_rel_bias, self.pos_enc, self.num_tokens = use_rel_bias, pos_enc, num_tokens
        if use_rel_bias:
            self.w = nn.Parameter(torch.rand(2 * num_tokens - 1))
        self.gamma = nn.Parameter(torch.rand(2, s))
        self.beta = nn.Parameter(torch.rand(2, s))
        self.o = nn.Linear(inner, width, bias=False)
        self.uv = nn.Linear(width, sum(self.splits), bias=False)
        self.ln = ScaleNorm(width)
        self.act_fn = build_activation_layer(dict(type=act_fn))
        self.dropout = nn.Dropout(dropout_rate)
        self.res_scale = ChannelScale(width)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, K, D) to the same shape."""
        gates, values, base = self.act_fn(self.uv(self.ln(x))).split(self.splits, dim=-1)
        queries, keys = (base * self.gamma[i] + self.beta[i] for i in range(2))  # (B, K, s)
        if self.pos_enc:
            queries, keys = _rotate(queries), _rotate(keys)
        logits = queries @ keys.transpose(1, 2)  # (B, K, K)
        if self.use_rel_bias:
            logits = logits + self._relative_bias()
        attention = self.dropout(torch.relu(logits / math.sqrt(self.splits[2])) ** 2)
        branch = self.o(gates * (attention @ values))
        return self.res_scale(x) + self.drop_path(branch)

    def _relative_bias(self) -> Tensor:
        """Return the bias (K, K) of tokens i and j, entry K - 1 + j - i of ``w``."""
        places = torch.arange(self.num_tokens, device=self.w.device)
        return self.w[self.num_tokens - 1 + places - places[:, None]]


def _rotate(x: Tensor) -> Tensor:
    """Rotate halves of tokens (B, K, s) by angles that grow with the place in the sequence.

    As published, the angles grow with the channel too; those of RoFormer fall.
    """
    half = x.shape[2] // 2
    places = torch.arange(x.shape[1], dtype=torch.float32, device=x.device)
    exponents = torch.arange(half, dtype=torch.float32, device=x.device) / half
    angles = places[:, None] * 10000**exponents  # (K, s / 2)
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    first, second = x.split(half, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
