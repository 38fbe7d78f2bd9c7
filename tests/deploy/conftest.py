"""One small network and its file, made once."""

import pytest
import torch


@pytest.fixture(scope='session')
def tiny_export(tmp_path_factory):
    """The smallest network of real shape with its checkpoint, and what became of it."""
    from posenas.apis import build_model, export_network

    folder = tmp_path_factory.mktemp('export')
    network = build_model('tiny_synthetic_128x96')
    torch.save(dict(state_dict=network.model.state_dict(), meta={}), folder / 'tiny.pth')
    made = export_network('tiny_synthetic_128x96', folder / 'tiny.pth', folder / 'tiny.onnx')
    return folder, network, made
