"""Search by gradients: weights and architecture parameters of a supernet trained in turn."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from mmengine.dist import all_reduce
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from posenas.datasets.image_split import split_by_image
from posenas.engine.finite import all_finite, require_finite
from posenas.engine.loops.epoch_based import EpochBasedTrainLoop
from posenas.engine.loops.stream import batches_from
from posenas.engine.loops.train_loop import check_batches
from posenas.engine.optim import SearchOptimWrapper
from posenas.engine.randomness import make_torch_generator, seed_iteration
from posenas.registry import DATASETS, LOOPS
from posenas.utils import ConfigError, check_choice, check_positive
from posenas.utils.randomness import Stream, make_generator

if TYPE_CHECKING:
    from posenas.search import Arch
    from posenas.search.gradient import Gradients, LossFunction

#: How architecture parameters come to their values.
STRATEGIES = ('none', 'random', 'sync', 'single', 'first_order', 'second_order')
_PUBLISHED = {
    'None': 'none',
    'first': 'first_order',
    'second': 'second_order',
    'first_order_gradient': 'first_order',
    'second_order_gradient': 'second_order',
}
#: Those that train the architecture on batches of its own.
BILEVEL = ('first_order', 'second_order')
#: Message hub entry: running mean of the loss on those batches.
ARCH_LOSS = 'arch_loss_mean'
_ARCH_LOSS_MOMENTUM = 0.9


def find_strategy(name: str | None) -> str:
    """Return our name of a strategy, given ours or a published one.

    Raises:
        ValueError: There is no such strategy.
    """
    found = _PUBLISHED.get(str(name), str(name))
    check_choice('strategy', found, STRATEGIES)
    return found


@LOOPS.register_module()
class ArchSearchLoop(EpochBasedTrainLoop):
    """Train a supernet and, by one of several strategies, its architecture parameters.

    The model is a supernet (:class:`posenas.search.Supernet`), the optimizers come from
    :class:`ArchOptimWrapperConstructor`. 'none' leaves the architecture as it is; 'random' draws
    it once; 'sync' trains it like weights, by the same optimizer (``optim_wrapper.arch =
    'weights'``); 'single' by an optimizer of its own on the same gradients; 'first_order' and
    'second_order' on other images than the weights, before each step of these. After Yang et al.,
    Pose Neural Fabrics Search, 2019, and Liu et al., DARTS, ICLR 2019.
    Differs from the papers: images never lie in both splits; statistics of batch norms do not see
    the passes made for the architecture; every rank has its own virtual step, and the gradients
    of the architecture are averaged over ranks.

    Args:
        runner: Runner that owns model and hooks.
        dataloader: Training data loader or its config.
        max_epochs: Epochs to train.
        strategy: One of ``STRATEGIES``, or the published name of one.
        arch_ratio: Share of the images that train the architecture in bilevel strategies.
        split_seed: Seed of that split.
        contiguous: Whether to cut the file in two instead, as published.
        arch_dataloader: What the loader of the architecture's batches has otherwise than that of
            the weights, such as ``batch_size``; with a ``dataset``, nothing is split.
        random_seed: Seed of the published code's draw, for 'random'; None draws with the seed of
            the run, in a way of ours.
        arch_begin_epoch: Epochs before the architecture is trained.
        warmup_on_arch_split: Whether the weights train on the architecture's batches until then.
        weights_first: Whether the step of the weights comes before that of the architecture.
        unroll: Virtual step of the second order: 'sgd', as published, or 'precond' along the
            direction of Adam.
        hvp: How the second order finds its mixed product: 'exact' or 'finite_difference'.
        epsilon: Distance of the finite difference.
        arch_objective: Arguments of :class:`posenas.search.objective.ArchObjective`, for bilevel
            strategies.
        temperature: Arguments of :class:`posenas.search.objective.Annealing`, over the epochs
            that train the architecture.
        **kwargs: Arguments of :class:`EpochBasedTrainLoop`.

    Raises:
        ConfigError: Strategy, data, model and optimizers do not fit together.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_epochs: int,
        strategy: str | None = 'first_order',
        arch_ratio: float | None = None,
        split_seed: int = 0,
        contiguous: bool = False,
        arch_dataloader: dict | None = None,
        random_seed: int | None = None,
        arch_begin_epoch: int = 0,
        warmup_on_arch_split: bool = False,
        weights_first: bool = False,
        unroll: str = 'sgd',
        hvp: str = 'exact',
        epsilon: float = 0.01,
        arch_objective: dict | None = None,
        temperature: dict | None = None,
        **kwargs: Any,
    ) -> None:
        from posenas.search.objective import Annealing, ArchObjective

        check_choice('unroll', unroll, ('sgd', 'precond'))
        check_choice('hvp', hvp, ('exact', 'finite_difference'))
        check_positive('epsilon', epsilon)
        self.strategy = find_strategy(strategy)
        loaders = dataloader, None
        if self.strategy in BILEVEL:
            split = dict(seed=split_seed, contiguous=contiguous)
            loaders = _split_loader(dataloader, arch_dataloader, arch_ratio, split)
        super().__init__(runner, loaders[0], max_epochs, **kwargs)
        self.arch_dataloader = None
        if loaders[1] is not None:
            self.arch_dataloader = runner.build_dataloader(loaders[1], seed=runner.seed)
            check_batches(self.arch_dataloader)
        self._arch_batches: Iterator[Any] = iter(())
        self.random_seed, self.arch_begin_epoch = random_seed, arch_begin_epoch
        self.warmup_on_arch_split, self.weights_first = warmup_on_arch_split, weights_first
        self.unroll, self.epsilon = unroll, None if hvp == 'exact' else epsilon
        self.objective = ArchObjective(**(arch_objective or {}))
        self.temperature = Annealing(**(temperature or {}))
        if self.strategy not in BILEVEL and self.objective != ArchObjective():
            raise ConfigError(
                f'arch_objective needs a strategy out of {BILEVEL}, got {self.strategy!r}: '
                'remove arch_objective'
            )

    @property
    def supernet(self) -> nn.Module:
        """The model without the wrapper of distributed runs."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    @property
    def optim_wrapper(self) -> OptimWrapper:
        """What updates the weights."""
        return self.runner.optim_wrapper['weights']

    @property
    def dataloaders(self) -> tuple[DataLoader, ...]:
        """The loader of the weights and, where there is one, that of the architecture."""
        own = () if self.arch_dataloader is None else (self.arch_dataloader,)
        return (*super().dataloaders, *own)

    @property
    def search_progress(self) -> float:
        """Share of the iterations that train the architecture which is done, 0 to 1."""
        begin = self.arch_begin_epoch * len(self.dataloader)
        return min(max((self._iter - begin) / max(self.max_iters - begin, 1), 0.0), 1.0)

    def locate(self, epoch: int, iteration: int) -> None:
        """Continue after ``iteration`` iterations, ``epoch`` complete epochs among them."""
        super().locate(epoch, iteration)
        self._arch_batches = iter(())

    def run(self) -> nn.Module:
        """Search to the end.

        Returns:
            The supernet.
        """
        _check_supernet(self.supernet, self.runner.optim_wrapper, self.strategy)
        if self.strategy == 'random' and self._iter == 0:
            self.supernet.set_arch(self._draw_arch())
        return super().run()

    def _draw_arch(self) -> 'Arch':
        """Draw the architecture of 'random'."""
        if self.random_seed is not None:
            return self.supernet.sample_published(self.random_seed)
        return self.supernet.sample_arch(make_generator(Stream.RANDOM_ARCH, self.runner.seed))

    def _train_step(self, data_batch: Any) -> dict:  # noqa: ANN401  (any collation)
        """Take the steps of one iteration."""
        temperature = self.temperature(self.search_progress)
        generator = make_torch_generator(Stream.PATH, self.runner.seed, self._iter)
        self.supernet.draw(generator, temperature)
        logged = {} if self.weights_first else self._step_arch(data_batch)
        outputs = self.step_weights(data_batch)
        if self.weights_first:
            logged = self._step_arch(data_batch)
        return {**outputs, **logged}

    def step_weights(self, data_batch: Any) -> dict:  # noqa: ANN401
        """Update the weights and, on the same gradients, what 'sync' and 'single' train."""
        self._seed_pass()
        outputs = super()._train_step(data_batch)
        if self.strategy == 'single' and self._epoch >= self.arch_begin_epoch:
            if self.optim_wrapper.should_update():
                self._apply_arch_gradients()
        elif self.strategy != 'sync':
            for parameter in self.supernet.arch_parameters().values():
                parameter.grad = None
        return outputs

    def _step_arch(self, data_batch: Any) -> dict[str, float]:  # noqa: ANN401
        """Update the architecture on a batch of its own; earlier, warm the weights up on it."""
        if self.strategy not in BILEVEL:
            return {}
        if self._epoch < self.arch_begin_epoch:
            if self.warmup_on_arch_split:
                self.step_weights(self._next_arch_batch())
            return {}
        arch = {n: p for n, p in self.supernet.arch_parameters().items() if p.requires_grad}
        gradients, loss = self._differentiate(arch, data_batch, self._next_arch_batch())
        for name, parameter in arch.items():
            parameter.grad = gradients[name]
        self._apply_arch_gradients()
        return dict(arch_loss=loss)

    def _differentiate(
        self,
        arch: Mapping[str, nn.Parameter],
        train_batch: Any,  # noqa: ANN401
        arch_batch: Any,  # noqa: ANN401
    ) -> tuple['Gradients', float]:
        """Return the gradients of the architecture, averaged over ranks, and its plain loss."""
        from posenas.search.gradient import adam_steps, first_order, second_order, sgd_steps

        weights = {
            name: parameter
            for name, parameter in self.supernet.named_parameters()
            if parameter.requires_grad and name not in arch
        }
        plain: list[Tensor] = []
        arch_loss = self._add_objective(self.make_loss(arch_batch), plain)
        if self.strategy == 'first_order':
            gradients, value = first_order(arch_loss, weights, arch)
        else:
            optimizer = self.optim_wrapper.optimizer
            lr = optimizer.param_groups[0]['lr']
            steps = sgd_steps(lr) if self.unroll == 'sgd' else adam_steps(optimizer, weights)
            train_loss = self.make_loss(train_batch)
            gradients, value = second_order(
                train_loss, arch_loss, weights, arch, steps, self.epsilon
            )
        require_finite(all_finite([value]), 'loss')
        for gradient in gradients.values():
            all_reduce(gradient, op='mean')
        require_finite(all_finite(gradients.values()), 'gradient')
        all_reduce(plain[0], op='mean')
        self._follow_loss(float(plain[0]))
        return gradients, float(plain[0])

    def make_loss(self, batch: Any) -> 'LossFunction':  # noqa: ANN401
        """Make the loss of one batch, whose passes draw the same random numbers."""
        from posenas.search.gradient import model_loss

        def start_pass() -> AbstractContextManager:
            self._seed_pass()
            return self.optim_wrapper.optim_context(self.supernet)

        return model_loss(self.supernet, self.supernet.data_preprocessor(batch, True), start_pass)

    def _add_objective(self, loss: 'LossFunction', plain: list[Tensor]) -> 'LossFunction':
        """Add what the architecture minimises beside its loss, which is left in ``plain``."""
        mean, supernet = self.runner.message_hub.get_info(ARCH_LOSS), self.supernet
        objective, progress = self.objective, self.search_progress

        def total(weights: Mapping[str, Tensor], arch: Mapping[str, Tensor]) -> Tensor:
            value = loss(weights, arch)
            plain.append(value.detach().clone())
            # read from the model itself, whose parameters ``arch`` are
            costs = supernet.expected_macs(objective.input_size) if objective.cost_weight else None
            return objective(value, mean, costs, supernet.arch_weights().values(), progress)

        return total

    def _follow_loss(self, loss: float) -> None:
        """Update the running mean of the architecture's loss, which checkpoints hold."""
        hub = self.runner.message_hub
        mean, share = hub.get_info(ARCH_LOSS), _ARCH_LOSS_MOMENTUM
        hub.update_info(ARCH_LOSS, loss if mean is None else share * mean + (1 - share) * loss)

    def _apply_arch_gradients(self) -> None:
        """Let the architecture's optimizer step."""
        optim_wrapper = self.runner.optim_wrapper['arch']
        require_finite(optim_wrapper.gradients_finite(), 'gradient')
        optim_wrapper.step()
        optim_wrapper.zero_grad()
        require_finite(all_finite(self.supernet.arch_parameters().values()), 'weight')

    def _seed_pass(self) -> None:
        """Make what passes draw from global generators, such as dropout, the same in all."""
        seed_iteration(self.runner.seed, self._iter, self.runner.rank)

    def _next_arch_batch(self) -> Any:  # noqa: ANN401
        """Draw the batch of the architecture that belongs to the current iteration."""
        batch = next(self._arch_batches, None)
        if batch is None:
            self._arch_batches = batches_from(self.arch_dataloader, 0, self._iter)
            batch = next(self._arch_batches)
        return batch


