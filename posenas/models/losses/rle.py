"""Residual log-likelihood estimation: the likelihood of an error, whose density is learnt too.

Li et al., Human Pose Regression with Residual Log-likelihood Estimation, ICCV 2021, section 3.
"""

import math

import torch
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils import check_choice, check_shape

_NUM_STEPS, _WIDTH = 6, 64


class RealNVP(nn.Module):
    """Density of errors in the plane: a normal distribution bent by invertible steps.

    Dinh et al., Density Estimation using Real NVP, ICLR 2017, section 3. Each step leaves one axis
    and scales and moves the other by networks of the first.
    """

    def __init__(self) -> None:
        super().__init__()
        # names of the release; location and covariance are those of the standard distribution
        self.register_buffer('loc', torch.zeros(2))
        self.register_buffer('cov', torch.eye(2))
        self.register_buffer('mask', torch.tensor([[0.0, 1.0], [1.0, 0.0]] * (_NUM_STEPS // 2)))
        self.s = nn.ModuleList(_make_net(nn.Tanh()) for _ in range(_NUM_STEPS))
        self.t = nn.ModuleList(_make_net() for _ in range(_NUM_STEPS))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, gain=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logarithm of the density (M,) at errors (M, 2)."""
        z, log_det = x, x.new_zeros(len(x))
        for i in reversed(range(_NUM_STEPS)):
            mask = self.mask[i]
            kept = mask * z
            scale, shift = self.s[i](kept) * (1 - mask), self.t[i](kept) * (1 - mask)
            z = (1 - mask) * (z - shift) * torch.exp(-scale) + kept
            log_det = log_det - scale.sum(1)
        normal = -0.5 * (z - self.loc).square().sum(1) - math.log(2 * math.pi)
        return normal + log_det


def _make_net(*last: nn.Module) -> nn.Sequential:
    """Make a network from one axis, beside a zero, to both."""
    return nn.Sequential(
        nn.Linear(2, _WIDTH),
        nn.LeakyReLU(),
        nn.Linear(_WIDTH, _WIDTH),
        nn.LeakyReLU(),
        nn.Linear(_WIDTH, 2),
        *last,
    )


@MODELS.register_module()
class RLELoss(nn.Module):
    """Negative log-likelihood of coordinates with a deviation of their own.

    Li et al., Human Pose Regression with Residual Log-likelihood Estimation, ICCV 2021, section
    3.3.

    Args:
        use_target_weight: Whether keypoints are weighted.
        size_average: Whether the sum is divided by the people of the batch.
        residual: Whether the learnt density corrects a known one instead of being all.
        q_distribution: The known one: 'laplace' or 'gaussian'.

    Raises:
        ValueError: The distribution is unknown.
    """

    def __init__(
        self,
        use_target_weight: bool = False,
        size_average: bool = True,
        residual: bool = True,
        q_distribution: str = 'laplace',
    ) -> None:
        super().__init__()
        check_choice('q_distribution', q_distribution, ('laplace', 'gaussian'))
        self.use_target_weight, self.size_average = use_target_weight, size_average
        self.residual, self.q_distribution = residual, q_distribution
        self.flow_model = RealNVP()

    def forward(
        self, pred: Tensor, sigma: Tensor, target: Tensor, target_weight: Tensor | None = None
    ) -> Tensor:
        """Compare coordinates.

        Args:
            pred: Predicted coordinates (B, K, 2).
            sigma: Logits of their deviations, (B, K, 2).
            target: True coordinates (B, K, 2).
            target_weight: (B, K) or (B, K, 1 or 2), needed with ``use_target_weight``.

        Returns:
            The loss, a scalar.

        Raises:
            ValueError: Shapes differ from the above, or weights are missing.
        """
        check_shape('target', target, pred.shape)
        check_shape('sigma', sigma, pred.shape)
        deviation = sigma.sigmoid()
        error = (pred - target) / (deviation + 1e-9)
        log_density = self.flow_model(error.reshape(-1, 2)).view(*pred.shape[:2], 1)
        loss = deviation.log() - log_density  # (B, K, 2)
        if self.residual:
            if self.q_distribution == 'laplace':
                known = (2 * deviation).log() + error.abs()
            else:
                known = (deviation * math.sqrt(2 * math.pi)).log() + 0.5 * error.square()
            loss = loss + known
        if self.use_target_weight:
            if target_weight is None:
                raise ValueError('target_weight must be given with use_target_weight=True')
            loss = loss * (target_weight[..., None] if target_weight.ndim == 2 else target_weight)
        return loss.sum() / len(loss) if self.size_average else loss.sum()
