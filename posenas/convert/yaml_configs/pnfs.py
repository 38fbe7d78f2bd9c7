"""Configs of PNFS."""

from collections.abc import Mapping
from typing import Any

from posenas.convert.experiment import (
    make_estimator,
    make_hooks,
    make_runtime,
    make_training,
    order_entries,
)
from posenas.convert.reading import Notes, Section
from posenas.convert.yaml_configs.networks import read_stages
from posenas.convert.yaml_configs.pnfs_data import make_data
from posenas.convert.yaml_configs.pnfs_search import add_search
from posenas.utils import ConfigError, check_choice

_MOBILENET_CHANNELS = [24, 32, 96, 160]
#: Name of a backbone -> key that freezes its weights; the others have none of their own.
_FREEZING = dict(resnet='frozen_resnet', mobilenet_v2='frozen_mobilenet')
#: Lines of the log between two values, in iterations; the original does not set it by key.
_LOG_INTERVAL = 50
#: Keys that the original never reads.
_UNREAD = ('use_backbone', 'subnetwork_name', 'branchnet_W', 'branchnet_D')


def translate_pnfs_config(
    cfg: Mapping[str, Any], legacy: bool = True
) -> tuple[dict[str, Any], Notes]:
    """Translate a config of PNFS.

    Args:
        cfg: The config.
        legacy: Whether to keep the numerics of the published code: blue first, COCO's keypoints in
            whole pixels.

    Returns:
        The config for our runner, and what was done.

    Raises:
        ConfigError: Something of it has no counterpart here, or contradicts itself.
    """
    notes = Notes()
    whole = Section(cfg, '', notes)
    model, train, test = (whole.enter(key) for key in ('model', 'train', 'test'))
    kind = model.take('dataset_name', 'dataset.type', 'coco')
    check_choice('model.dataset_name', kind, ('coco', 'mpii'))
    truncates = legacy and kind == 'coco'
    codec = _read_codec(model, train, truncates)
    new = make_runtime(_LOG_INTERVAL) | dict(codec=codec)
    new |= _translate_training(train)
    new |= make_data(whole, model, train, test, codec, kind, truncates)
    best = dict(save_best='coco/AP' if kind == 'coco' else 'PCKh', rule='greater')
    new['default_hooks'] = make_hooks(_LOG_INTERVAL, dict(interval=1, max_keep_ckpts=1, **best))
    new['model'] = _translate_model(whole, model, test, codec, kind, legacy)
    add_search(new, train, model.enter('subnetwork_config').enter('cell_config'))
    if model.take('use_pretrained', 'load_from', False):
        new['load_from'] = model.take('pretrained', 'load_from', '') or None
    _finish(whole, model, train, test)
    return order_entries(new), notes


def _read_codec(model: Section, train: Section, truncates: bool) -> dict[str, Any]:
    sizes = {}
    for old, new in (('input_size', 'input_size'), ('heatmap_size', 'heatmap_size')):
        size = model.enter(old)
        sizes[new] = tuple(size.require(axis, f'codec.{new}') for axis in ('w', 'h'))
        size.finish()
    sigma = train.take('heatmap_peak_sigma_factor', 'codec.sigma', 2)
    legacy = dict(legacy_truncation=True) if truncates else {}
    return dict(type='PNFSHeatmap', **sizes, sigma=sigma, **legacy)


def _translate_training(train: Section) -> dict[str, Any]:
    lr = train.take('w_lr_cosine_begin', 'optim_wrapper.optimizer.lr', 1e-3)
    epochs = train.take('epoch_end', 'train_cfg.max_epochs', 200)
    name = train.take('scheduler_name', 'param_scheduler[0].type', 'MultiStepLR')
    check_choice('train.scheduler_name', name, ('MultiStepLR', 'CosineAnnealingLR'))
    if name == 'MultiStepLR':
        schedule = dict(
            milestones=list(train.take('LR_STEP', 'param_scheduler[0].milestones', [90, 120, 150])),
            gamma=train.take('LR_FACTOR', 'param_scheduler[0].gamma', 0.25),
        )
        train.drop('only the cosine reads it', 'w_lr_cosine_end')
    else:
        low = train.take('w_lr_cosine_end', 'param_scheduler[0].eta_min', 5e-5)
        schedule = dict(T_max=epochs, end=epochs, eta_min=low)
        train.drop('only steps read it', 'LR_STEP', 'LR_FACTOR')
    batch = train.content.get('batchsize', 24)
    optimizer = dict(type='Adam', lr=lr)
    return make_training(epochs, optimizer, dict(type=name, **schedule), batch)


