"""Exported networks in place of checkpoints: here it is decided, for all commands."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.config import Config

from posenas.apis.crops import find_crop_rule
from posenas.registry import KEYPOINT_CODECS
from posenas.runtime import NetworkDescription
from posenas.runtime.engines import choose_engine, is_exported, open_session
from posenas.utils.config import find_network, resolve_model
from posenas.utils.errors import ConfigError

#: Settings of a model that count although an exported network takes its place.
_KEPT = ('data_preprocessor', 'test_cfg.flip_test', 'test_cfg.output_heatmaps')


def read_description(file: str | Path) -> NetworkDescription:
    """Read what an exported file says of its network.

    Raises:
        DataError: The file is missing, or was not written by ``posenas export``.
        ImportError: No engine is installed.
    """
    session = open_session(file, choose_engine(file))
    return NetworkDescription.from_metadata(session.metadata, str(file))


def load_exported(cfg: Config) -> bool:
    """Let an exported file that a config loads its weights from be its model, in place.

    Returns:
        Whether it loads one.

    Raises:
        ConfigError: As in :func:`use_exported`.
        DataError: Likewise.
    """
    if not is_exported(cfg.load_from):
        return False
    use_exported(cfg, cfg.load_from)
    return True


def check_effect(changed: Mapping, plain: Mapping) -> None:
    """Require that two configs differ in nothing that an exported network fixes.

    Args:
        changed: Config with the options of a command.
        plain: Config without them.

    Raises:
        ConfigError: They differ in the model or its codec.
    """
    ours, theirs = (
        dict(_flatten({key: cfg.get(key) for key in ('codec', 'model')}))
        for cfg in (changed, plain)
    )
    other = [
        key
        for key in {**theirs, **ours}
        if ours.get(key) != theirs.get(key) and not any(f'.{kept}' in key for kept in _KEPT)
    ]
    if other:
        raise ConfigError(
            f'options must not change {", ".join(other[:3])}: an exported network has layers and '
            'codec in its file; leave them out, or give the checkpoint that it was made of'
        )


def _flatten(value: object, key: str = '') -> Iterator[tuple[str, object]]:
    """List what is in nested dicts, each under its dotted key."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flatten(inner, f'{key}.{name}' if key else str(name))
    else:
        yield key, value


def use_exported(cfg: Config, file: str | Path) -> NetworkDescription:
    """Let an exported file be the model of a config, in place.

    Args:
        cfg: Config of the experiment that tests it.
        file: Exported network.

    Returns:
        What the file says.

    Raises:
        ConfigError: Config and file want other crops, pixels or codecs.
        DataError: The file is missing, or was not written by ``posenas export``.
    """
    found = read_description(file)
    model = find_estimator(cfg.model)
    preprocessor = model.get('data_preprocessor') or {}
    _check_fit(found, cfg, model, preprocessor, file)
    cfg.model = dict(
        type='ExportedEstimator' if found.video is None else 'ExportedVideoEstimator',
        file=str(file),
        data_preprocessor=preprocessor,
        test_cfg={
            **(cfg.model.get('test_cfg') or model.get('test_cfg') or {}),
            'output_keypoint_indices': found.keypoint_indices,
        },
    )
    return found


def find_estimator(model: Mapping) -> Mapping:
    """Return the config of the estimator that predicts, of a model's config.

    Of a distillation it is the student, of a model for videos the estimator of key frames.

    Raises:
        ConfigError: The key network or the student is the path of a config that cannot be read.
    """
    return resolve_model(model['key'] if 'key' in model else find_network(model))


def config_of_exported(file: str | Path) -> Config:
    """Make the config that inference with an exported file needs, of what the file says.

    Raises:
        DataError: The file is missing, or was not written by ``posenas export``.
    """
    found = read_description(file)
    normal, crop = found.normalisation, found.crop
    size = list(crop.input_size)
    pipeline = [
        dict(type='LoadImage'),
        dict(
            type='PNFSGetBox' if crop.whole_pixels else 'GetBBoxCenterScale', padding=crop.padding
        ),
        dict(type='TopdownAffine', input_size=size, use_udp=crop.use_udp),
        dict(type='PackPoseInputs'),
    ]
    preprocessor = dict(
        type='PoseDataPreprocessor',
        mean=list(normal.mean),
        std=list(normal.std),
        bgr_to_rgb=normal.order == 'rgb',
    )
    return Config(
        dict(
            default_scope='posenas',
            codec=dict(found.codec),
            model=dict(data_preprocessor=preprocessor, head=dict(decoder=dict(found.codec))),
            test_dataloader=dict(
                batch_size=1,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(
                    type='CocoDataset',
                    metainfo=dict(found.find_skeleton().metainfo()),
                    pipeline=pipeline,
                ),
            ),
        )
    )


def _check_fit(
    found: NetworkDescription, cfg: Config, model: Mapping, preprocessor: Mapping, file: str | Path
) -> None:
    """Compare what must be the same on both sides."""
    decoder = dict((model.get('head') or {}).get('decoder') or cfg.get('codec') or {})
    size = tuple(decoder.get('input_size') or found.crop.input_size)
    held = {**vars(found.crop), **vars(found.normalisation)}
    stated = dict(
        vars(find_crop_rule(cfg, size)),
        mean=tuple(preprocessor.get('mean') or (0, 0, 0)),
        std=tuple(preprocessor.get('std') or (1, 1, 1)),
        order='rgb' if preprocessor.get('bgr_to_rgb') else 'bgr',
    )
    if decoder:
        held['codec'] = found.codec['type']
        stated['codec'] = KEYPOINT_CODECS.get(decoder['type']).__name__
    if 'heatmap_size' in decoder and 'heatmap_size' in found.codec:
        held['heatmap_size'] = tuple(found.codec['heatmap_size'])
        stated['heatmap_size'] = tuple(decoder['heatmap_size'])
    other = {name: (held[name], stated[name]) for name in held if held[name] != stated[name]}
    if other:
        name, (ours, theirs) = next(iter(other.items()))
        raise ConfigError(
            f'{file} and the config must agree on {name}: the file has {ours}, the config '
            f'{theirs}; give the config that it was exported with'
        )
