"""What a network that is searched can do beyond an ordinary pose estimator."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.heads.base import list_stages
from posenas.utils import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from posenas.search.space import Arch, SearchSpace

from posenas.search.derived_network import Extract
from posenas.search.recalibration import recalibrate
from posenas.structures import PoseDataSample


class Supernet(ABC):
    """Mixin for a pose estimator that holds all architectures of a space, put before its class.

    It trains, validates and saves like any estimator. A relaxation (all candidates mixed by
    architecture parameters) is searched by gradients; where there are none, by setting one
    architecture after another.

    Attributes:
        space: The architectures it holds.
    """

    space: 'SearchSpace'

    @abstractmethod
    def set_arch(self, arch: 'Arch | None') -> None:
        """Become the network of ``arch``, a point of :attr:`space`; None: the relaxation again."""

    def arch_parameters(self) -> dict[str, nn.Parameter]:
        """Return the architecture parameters by their name in the state dict.

        They have gradients only while they are searched; the others are weights. There are none
        where architectures are only set.
        """
        return {}

    def arch_weights(self) -> dict[str, Tensor]:
        """Return the weights that the architecture parameters make, rows that sum to 1."""
        return {name: logits.softmax(-1) for name, logits in self.arch_parameters().items()}

    def sample_arch(self, rng: 'np.random.Generator') -> 'Arch':
        """Draw a point of :attr:`space`; decisions that are not searched stay as they are."""
        return self.space.sample(rng)

    def sample_published(self, seed: int) -> 'Arch':
        """Draw the point that the published code of the method draws with ``seed``.

        Raises:
            ConfigError: The method has no such code.
        """
        raise ConfigError(f'{type(self).__name__} has no published draws: remove random_seed')

    @property
    def candidates(self) -> dict[str, tuple[str, ...]]:
        """What the columns of architecture weights stand for, by the last part of their name."""
        return {}

    def expected_macs(self, input_size: Sequence[int]) -> Tensor:
        """Return the multiply-accumulates that the relaxation expects to be left, ().

        Args:
            input_size: (width, height) of the images.

        Raises:
            ConfigError: There is no relaxation, or it cannot tell.
        """
        raise ConfigError(
            f'{type(self).__name__} must know the cost of its relaxation for a cost term: set '
            'train_cfg.arch_objective.cost_weight=0'
        )

    def draw(self, generator: torch.Generator, temperature: float) -> None:  # noqa: B027
        """Draw the path that all passes run until the next draw.

        Relaxations that run every candidate have nothing to draw.

        Args:
            generator: Source of all randomness of the path, on the CPU.
            temperature: How even the probabilities are, > 0; 1 leaves them as they are.
        """

    def path_outputs(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> list[Tensor]:
        """Return the heatmaps of every stage of the architecture that is set, as it trains.

        Args:
            inputs: Normalised images, (B, 3, H, W).
            data_samples: One per image.
        """
        return list_stages(self.head(self.extract_feat(inputs)))

    def path_targets(self, data_samples: Sequence[PoseDataSample]) -> tuple[Tensor, Tensor]:
        """Return targets and weights of what :meth:`path_outputs` returns."""
        return self.head.targets(data_samples)

    def measure_statistics(self, batches: Sequence[Mapping]) -> dict[str, Tensor]:
        """Measure the statistics of all batch norms anew, for the architecture that is set.

        Args:
            batches: Of a data loader, as averages over which they are measured.

        Returns:
            What :meth:`extract` and :meth:`load_statistics` take.
        """
        recalibrate(self, (self.data_preprocessor(dict(batch))['inputs'] for batch in batches))
        return {
            f'{name}.{key}': value.clone()
            for name, module in self.named_modules()
            if isinstance(module, _BatchNorm)
            for key, value in module.named_buffers(recurse=False)
        }

    def load_statistics(self, statistics: Mapping[str, Tensor]) -> None:
        """Predict with statistics that :meth:`measure_statistics` returned."""
        self.load_state_dict(dict(statistics), strict=False)

    @abstractmethod
    def read_arch(self) -> 'Arch':
        """Return the point of :attr:`space` that is set or that the relaxation stands for."""

    @abstractmethod
    def extract(self, arch: 'Arch', bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the network of ``arch``.

        Args:
            arch: A point of :attr:`space`.
            bn_stats: Statistics of batch norms that replace ours, by their name in our state dict.

        Returns:
            Config of an ordinary estimator, a state dict that fits it entry by entry and gives
            the outputs that we give with ``arch`` set, and the genotype.
        """
