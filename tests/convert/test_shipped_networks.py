"""Converted published names are those of the shipped networks, shape by shape."""

import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import init_default_scope

from posenas.apis.building import load_checked
from posenas.convert import adapt_checkpoint, convert_state_dict
from posenas.registry import MODELS

#: Recording of a published network -> its shipped config.
NETWORKS = {
    's_vipnas_res50_256x192': 's_vipnas_res50_coco_256x192',
    'ditehrnet18_coco_256x192': 'ditehrnet_18_coco_256x192',
    'ditehrnet18_mpii_256x256': 'ditehrnet_18_mpii_256x256',
    'fpd/hourglass_s4_f128_mpii_256x256': 'hourglass_s4_f128_mpii_256x256',
    'fpd/pose_hrnet_w32_coco_256x192': 'hrnet_w32_coco_256x192',
    'pnfs/mobilenetv2_cnfx3_coco_384x288': 'mobilenet_v2_cnfx3_coco_384x288',
    'posenas/l18_c48_coco_256x192': 'posenas_l18_c48_coco_256x192',
}


def read(golden_dir, folder):
    manifest = json.loads((golden_dir / folder / 'manifest.json').read_text())
    entries = manifest['state_dict']
    return {e['name']: SimpleNamespace(shape=tuple(e['shape'])) for e in entries}


def build(cfg):
    init_default_scope('posenas')
    with torch.device('meta'):
        return MODELS.build(cfg).state_dict()


@pytest.mark.parametrize('folder', NETWORKS)
def test_a_published_state_dict_fits_the_shipped_network(golden_dir, folder):
    converted = convert_state_dict(read(golden_dir, folder))
    model = build(load_checked(NETWORKS[folder]).model)
    assert {name: tuple(value.shape) for name, value in model.items()} == {
        name: value.shape for name, value in converted.items()
    }


def test_networks_that_keep_what_never_runs_get_it_too(golden_dir):
    published = read(golden_dir, 'pnfs/mobilenetv2_cnfx3_coco_384x288')
    cfg = load_checked('mobilenet_v2_cnfx3_coco_384x288').model
    cfg.backbone.unused_tail = True
    cfg.head.strict_original = True
    model = build(cfg)
    adapted = adapt_checkpoint(published, model)['state_dict']
    assert adapted.keys() == model.keys()
    assert len(adapted) == len(published)
