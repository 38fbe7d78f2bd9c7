"""A whole config of MMPose 0.x."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from posenas.convert.experiment import order_entries
from posenas.convert.mmpose0_config.codec import count_channels, read_codec
from posenas.convert.mmpose0_config.data import (
    TEST_KEYS,
    DataSettings,
    make_preprocessor,
    translate_evaluator,
    translate_loader,
)
from posenas.convert.mmpose0_config.model import translate_model
from posenas.convert.mmpose0_config.pipeline import Pipeline, find_target
from posenas.convert.mmpose0_config.runtime import (
    read_evaluation,
    read_length,
    translate_runtime,
)
from posenas.convert.mmpose0_config.schedule import translate_optimizer, translate_schedules
from posenas.convert.reading import Notes, Section
from posenas.utils import ConfigError

_SPLITS = ('train', 'val', 'test')
#: Number of processes whose batches the learning rates of 0.x are stated for.
_BASE_PROCESSES = 8
#: Names that configs of 0.x give to values which they use further down.
_VARIABLES = (
    *('channel_cfg', 'data_cfg', 'data_root', 'dataset_type', 'norm_cfg', 'img_norm_cfg'),
    *('train_pipeline', 'val_pipeline', 'test_pipeline', 'dataset_info', 'base_batch_size'),
)


def translate_mmpose0_config(
    cfg: Mapping[str, Any], legacy: bool = True
) -> tuple[dict[str, Any], Notes]:
    """Translate a config of MMPose 0.x.

    Args:
        cfg: The config, base files merged.
        legacy: Whether to keep the numerics of 0.x, so that a published recipe is the same
            experiment: augmentation, boxes, warm-up, batches, loss. Else those of 1.x.

    Returns:
        The config for our runner, and what was done.

    Raises:
        ConfigError: Something of it has no counterpart here, or contradicts itself.
    """
    notes = Notes()
    whole = Section(cfg, '', notes)
    length, by_epoch = read_length(whole)
    evaluation = read_evaluation(whole)
    new = translate_runtime(whole, length, by_epoch, evaluation)
    new['optim_wrapper'] = translate_optimizer(whole)
    new['param_scheduler'] = translate_schedules(whole, length, by_epoch, legacy)
    data = whole.enter('data')
    model = whole.enter('model')
    test_cfg = model.enter('test_cfg')
    splits = [split for split in _SPLITS if split in data]
    codec, codecs = read_codec(test_cfg, *_read_targets(data, splits), legacy)
    settings = DataSettings(
        data_root=str(whole.take('data_root', 'dataset.data_root', '')),
        dataset_info=whole.take('dataset_info', 'dataset.metainfo'),
        codecs=codecs,
        legacy=legacy,
    )
    new['codec'] = codec
    pipelines = []
    for split in splits:
        loader, pipeline, data_cfg = translate_loader(data, split, settings)
        new[f'{split}_dataloader'] = loader
        pipelines.append(pipeline)
        inner = _innermost(loader['dataset'])
        if split == 'train':
            data_cfg.drop('only tests read it', *TEST_KEYS)
        else:
            new[f'{split}_evaluator'] = translate_evaluator(data_cfg, inner, evaluation)
        indices = _check_joints(data_cfg, model, codec)
    _check_warp(pipelines, codec)
    batch = new.get('train_dataloader', {}).get('batch_size', 1)
    new['auto_scale_lr'] = dict(base_batch_size=_BASE_PROCESSES * batch)
    new['model'] = translate_model(model, test_cfg, codec, make_preprocessor(pipelines), legacy)
    if indices is not None:
        new['model']['test_cfg']['output_keypoint_indices'] = indices
    _finish(whole, data)
    return _complete(new, splits), notes


def _read_targets(data: Section, splits: Sequence[str]) -> tuple[Section, Section]:
    """Return the sizes of crop and maps, and the transform that draws targets."""
    sizes = None
    target = Section(None, '', data.notes)
    for split in splits:
        section = _enter_dataset(data.enter(split))
        data_cfg = section.enter('data_cfg')
        found = [data_cfg.content.get(key) for key in ('image_size', 'heatmap_size')]
        if sizes is None:
            sizes, first = found, data_cfg
        elif [_plain(value) for value in found] != [_plain(value) for value in sizes]:
            raise ConfigError(
                f'{data_cfg.path}: image_size and heatmap_size must be the same as in '
                f'{first.path}, {sizes}, got {found}'
            )
        if not target.content:
            steps = section.content.get('pipeline') or ()
            target = find_target(steps, section.place('pipeline'), data.notes)
    if sizes is None:
        raise ConfigError(f'data must have one of {_SPLITS}')
    return first, target


def _enter_dataset(section: Section) -> Section:
    """Enter the data set inside those that repeat it."""
    return _enter_dataset(section.enter('dataset')) if 'dataset' in section else section


def _plain(value: object) -> object:
    """Return nested lists and tuples as lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _innermost(dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    return _innermost(dataset['dataset']) if 'dataset' in dataset else dataset


def _check_joints(
    data_cfg: Section, model: Section, codec: Mapping[str, Any]
) -> tuple[int, ...] | None:
    """Compare the numbers of keypoints; return those that predictions are cut down to, if any."""
    data_cfg.mark('image_size', 'heatmap_size')  # the codec's, compared between the splits
    maps = model.enter('keypoint_head').content.get('out_channels')
    channels = data_cfg.take('num_output_channels', 'model.head.out_channels')
    if channels is not None and maps is not None and channels * count_channels(codec) != maps:
        raise ConfigError(
            f'{data_cfg.place("num_output_channels")} must fit keypoint_head.out_channels, {maps}, '
            f'got {channels}'
        )
    joints = data_cfg.take('num_joints', 'the skeleton of the data set')
    given = data_cfg.take('dataset_channel', 'the skeleton of the data set')
    wanted = data_cfg.take('inference_channel', 'model.test_cfg.output_keypoint_indices')
    data_cfg.drop('only bottom-up networks read it', 'max_num_joints', 'scale_aware_sigma')
    data_cfg.finish()
    if joints is not None and channels is not None and joints != channels:
        data_cfg.warn(f'num_joints is {joints}, num_output_channels {channels}')
    if wanted is None:
        return None
    given = given[0] if given and isinstance(given[0], list | tuple) else given
    complete = list(given or range(channels or len(wanted)))
    return tuple(wanted) if list(wanted) != complete else None


def _check_warp(pipelines: Sequence[Pipeline], codec: Mapping[str, Any]) -> None:
    """Require crops to be warped as the codec expects."""
    is_udp = codec['type'] == 'UDPHeatmap'
    if any(p.use_udp is not None and p.use_udp != is_udp for p in pipelines):
        raise ConfigError(
            'use_udp of TopDownAffine must be True exactly if targets and model.test_cfg are UDP'
        )


def _finish(whole: Section, data: Section) -> None:
    """Account for what is read in several places, and for variables."""
    data.take('samples_per_gpu', 'train_dataloader.batch_size')
    data.take('workers_per_gpu', 'num_workers of all loaders')
    data.drop('0.x does not read it here', 'pin_memory')
    for split in _SPLITS:
        data.mark(split, f'{split}_dataloader')
    data.finish()
    whole.mark('data', 'model')
    used = list(_list_values([whole.content[key] for key in ('data', 'model')]))
    copies = [
        key
        for key, value in whole.content.items()
        if isinstance(value, Mapping | list | tuple) and value and _plain(value) in used
    ]
    reason = 'a variable, its value is read where it is used'
    whole.drop(reason, *_VARIABLES, *copies)
    whole.finish()


def _list_values(value: object) -> Iterator[object]:
    """Yield everything inside nested mappings and lists, with lists for tuples."""
    yield _plain(value)
    if isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _list_values(item)


def _complete(new: dict[str, Any], splits: Sequence[str]) -> dict[str, Any]:
    """Leave out what has no data and bring the rest into the usual order."""
    if 'val' not in splits:
        new |= dict(val_cfg=None)
        new['train_cfg'] = {k: v for k, v in new['train_cfg'].items() if k != 'val_interval'}
    if 'test' not in splits:
        new |= dict(test_cfg=None)
    if 'train' not in splits or new['optim_wrapper'] is None:
        for key in ('train_cfg', 'train_dataloader', 'optim_wrapper', 'param_scheduler'):
            new.pop(key, None)
        new.pop('auto_scale_lr')
    return order_entries(new)
