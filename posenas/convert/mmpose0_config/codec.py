"""The codec that sizes, targets and decoding of MMPose 0.x add up to."""

from collections.abc import Mapping, Sequence
from typing import Any

from posenas.convert.reading import Section
from posenas.utils import ConfigError

#: Transform that makes coordinates instead of heatmaps.
REGRESSION = 'TopDownGenerateTargetRegression'
#: Keys of ``test_cfg`` that say how heatmaps are decoded; the last ones are UDP's.
_DECODING = (
    *('modulate_kernel', 'post_process', 'unbiased_decoding'),
    *('target_type', 'valid_radius_factor', 'use_udp'),
)
_POST_PROCESSES = {True: 'default', False: None, None: None}


def read_codec(
    test_cfg: Section, data_cfg: Section, target: Section, legacy: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the codec of head and data.

    Args:
        test_cfg: ``model.test_cfg``, which says how maps are decoded.
        data_cfg: Its ``image_size`` and ``heatmap_size``, (width, height).
        target: The transform that draws targets; an empty one means MSRA's of sigma 2.
        legacy: Whether numerics of 0.x are kept.

    Returns:
        The codec, and one for each level where the targets have several.

    Raises:
        ConfigError: Targets and decoding do not belong together.
    """
    size = data_cfg.require('image_size', 'codec.input_size')
    if target.content.get('type') == REGRESSION:
        target.mark('type')
        target.finish()
        test_cfg.drop('only heatmaps are refined', *_DECODING)
        codec = dict(type='RegressionLabel', input_size=tuple(size))
        return codec, [codec]
    heatmap_size = data_cfg.require('heatmap_size', 'codec.heatmap_size')
    if isinstance(heatmap_size[0], Sequence):
        heatmap_size = heatmap_size[-1]
    sizes = dict(input_size=tuple(size), heatmap_size=tuple(heatmap_size))
    target.mark('type')
    encoding = target.take('encoding', 'codec.type', 'MSRA')
    makers = {'MSRA': _read_msra, 'Megvii': _read_megvii, 'UDP': _read_udp}
    if encoding not in makers:
        raise ConfigError(f'{target.place("encoding")} must be in {list(makers)}, got {encoding!r}')
    _check_udp(test_cfg, encoding)
    key, values, settings = makers[encoding](test_cfg, target)
    target.finish()
    test_cfg.drop('without effect here', *_DECODING[:3])
    test_cfg.drop('only UDP reads it', *_DECODING[3:5])
    generation = dict(generation='0.x') if legacy else {}
    kind = f'{encoding}Heatmap'
    codecs = [dict(type=kind, **sizes, **{key: v}, **settings, **generation) for v in values]
    return codecs[-1], codecs


def _list_levels(value: object) -> list[Any]:
    """Return the value of each level: a list of numbers has one for each."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _read_post_process(test_cfg: Section) -> str | None:
    """Read how maxima are refined: 'default', 'unbiased', 'megvii' or None."""
    if test_cfg.take('unbiased_decoding', 'codec.unbiased', False):
        test_cfg.drop('unbiased_decoding comes first', 'post_process')
        return 'unbiased'
    value = test_cfg.take('post_process', 'codec.refine', 'default')
    value = _POST_PROCESSES.get(value, value)
    if value not in ('default', 'unbiased', 'megvii', None):
        raise ConfigError(
            f"{test_cfg.place('post_process')} must be 'default', 'unbiased', 'megvii' or None, "
            f'got {value!r}'
        )
    return str(value) if value else None


def _read_msra(test_cfg: Section, target: Section) -> tuple[str, list[Any], dict[str, Any]]:
    sigmas = _list_levels(target.take('sigma', 'codec.sigma', 2))
    target.drop('only Megvii targets read it', 'kernel')
    target.drop('only UDP targets read it', 'target_type')
    settings: dict[str, Any] = {}
    unbiased = target.take('unbiased_encoding', 'codec.unbiased', False)
    if unbiased:
        settings['unbiased'] = True
    refine = {'default': 'quarter', 'unbiased': 'dark', None: None}
    post = _read_post_process(test_cfg)
    if post == 'megvii':
        raise ConfigError(
            f"{test_cfg.place('post_process')} must not be 'megvii' for targets of encoding 'MSRA'"
        )
    if refine[post] != ('dark' if unbiased else 'quarter'):
        settings['refine'] = refine[post]
    if post == 'unbiased':
        kernel = test_cfg.take('modulate_kernel', 'codec.blur_kernel_size', 11)
        settings |= {} if kernel == 11 else dict(blur_kernel_size=kernel)
    return 'sigma', sigmas, settings


def _read_megvii(test_cfg: Section, target: Section) -> tuple[str, list[Any], dict[str, Any]]:
    kernel = target.take('kernel', 'codec.kernel_size', (11, 11))
    kernels = [pair[0] for pair in (kernel if isinstance(kernel[0], Sequence) else [kernel])]
    target.drop('only MSRA and UDP targets read it', 'sigma', 'unbiased_encoding', 'target_type')
    if _read_post_process(test_cfg) != 'megvii':
        raise ConfigError(
            f"{test_cfg.place('post_process')} must be 'megvii' for targets of encoding 'Megvii'"
        )
    decoding = test_cfg.take('modulate_kernel', 'codec.kernel_size', 11)
    if decoding != kernels[-1]:
        raise ConfigError(
            f'{test_cfg.place("modulate_kernel")} must be {target.place("kernel")}, '
            f'{kernels[-1]}, got {decoding}: one codec encodes and decodes heatmaps'
        )
    return 'kernel_size', kernels, {}


def _read_udp(test_cfg: Section, target: Section) -> tuple[str, list[Any], dict[str, Any]]:
    sigmas = _list_levels(target.take('sigma', 'codec.sigma', 2))
    target.drop('only MSRA and Megvii targets read it', 'kernel', 'unbiased_encoding')
    drawn = target.take('target_type', 'codec.heatmap_type', 'GaussianHeatMap')
    read = test_cfg.take('target_type', 'codec.heatmap_type', drawn)
    kinds = {'gaussianheatmap': 'gaussian', 'combinedtarget': 'combined'}
    if str(drawn).lower() not in kinds or str(read).lower() != str(drawn).lower():
        raise ConfigError(
            f'{target.place("target_type")} and {test_cfg.place("target_type")} must be the same, '
            f'GaussianHeatMap or CombinedTarget, got {drawn!r} and {read!r}'
        )
    settings: dict[str, Any] = dict(heatmap_type=kinds[str(drawn).lower()])
    radius = target.take('valid_radius_factor', 'codec.radius_factor')
    radius = test_cfg.take('valid_radius_factor', 'codec.radius_factor', radius)
    if radius is not None:
        settings['radius_factor'] = radius
    kernel = test_cfg.take('modulate_kernel', 'codec.blur_kernel_size', 11)
    return 'sigma', sigmas, settings | ({} if kernel == 11 else dict(blur_kernel_size=kernel))


def _check_udp(test_cfg: Section, encoding: str) -> None:
    """Require that UDP maps are read as such, and only those."""
    use_udp = test_cfg.take('use_udp', 'codec.type', encoding == 'UDP')
    if bool(use_udp) != (encoding == 'UDP'):
        raise ConfigError(
            f"{test_cfg.place('use_udp')} must be True exactly for targets of encoding 'UDP', got "
            f'{use_udp} for {encoding!r}'
        )


def count_channels(codec: Mapping[str, Any]) -> int:
    """Return the maps that the codec has for each keypoint."""
    return 3 if codec.get('heatmap_type') == 'combined' else 1
