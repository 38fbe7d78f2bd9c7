"""From a supernet to a network that stands alone: a folder with config, weights and genotype."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import Tensor, nn

from posenas.genotype import Genotype, save_genotype
from posenas.models import load_state
from posenas.registry import HOOKS, MODELS
from posenas.utils import (
    CheckpointError,
    ConfigError,
    load_checkpoint_file,
    save_checkpoint,
    write_text,
)
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config
from posenas.utils.config_schema import RUNNER_KEYS, VARIABLES
from posenas.utils.config_text import write_comment
from posenas.utils.new_folder import new_folder
from posenas.utils.profiling import profile_model

#: What stands alone: config of the network, its weights by name and the architecture.
Extract = tuple[dict, dict[str, Tensor], Genotype]
#: Name of the genotype in the folder; config and weights are called like the folder.
GENOTYPE_FILE = 'genotype.json'
#: Train loops that need no supernet.
_PLAIN_LOOPS = ('EpochBasedTrainLoop', 'IterBasedTrainLoop')
#: What a plain train loop takes over from that of a search.
_LENGTH = ('max_epochs', 'max_iters', 'val_interval')
#: What only a training needs.
_TRAINING = ('train_cfg', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr')
#: Entries that belong to one run.
_OF_THE_RUN = ('load_from', 'resume', 'work_dir', 'launcher', 'experiment_name')


def make_experiment(cfg: Mapping, model: Mapping) -> Config:
    """Write the experiment that trains and tests ``model`` on the data of a search.

    Loop, optimizer and hooks of the search are replaced by those of an ordinary training of the
    same length; after a search that trains no weights, the experiment only tests. Hooks say by
    ``only_in_search`` that they need a supernet.

    Args:
        cfg: Config of the search, or of any experiment.
        model: Config of the network.
    """
    kept = (RUNNER_KEYS | VARIABLES).difference(_OF_THE_RUN)
    plain = {key: deepcopy(value) for key, value in cfg.items() if key in kept}
    plain['model'] = deepcopy(dict(model))
    loop = plain.get('train_cfg')
    if loop and loop.get('type', _PLAIN_LOOPS[0]) not in _PLAIN_LOOPS:
        length = {key: loop[key] for key in _LENGTH if key in loop}
        plain['train_cfg'] = dict(length, by_epoch='max_epochs' in loop)
        if not {'max_epochs', 'max_iters'} & length.keys():
            plain = {key: value for key, value in plain.items() if key not in _TRAINING}
    wrapper = plain.get('optim_wrapper')
    if wrapper and wrapper.get('constructor') == 'ArchOptimWrapperConstructor':
        unused = ('constructor', 'arch')
        plain['optim_wrapper'] = {k: v for k, v in wrapper.items() if k not in unused}
    schedules = plain.get('param_scheduler')
    if isinstance(schedules, Mapping) and 'type' not in schedules:
        plain['param_scheduler'] = schedules['weights']
    if plain.get('custom_hooks'):
        plain['custom_hooks'] = [h for h in plain['custom_hooks'] if not _needs_supernet(h)]
    return Config(plain, format_python_code=False)  # long genotypes take seconds to format


def _needs_supernet(hook: Mapping) -> bool:
    return getattr(HOOKS.get(hook['type']), 'only_in_search', False)


def write_network(
    folder: str | Path,
    cfg: Config,
    state_dict: Mapping[str, Tensor],
    genotype: Genotype,
    provenance: Mapping | None = None,
    dataset_meta: Mapping | None = None,
) -> nn.Module:
    """Write config, weights and genotype, all or nothing, and read them back.

    Args:
        folder: New or empty folder; config and weights are called like it.
        cfg: Experiment of the network.
        state_dict: Its weights, entry by entry.
        genotype: Its architecture; gets the cost at the codec's input size, if there is one.
        provenance: Where it comes from, such as config and epoch; for the genotype.
        dataset_meta: What is known of the keypoints, for inference with the weights alone.

    Returns:
        The network, built from the written config with the written weights.

    Raises:
        OutputError: The folder holds something, or cannot be written.
        ConfigError: The config contradicts itself.
        CheckpointError: The weights are not those of the network.
    """
    with new_folder(folder, last=f'{Path(folder).absolute().name}.pth') as draft:
        name = Path(folder).absolute().name
        text = cfg.pretty_text
        comment = write_comment(f'Architecture {genotype.id}, {genotype.name}.')
        write_text(draft / f'{name}.py', comment + text)
        known = dict(dataset_meta=dict(dataset_meta)) if dataset_meta else {}
        meta = dict(cfg=text, genotype=genotype.id, **known)
        save_checkpoint(dict(meta=meta, state_dict=dict(state_dict)), draft / f'{name}.pth')
        written = load_config(draft / f'{name}.py')
        verify_config(written)
        model = MODELS.build(written.model).eval()
        load_state(model, load_checkpoint_file(draft / f'{name}.pth'), strict=True)
        codec = cfg.get('codec')
        size = codec.get('input_size') if isinstance(codec, dict) else None
        cost = _measure(model, size) if size else genotype.cost
        given = dict(provenance) if provenance else genotype.provenance
        save_genotype(replace(genotype, cost=cost, provenance=given), draft / GENOTYPE_FILE)
    return model


def _measure(model: nn.Module, size: tuple[int, int]) -> dict[str, object]:
    """Count parameters and multiply-accumulates for images of ``size``, (width, height)."""
    period = getattr(model, 'period', 1)  # a network for videos: the mean of its frames
    cost = profile_model(model, torch.zeros(period, 3, size[1], size[0]))
    macs = cost.macs if period == 1 else round(cost.macs / period)
    return dict(params=cost.parameters, macs=macs, input=list(size))


class OutputChange(NamedTuple):
    """How much the heatmaps of two networks differ, relative to the largest absolute value.

    Attributes:
        largest: Largest difference.
        mean: Mean absolute difference.
    """

    largest: float
    mean: float


@torch.no_grad()
def compare_outputs(before: nn.Module, after: nn.Module, batches: Iterable[Tensor]) -> OutputChange:
    """Run two networks, in evaluation mode, on the same images.

    Args:
        before: Estimator.
        after: What it was turned into.
        batches: Normalised images, (B, 3, H, W) each.

    Raises:
        CheckpointError: An output of ``before`` is not finite, so nothing can be compared.
    """
    before.eval()
    after.eval()
    scale, largest, total, count = 0.0, 0.0, 0.0, 0
    for batch in batches:
        wanted, made = (_last_maps(model(batch, mode='tensor')) for model in (before, after))
        if not wanted.isfinite().all():
            raise CheckpointError(
                'outputs must be finite to be compared, got NaN or infinity before any change: '
                'take another checkpoint'
            )
        gap = (made - wanted).abs().nan_to_num(nan=float('inf'))
        scale = max(scale, float(wanted.abs().max()))
        largest = max(largest, float(gap.max()))
        total, count = total + float(gap.sum()), count + gap.numel()
    if not count:
        raise ConfigError('there must be at least one image to compare outputs on, got none')
    unit = scale or 1.0
    return OutputChange(largest / unit, total / count / unit)


def _last_maps(maps: Tensor | Sequence[Tensor]) -> Tensor:
    return maps if isinstance(maps, Tensor) else maps[-1]
