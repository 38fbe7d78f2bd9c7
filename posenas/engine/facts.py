"""The facts of a run that a person wants to see before it begins."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader, Dataset

from posenas.utils.errors import ConfigError
from posenas.utils.profiling import count_parameters


def describe_training(runner: Runner) -> dict[str, str]:
    """List network, data, schedule, device, seed and files of a training, by name."""
    facts = dict(network=_describe_network(runner))
    facts['training'] = _describe_loader(runner.train_dataloader)
    if isinstance(runner._val_loop, BaseLoop):
        facts['validation'] = _describe_loader(runner.val_dataloader)
    facts['schedule'] = _describe_schedule(runner)
    if runner.lr_note:
        facts['note'] = runner.lr_note
    return {**facts, **_describe_place(runner)}


def describe_test(runner: Runner) -> dict[str, str]:
    """List network, data, device, seed and files of a test, by name."""
    data = _describe_loader(runner.test_dataloader)
    return {**dict(network=_describe_network(runner), test=data), **_describe_place(runner)}


def describe_scaling(runner: Runner, scaling: Mapping) -> str:
    """Say what ``auto_scale_lr`` would do to learning rates that are used as given, if anything."""
    if not scaling or scaling.get('enable', False):
        return ''
    per_rank, base = runner.train_dataloader.batch_sampler.batch_size, scaling['base_batch_size']
    return (
        f'learning rates are used as given; --auto-scale-lr would multiply them by '
        f'{per_rank * runner.world_size / base:g} (batch {per_rank} x {runner.world_size} '
        f'processes, made for {base})'
    )


def shorten(path: str | Path) -> str:
    """Write a path from the current folder on where it lies in that."""
    near = os.path.relpath(path)
    return str(path) if near.startswith(os.pardir) else near


def count(number: int, what: str, ending: str = 's') -> str:
    """Write a number of things, in the plural unless it is one."""
    return f'{number:,} {what}{"" if number == 1 else ending}'


def list_leaves(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the data sets that wrappers are made of."""
    inner = [*getattr(dataset, 'datasets', ())]
    single = getattr(dataset, 'dataset', None)
    inner += [single] if isinstance(single, Dataset) else []
    if not inner:
        yield dataset
    for part in inner:
        yield from list_leaves(part)


def describe_left_out(dataset: Dataset) -> str:
    """Say how many were left out of the files and why; '' if none were."""
    left_out: Counter[str] = Counter()
    for part in list_leaves(dataset):
        left_out.update(getattr(part, 'left_out', {}))
    reasons = ', '.join(f'{count} {why}' for why, count in left_out.items())
    return f'left out of the files {reasons}' if reasons else ''


def _describe_network(runner: Runner) -> str:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    parts = [getattr(model, name, None) for name in ('backbone', 'neck', 'head')]
    names = ' + '.join(type(part).__name__ for part in parts if part is not None)
    return f'{names or type(model).__name__}, {count_parameters(model) / 1e6:.2f} M parameters'


def _describe_loader(loader: DataLoader) -> str:
    parts = [f'{count(len(loader.dataset), "sample")} in {count(len(loader), "batch", "es")}']
    note = describe_left_out(loader.dataset)
    return '; '.join([*parts, note] if note else parts)


def _describe_schedule(runner: Runner) -> str:
    loop = runner.train_loop
    is_counted = loop.max_epochs * len(runner.train_dataloader) == loop.max_iters
    length = f'{count(loop.max_epochs, "epoch")}, ' if is_counted else ''
    text = f'{length}{count(loop.max_iters, "iteration")}'
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict):  # weights come first, then the architecture
        wrapper = next(iter(wrapper.values()), None)
        if wrapper is None:
            raise ConfigError('optim_wrapper must have an optimizer, got {}')
    if isinstance(wrapper, OptimWrapper):
        groups = wrapper.optimizer.param_groups
        rate = max(group.get('initial_lr', group['lr']) for group in groups)
        text += f', {type(wrapper.optimizer).__name__}, learning rate {rate:g}'
    return text


def _describe_place(runner: Runner) -> dict[str, str]:
    """Tell device, seed and where the log is."""
    parameter = next(runner.model.parameters(), None)  # an exported network has none
    device = torch.device('cpu') if parameter is None else parameter.device
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else 'CPU'
    threads = f', {count(torch.get_num_threads(), "thread")}' if device.type == 'cpu' else ''
    processes = f', {runner.world_size} processes' if runner.world_size > 1 else ''
    log = Path(runner.log_dir, f'{runner.timestamp}.log')
    return dict(device=name + threads + processes, seed=str(runner.seed), log=shorten(log))