def _split_loader(
    dataloader: DataLoader | dict,
    arch_dataloader: Mapping | None,
    arch_ratio: float | None,
    split: Mapping,
) -> tuple[dict, dict]:
    """Return configs of the loaders of weights and architecture."""
    changes = dict(arch_dataloader or {})
    if ('dataset' in changes) == (arch_ratio is not None) or not isinstance(dataloader, dict):
        raise ConfigError(
            'bilevel strategies need either arch_ratio or arch_dataloader.dataset, and a config '
            f'of train_dataloader, got arch_ratio={arch_ratio} and {sorted(changes)}'
        )
    dataloader = dict(dataloader)
    if arch_ratio is not None:
        whole = DATASETS.build(dataloader['dataset'])
        dataloader['dataset'], changes['dataset'] = split_by_image(whole, arch_ratio, **split)
    # numbered through all epochs, so that an iteration says which batch is its own
    sampler = dict(type='InfiniteSampler', shuffle=True)
    return dataloader, {**dataloader, **changes, 'drop_last': True, 'sampler': sampler}


def _check_supernet(supernet: nn.Module, optim_wrapper: OptimWrapper, strategy: str) -> None:
    """Require the model and the optimizers that the strategy needs."""
    if not hasattr(supernet, 'arch_parameters'):
        raise ConfigError(
            f'ArchSearchLoop needs a supernet, got {type(supernet).__name__}: set model.type to '
            'one, or train_cfg.type to EpochBasedTrainLoop'
        )
    if not isinstance(optim_wrapper, SearchOptimWrapper):
        raise ConfigError(
            "ArchSearchLoop needs optim_wrapper.constructor='ArchOptimWrapperConstructor', got "
            f'{type(optim_wrapper).__name__}'
        )
    trained = [p for p in supernet.arch_parameters().values() if p.requires_grad]
    own = strategy in ('single', *BILEVEL)
    if own != ('arch' in optim_wrapper) and strategy not in ('none', 'random'):
        wanted = 'a wrapper with an optimizer' if own else "'weights'"
        raise ConfigError(f'strategy {strategy!r} needs optim_wrapper.arch to be {wanted}')
    in_weights = {id(p) for group in optim_wrapper['weights'].param_groups for p in group['params']}
    shared = all(id(p) in in_weights for p in trained)
    if trained and shared != (strategy == 'sync'):
        raise ConfigError(
            f'strategy {strategy!r} {"needs" if not shared else "cannot have"} '
            "optim_wrapper.arch='weights', which trains the architecture like weights"
        )
    scaler = getattr(optim_wrapper['weights'], 'loss_scaler', None)
    if own and scaler is not None and scaler.is_enabled():
        raise ConfigError(
            f"strategy {strategy!r} cannot scale losses: set optim_wrapper.dtype='bfloat16'"
        )
