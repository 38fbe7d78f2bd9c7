"""Networks of MMPose 0.x."""

from collections.abc import Mapping
from typing import Any

from posenas.convert.mmpose0_config.codec import REGRESSION
from posenas.convert.reading import Section
from posenas.utils import ConfigError

_SIMPLE_HEADS = {
    'TopdownHeatmapSimpleHead': 'HeatmapHead',
    'TopDownSimpleHead': 'HeatmapHead',
    'TopDownHeatmapSimpleHead': 'HeatmapHead',
    'ViPNASHeatmapSimpleHead': 'ViPNASHead',
}
_OTHER_HEADS = {
    'TopdownHeatmapMultiStageHead': 'CPMHead',
    'TopdownHeatmapMSMUHead': 'MSPNHead',
}
_REGRESSION_HEAD = 'DeepposeRegressionHead'
#: Losses of 0.x -> ours; those with the same name follow.
_LOSSES = {
    **{
        name: name
        for name in ('AdaptiveWingLoss', 'RLELoss', 'SmoothL1Loss', 'SoftWingLoss', 'WingLoss')
    },
    'JointsMSELoss': 'KeypointMSELoss',
    'JointsOHKMMSELoss': 'KeypointOHKMMSELoss',
    'CombinedTargetMSELoss': 'CombinedTargetMSELoss',
}
#: Number of deconvolutions of 0.x's heads where a config does not say.
_NUM_DECONVS = 3


def translate_model(
    model: Section,
    test_cfg: Section,
    codec: Mapping[str, Any],
    preprocessor: Mapping[str, Any],
    legacy: bool,
) -> dict[str, Any]:
    """Translate ``model``.

    Args:
        model: The section, its ``type`` being 'TopDown'.
        test_cfg: Its ``test_cfg``, less what the codec has read.
        codec: Codec of the head.
        preprocessor: The data preprocessor.
        legacy: Whether losses weight twice, as in 0.x.
    """
    model.take('type', 'TopdownPoseEstimator')
    backbone = dict(model.require('backbone', 'model.backbone'))
    pretrained = model.take('pretrained', 'model.backbone.init_cfg')
    if pretrained:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=pretrained)
    keypoint_head = model.enter('keypoint_head')
    if 'loss_pose' in model and 'loss_keypoint' not in keypoint_head:
        loss = model.enter('loss_pose')
    else:
        loss = keypoint_head.enter('loss_keypoint')
    is_regression = keypoint_head.content.get('type') == _REGRESSION_HEAD
    if is_regression != (codec['type'] == 'RegressionLabel'):
        raise ConfigError(
            f'{keypoint_head.place("type")} must be {_REGRESSION_HEAD!r} exactly for targets of '
            f'{REGRESSION}, got {keypoint_head.content.get("type")!r}'
        )
    if is_regression:
        neck, head = None, _translate_regression(keypoint_head)
    else:
        neck, head = _translate_head(keypoint_head, backbone)
    if neck is None:
        _mend_width(head, backbone, model)
    head['loss'] = _translate_loss(loss, legacy)
    head['decoder'] = dict(codec)
    keypoint_head.drop("the model's", 'train_cfg', 'test_cfg')
    keypoint_head.finish()
    given = model.take('neck', 'model.neck')
    if given and neck:
        raise ConfigError(
            'model.neck and several inputs of model.keypoint_head cannot be joined: write the '
            'neck by hand'
        )
    network: dict[str, Any] = dict(
        type='TopdownPoseEstimator', data_preprocessor=dict(preprocessor), backbone=backbone
    )
    if given or neck:
        network['neck'] = given or neck
    network['head'] = head
    train_cfg = model.take('train_cfg', 'model.train_cfg')
    if train_cfg:
        network['train_cfg'] = train_cfg
    network['test_cfg'] = _translate_test_cfg(test_cfg, is_regression)
    model.mark('test_cfg')
    model.finish()
    return network


def _mend_width(head: dict[str, Any], backbone: Mapping[str, Any], model: Section) -> None:
    """Give a head the channels that LiteHRNet makes: the published narrow networks say others."""
    extra = backbone.get('extra') or {}
    if backbone.get('type') != 'LiteHRNet' or not extra.get('with_head', True):
        return
    width = (extra.get('stages_spec') or {}).get('num_channels', [[head['in_channels']]])[-1][0]
    if width != head['in_channels']:
        model.notes.warnings.append(
            f'model.keypoint_head.in_channels becomes {width}, the channels of the backbone, from '
            f'{head["in_channels"]}'
        )
        head['in_channels'] = width


def _translate_test_cfg(test_cfg: Section, is_regression: bool) -> dict[str, Any]:
    settings = dict(flip_test=test_cfg.take('flip_test', 'model.test_cfg.flip_test', True))
    if is_regression:
        shifts = test_cfg.take('regression_flip_shift', 'model.test_cfg.shift_coords', False)
        settings['shift_coords'] = bool(shifts)
        test_cfg.drop('only heatmaps are shifted', 'shift_heatmap')
    else:
        shifts = test_cfg.take('shift_heatmap', 'model.test_cfg.shift_heatmap', False)
        settings |= dict(flip_mode='heatmap', shift_heatmap=shifts)
        test_cfg.drop('only regression reads it', 'regression_flip_shift')
    test_cfg.finish()
    return settings