def _translate_model(
    whole: Section,
    model: Section,
    test: Section,
    codec: Mapping[str, Any],
    kind: str,
    legacy: bool,
) -> dict[str, Any]:
    config = model.enter('subnetwork_config')
    config.drop("the model's", 'dataset_name')
    number = config.require('parts_num', 'model.head.parts')
    cells = config.enter('cell_config')
    config.finish()
    parts = dict(type='BodyParts', dataset=kind, num_parts=number)
    joints = model.take('keypoints_num', 'model.head.out_channels', 17 if kind == 'coco' else 16)
    representation = _read_representation(cells)
    fabric = _read_fabric(cells)
    shared = cells.take('one-shot-search', 'model.head.fabric.share_alpha')
    if shared is None:
        cells.warn('one-shot-search is missing and taken as True, as in the published weights')
    elif not shared:
        fabric['share_alpha'] = False
    cells.finish()
    backbone, channels = _translate_backbone(whole, model)
    cut, scales = fabric.get('cut_layers', 0), len(fabric.get('size_types', range(4)))
    if len(channels) != _count_cells(fabric['depth'], scales, cut - 1):
        fabric['num_levels'] = len(channels)
    loss = dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)
    return make_estimator(
        not legacy,
        test.take('flip_test', 'model.test_cfg.flip_test', True),
        shift_heatmap=False,
        backbone=backbone,
        neck=dict(type='PartReduceNeck', in_channels=channels, fabric=fabric, parts=parts),
        head=dict(
            type='CNFHead',
            fabric=fabric,
            parts=parts,
            representation=representation,
            out_channels=joints,
            loss=loss,
            decoder=dict(codec),
        ),
    )


def _read_fabric(cells: Section) -> dict[str, Any]:
    """Read the geometry of a fabric and its operators."""
    fabric: dict[str, Any] = dict(
        depth=cells.require('depth', 'fabric.depth'),
        factor=cells.take('factor', 'fabric.factor', 16),
        operators=list(cells.require('operators', 'fabric.operators')),
    )
    if 'cut_layers_num' in cells:
        fabric['cut_layers'] = cells.take('cut_layers_num', 'fabric.cut_layers')
    scales = tuple(cells.take('size_types', 'fabric.size_types', (4, 8, 16, 32)))
    fabric |= {} if scales == (4, 8, 16, 32) else dict(size_types=scales)
    states = cells.take('hidden_states_num', 'fabric.hidden_states', 1)
    fabric |= {} if states == 1 else dict(hidden_states=states)
    if cells.take('input_nodes_num', 'one input node, as cells are built', 1) != 1:
        cells.warn('input_nodes_num is not 1: the original never feeds the other nodes')
    cells.mark('search_alpha', 'search_beta')
    return fabric


def _read_representation(cells: Section) -> dict[str, Any]:
    vectors = cells.take('vector_in_pixel', 'model.head.representation', True)
    length = cells.take('vector_dim', 'model.head.representation.vector_dim', 8)
    mode = cells.take('convolution_mode', 'model.head.representation.mode', '2D')
    if not vectors:
        return dict(type='ScalarRepresentation')
    check_choice('convolution_mode', mode, ('2D', '3D'))
    mode = {} if mode == '2D' else dict(mode='3d')
    return dict(type='VectorRepresentation', vector_dim=length, **mode)


