"""Training of a supernet whose architectures are set: several of them in every step."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_reduce, is_distributed
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from posenas.engine.finite import all_finite, float_buffers, require_finite
from posenas.engine.loops.epoch_based import EpochBasedTrainLoop
from posenas.models.losses.distillation import FPDLoss, alpha_at
from posenas.registry import LOOPS, MODELS, TASK_UTILS
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, make_generator

if TYPE_CHECKING:
    from posenas.search import Arch, CostBins, SearchSpace

#: Gradients are averaged over ranks in buckets of this many bytes.
_BUCKET_BYTES = 32 * 2**20


@LOOPS.register_module()
class SupernetLoop(EpochBasedTrainLoop):
    """Train the largest, the smallest and some random architectures on every batch.

    Sandwich rule and in-place distillation: Yu and Huang, Universally Slimmable Networks and
    Improved Training Techniques, ICCV 2019. The largest network learns from the targets; its maps
    teach the others beside them. One update follows the mean of all gradients. Differs from the
    paper: students learn from the targets too.

    Architectures are a function of (seed, iteration), the same on all ranks; gradients are averaged
    over ranks after the last pass, so no wrapper has to know what is unused.

    Args:
        runner: Runner that owns model, a :class:`posenas.search.Supernet`, and hooks.
        dataloader: Training data loader or its config.
        max_epochs: Epochs to train.
        num_paths: Architectures of one step, at least 2: largest, smallest, the rest random.
        sampler: Config of what draws random architectures, such as
            :class:`~posenas.search.CostBins`; None draws every decision uniformly.
        distillation: Arguments of :class:`~posenas.models.FPDLoss`; what it leaves out comes from
            the head. ``alpha`` is the teacher's share: 1 forgets the targets, 0 the teacher.
        **kwargs: Other arguments of :class:`EpochBasedTrainLoop`.

    Raises:
        ConfigError: There are fewer than two paths, the model cannot be set or gradients are
            accumulated.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_epochs: int,
        num_paths: int = 4,
        sampler: Mapping | None = None,
        distillation: Mapping | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(runner, dataloader, max_epochs, **kwargs)
        if num_paths < 2:
            raise ConfigError(f'num_paths must be at least 2, got {num_paths}')
        self.num_paths = num_paths
        self._sampler = sampler
        self._distillation = dict(distillation or {})

    @property
    def supernet(self) -> nn.Module:
        """The model without the wrapper of distributed runs."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    @cached_property
    def distillation(self) -> FPDLoss:
        """What compares the maps with targets and teacher."""
        head = self.supernet.head
        own = dict(type='FPDLoss', pose=head.loss_module, output_weights=head.stage_loss_weights)
        return MODELS.build({**own, **self._distillation})

    @cached_property
    def sampler(self) -> 'SearchSpace | CostBins':
        """What draws random architectures."""
        space = self.supernet.space
        given = self._sampler
        return space if given is None else TASK_UTILS.build(given, default_args=dict(space=space))

    def paths(self, iteration: int) -> list['Arch']:
        """Return the architectures of one step: the largest, the smallest, random ones."""
        smallest, largest = self.supernet.space.extremes()
        rng = make_generator(Stream.SUBNETS, self.runner.seed, iteration)
        paths = [largest, smallest, *(self.sampler.sample(rng) for _ in range(self.num_paths - 2))]
        return [self.supernet.space.vary(path, rng) for path in paths]

    def run(self) -> nn.Module:
        """Train to the end.

        Returns:
            The supernet.
        """
        if not hasattr(self.supernet, 'set_arch'):
            raise ConfigError(
                f'SupernetLoop needs a supernet, got {type(self.supernet).__name__}: set '
                'model.type to one, or train_cfg.type to EpochBasedTrainLoop'
            )
        counts = getattr(self.optim_wrapper, '_accumulative_counts', 1)
        if counts != 1:
            raise ConfigError(
                'SupernetLoop adds up the gradients of its paths already: set '
                f'optim_wrapper.accumulative_counts to 1, got {counts}'
            )
        return super().run()

    def _train_step(self, data_batch: Any) -> dict:  # noqa: ANN401  (any collation)
        """Take one step on the gradients of all paths."""
        optim_wrapper, supernet = self.optim_wrapper, self.supernet
        losses = self.backward(supernet.data_preprocessor(data_batch, True), self.paths(self._iter))
        require_finite(all_finite(losses.values()), 'loss')
        average_gradients(supernet.parameters())
        require_finite(optim_wrapper.gradients_finite(), 'gradient')
        optim_wrapper.step()
        optim_wrapper.zero_grad()
        require_finite(all_finite(float_buffers(supernet)), 'buffer')
        require_finite(all_finite(supernet.parameters()), 'weight')
        return losses

    def backward(self, data: Mapping[str, Any], paths: Sequence['Arch']) -> dict[str, Tensor]:
        """Add up the gradients of ``paths`` on one batch, each divided by their number.

        Args:
            data: ``inputs`` (B, 3, H, W) and ``data_samples``, as preprocessing makes them.
            paths: Architectures, the teacher first, then the smallest one.

        Returns:
            ``loss``, the mean over the paths, and those of the largest, of the smallest and of all
            random architectures: ``largest_loss``, ``smallest_loss``, ``random_loss``.
        """
        supernet, optim_wrapper = self.supernet, self.optim_wrapper
        targets, weights = supernet.path_targets(data['data_samples'])
        teacher: Tensor | None = None
        values = []
        for arch in paths:
            supernet.set_arch(arch)
            with optim_wrapper.optim_context(supernet):
                outputs = supernet.path_outputs(data['inputs'], data['data_samples'])
                loss = self._compare(outputs, targets, weights, teacher)
            optim_wrapper.backward(loss / len(paths))
            teacher = outputs[-1].detach() if teacher is None else teacher
            values.append(loss.detach())
        supernet.set_arch(None)
        parts = dict(largest_loss=values[0], smallest_loss=values[1])
        if len(values) > 2:
            parts['random_loss'] = sum(values[2:]) / len(values[2:])
        return dict(loss=sum(values) / len(values), **parts)

    def _compare(
        self,
        outputs: Sequence[Tensor],
        targets: Tensor,
        weights: Tensor,
        teacher: Tensor | None,
    ) -> Tensor:
        """Compute the loss of one architecture; the first one has no teacher."""
        for maps in outputs:
            self.supernet.head.check_maps(maps, tuple(targets.shape[1:]), 'the targets')
        alpha = 0.0 if teacher is None else alpha_at(self.distillation.alpha, self._epoch)
        lesson = targets if teacher is None else teacher
        losses = self.distillation(outputs, targets, weights, lesson, alpha=alpha, with_parts=False)
        return sum(value for name, value in losses.items() if name.startswith('loss_'))


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Average the gradients of all ranks, in place; a missing one counts as zero.

    Few large messages: gradients are sent together, in buckets of about 32 MiB.
    """
    if not is_distributed():
        return
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if not parameter.requires_grad:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        bucket.append(parameter)
        size += parameter.grad.nbytes
        if size >= _BUCKET_BYTES:
            _average_bucket(bucket)
            bucket, size = [], 0
    if bucket:
        _average_bucket(bucket)


def _average_bucket(bucket: Sequence[nn.Parameter]) -> None:
    """Average gradients of one type as one flat tensor."""
    flat = torch.cat([parameter.grad.flatten() for parameter in bucket])
    all_reduce(flat, op='mean')
    parts = flat.split([parameter.numel() for parameter in bucket])
    for parameter, part in zip(bucket, parts, strict=True):
        parameter.grad.copy_(part.view_as(parameter))