def _translate_regression(head: Section) -> dict[str, Any]:
    """Translate a head that gives coordinates, and their deviations if asked to."""
    head.mark('type')
    deviates = head.take('out_sigma', 'model.head.type', False)
    return dict(
        type='RLEHead' if deviates else 'RegressionHead',
        in_channels=head.require('in_channels', 'model.head.in_channels'),
        num_joints=head.require('num_joints', 'model.head.num_joints'),
    )


def _translate_head(
    head: Section, backbone: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the neck that chooses the head's inputs, if one is needed, and the head."""
    kind = head.require('type', 'model.head.type')
    if kind not in _SIMPLE_HEADS:
        named = f' ({_OTHER_HEADS[kind]} of MMPose 1.x)' if kind in _OTHER_HEADS else ''
        raise ConfigError(
            f'{head.place("type")} must be one of {sorted([*_SIMPLE_HEADS, _REGRESSION_HEAD])}, '
            f'got {kind!r}{named}, which is not implemented'
        )
    is_vipnas = kind == 'ViPNASHeatmapSimpleHead'
    neck, channels = _translate_inputs(head, backbone)
    out_channels = head.require('out_channels', 'model.head.out_channels')
    new = dict(type=_SIMPLE_HEADS[kind], in_channels=channels, out_channels=out_channels)
    new |= _translate_deconvs(head, is_vipnas)
    width = (new['deconv_out_channels'] or (channels,))[-1]
    return neck, new | _translate_convs(head, width)


def _translate_inputs(
    head: Section, backbone: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, int]:
    """Choose features: 0.x takes the first of several where a config does not say, 1.x the last.

    Returns:
        The neck that does it, None for a single feature, and the channels the head gets.
    """
    channels = head.require('in_channels', 'model.head.in_channels')
    index = head.take('in_index', 'model.neck.select_index', 0)
    transform = head.take('input_transform', 'model.neck.concat')
    align = head.take('align_corners', 'model.neck.align_corners', False)
    if transform == 'resize_concat':
        neck = dict(type='FeatureMapProcessor', select_index=tuple(index), concat=True)
        neck |= dict(align_corners=True) if align else {}
        return neck, sum(channels)
    if transform is not None:
        raise ConfigError(
            f"{head.place('input_transform')} must be None or 'resize_concat', got {transform!r}: "
            'this head has one input'
        )
    if index == -1 or (index == 0 and not _has_several_outputs(backbone)):
        return None, channels
    return dict(type='FeatureMapProcessor', select_index=index), channels


def _has_several_outputs(backbone: Mapping[str, Any]) -> bool:
    stage4 = (backbone.get('extra') or {}).get('stage4') or {}
    return len(backbone.get('out_indices', (0,))) > 1 or bool(stage4.get('multiscale_output'))


def _translate_deconvs(head: Section, is_vipnas: bool) -> dict[str, Any]:
    """Translate transposed convolutions; those of ViPNAS are grouped."""
    count = head.take('num_deconv_layers', 'model.head.deconv_out_channels', _NUM_DECONVS)
    lists = {'filters': ('out_channels', 256), 'kernels': ('kernel_sizes', 4)}
    if is_vipnas:
        lists = {'filters': ('out_channels', 144), **lists, 'groups': ('num_groups', 16)}
        lists['filters'] = ('out_channels', 144)
    deconvs: dict[str, Any] = {}
    for old, (new, default) in lists.items():
        name = f'deconv_{new}'
        values = head.take(f'num_deconv_{old}', f'model.head.{name}', (default,) * _NUM_DECONVS)
        if count and len(values) != count:
            raise ConfigError(
                f'{head.place(f"num_deconv_{old}")} must have num_deconv_layers = {count} entries, '
                f'got {values}'
            )
        if count:
            deconvs[name] = tuple(values)
    return deconvs or dict(deconv_out_channels=None)


def _translate_convs(head: Section, width: int) -> dict[str, Any]:
    """Translate what follows the transposed convolutions, of ``width`` channels."""
    extra = head.enter('extra')
    kernel = extra.take('final_conv_kernel', 'model.head.final_layer', 1)
    if kernel not in (0, 1, 3):
        raise ConfigError(f'{extra.place("final_conv_kernel")} must be 0, 1 or 3, got {kernel}')
    layers = {0: None, 1: dict(kernel_size=1), 3: dict(kernel_size=3, padding=1)}
    convs: dict[str, Any] = {} if kernel == 1 else dict(final_layer=layers[kernel])
    count = extra.take('num_conv_layers', 'model.head.conv_out_channels', 0)
    kernels = extra.take('num_conv_kernels', 'model.head.conv_kernel_sizes', (1,) * count)
    extra.finish()
    if count:
        convs |= dict(conv_out_channels=(width,) * count, conv_kernel_sizes=tuple(kernels))
    return convs


def _translate_loss(loss: Section, legacy: bool) -> dict[str, Any]:
    """Translate the loss; 0.x weights output and target, hence the square of the weight."""
    kind = loss.take('type', 'model.head.loss.type', 'JointsMSELoss')
    if kind not in _LOSSES:
        raise ConfigError(f'{loss.place("type")} must be one of {sorted(_LOSSES)}, got {kind!r}')
    new = dict(type=_LOSSES[kind], **loss.rest('model.head.loss'))
    if kind == 'JointsMSELoss' and legacy:
        new['square_weight'] = True
    return new