def _translate_backbone(whole: Section, model: Section) -> tuple[dict[str, Any], list[int]]:
    """Return the backbone and the channels of its pyramid."""
    name = model.require('backbone_net_name', 'model.backbone.type')
    makers = {
        'resnet': _make_resnet,
        'mobilenet_v2': _make_mobilenet,
        'hrnet': _make_hrnet,
        'meta_arch': _make_fabric,
    }
    check_choice('model.backbone_net_name', name, makers)
    file = model.take('backbone_pretrained_path', 'model.backbone.init_cfg', '')
    starts = model.take('init_weights', 'model.backbone.init_cfg', True)
    hrnet = whole.enter('HRNET').enter('MODEL')
    file = hrnet.take('PRETRAINED', 'model.backbone.init_cfg', '') if name == 'hrnet' else file
    backbone, channels = makers[name](model, hrnet)
    if starts and file:
        backbone['init_cfg'] = dict(type='Pretrained', checkpoint=file)
    key = _FREEZING.get(name)
    if key is not None and model.take(key, 'model.backbone.frozen', False):
        backbone['frozen'] = True
    reason = f'of no use to {name}'
    unused = [other for other in _FREEZING.values() if other != key]
    model.drop(reason, 'backbone_layers', 'backbone_feature_num', 'backbone', *unused)
    return backbone, channels


def _make_resnet(model: Section, hrnet: Section) -> tuple[dict[str, Any], list[int]]:
    depth = model.take('backbone_layers', 'model.backbone.depth', 50)
    levels = model.take('backbone_feature_num', 'model.backbone.out_indices', 4)
    if levels < 2:
        raise ConfigError(f'model.backbone_feature_num must be 2, 3 or 4, got {levels}')
    width = 256 if depth >= 50 else 64
    channels = [width * 2**level for level in range(levels)]
    return dict(type='ResNet', depth=depth, out_indices=tuple(range(levels))), channels


def _make_mobilenet(model: Section, hrnet: Section) -> tuple[dict[str, Any], list[int]]:
    return dict(type='MobileNetV2Pyramid'), list(_MOBILENET_CHANNELS)


def _make_hrnet(model: Section, hrnet: Section) -> tuple[dict[str, Any], list[int]]:
    extra = hrnet.enter('EXTRA')
    stages = read_stages(extra)
    extra.drop('the file decides', 'PRETRAINED_LAYERS')
    extra.drop('the original does not read it', 'STEM_INPLANES', 'FINAL_CONV_KERNEL')
    extra.finish()
    channels = list(stages['stage4']['num_channels'])
    return dict(type='HRNetPyramid', extra=stages), channels


def _make_fabric(model: Section, hrnet: Section) -> tuple[dict[str, Any], list[int]]:
    block = model.enter('backbone')
    fabric = _read_fabric(block)
    layers = block.require('reserve_layers_num', 'model.backbone.reserve_layers')
    frozen = block.take('frozen_backbone', 'model.backbone.frozen', False)
    block.finish()
    scales = fabric.get('size_types', (4, 8, 16, 32))
    count = _count_cells(fabric['depth'], len(scales), layers - 1)
    backbone = dict(type='CNFBackbone', fabric=fabric, reserve_layers=layers)
    backbone |= dict(frozen=True) if frozen else {}
    return backbone, [scale * fabric['factor'] for scale in scales[:count]]


def _count_cells(depth: int, num_scales: int, layer: int) -> int:
    """Count the cells of a layer of a whole fabric."""
    return min(layer + 2, num_scales, depth - layer)


def _finish(whole: Section, model: Section, train: Section, test: Section) -> None:
    """Account for what means nothing here."""
    model.mark('subnetwork_config', 'input_size', 'heatmap_size', 'backbone')
    model.drop('the original does not read it', *_UNREAD)
    model.drop('masks are not implemented', 'use_mask', 'mask_num')
    model.drop('use_pretrained decides', 'pretrained')
    train.drop('by --resume', 'epoch_begin')
    train.drop(
        'the original does not read it',
        *('w_optim_name', 'arch_optim_name', 'w_weight_decay', 'mask_loss_weight'),
    )
    test.drop('the config of the data set', 'dataset_name')
    test.drop('the command line says', 'ckpt')
    test.drop('the original forces 128', 'batchsize')
    whole.mark('HRNET')
    for section in (model, train, test, whole):
        section.finish()
