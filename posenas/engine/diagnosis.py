"""Telling where numbers stopped being finite."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from posenas.engine.finite import NonFiniteError, all_finite
from posenas.engine.randomness import seed_iteration

#: Names listed before the rest is only counted.
_LISTED = 8


def describe_non_finite(runner: Runner, data_batch: Any, error: NonFiniteError) -> str:  # noqa: ANN401
    """Describe a non-finite iteration: where, samples, loss terms, module, parameters.

    Runs the iteration's forward pass once more, with the same random numbers.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    lines = [f'{error} at iteration {runner.iter + 1} (epoch {runner.epoch + 1})']
    lines.append(f'samples: {_shorten(_sample_names(data_batch))}')
    bad = [name for name, value in model.named_parameters() if not all_finite([value])]
    bad += [name for name, value in model.named_buffers() if not all_finite([value])]
    if bad:
        lines.append(f'not finite in the model: {_shorten(bad)}')
    grads = ((name, value.grad) for name, value in model.named_parameters())
    bad = [name for name, grad in grads if grad is not None and not all_finite([grad])]
    if bad:
        lines.append(f'gradients that are not finite: {_shorten(bad)}')
    seed_iteration(runner.seed, runner.iter, runner.rank)
    terms, module = _repeat_forward(runner, model, data_batch)
    lines.append(f'loss terms: {terms}')
    lines.append(f'first module with such an output: {module or "none"}')
    lines.append(
        'lower the learning rate, clip gradients (optim_wrapper.clip_grad), check these samples, '
        "or set default_hooks.nan_guard.policy to 'skip' or 'recover'"
    )
    return '\n  '.join(lines)


def _shorten(names: list[str]) -> str:
    more = f' and {len(names) - _LISTED} more' if len(names) > _LISTED else ''
    return ', '.join(islice(names, _LISTED)) + more


def _sample_names(data_batch: Any) -> list[str]:  # noqa: ANN401
    """Name the samples of a batch as their data samples do."""
    samples = data_batch.get('data_samples', []) if isinstance(data_batch, dict) else []
    return [
        ' '.join(f'{key}={sample.get(key)}' for key in ('id', 'img_path') if key in sample)
        for sample in samples
        if hasattr(sample, 'get')
    ]


def _tensors(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    """Yield the tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


@contextmanager
def _watch(model: nn.Module, found: list[str]) -> Iterator[None]:
    """Append to ``found`` the names of modules with a non-finite output, in order of execution."""
    names = {module: name for name, module in model.named_modules()}

    def check(module: nn.Module, args: Any, output: Any) -> None:  # noqa: ANN401
        if not all_finite(_tensors(output)):
            found.append(f'{names[module] or "the model"} ({type(module).__name__})')

    handles = [module.register_forward_hook(check) for module in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _repeat_forward(
    runner: Runner,
    model: nn.Module,
    data_batch: Any,  # noqa: ANN401
) -> tuple[str, str | None]:
    """Return the loss terms as text and the first module with a non-finite output."""
    found: list[str] = []
    with torch.no_grad(), _watch(model, found), runner.optim_wrapper.optim_context(model):
        data = model.data_preprocessor(data_batch, True)
        losses = model(**data, mode='loss') if isinstance(data, dict) else model(*data, mode='loss')
    terms = ', '.join(
        f'{name}={sum(float(t.float().mean()) for t in _tensors(value)):.6g}'
        for name, value in losses.items()
    )
    return terms, found[0] if found else None
