"""Opening of exported networks in ONNX Runtime and OpenVINO."""

import signal
import subprocess
import sys
from multiprocessing import get_context

import numpy as np
import pytest
from exported_spots import describe_spots, make_spot_net, write_spot_net

from posenas.deploy import write_network
from posenas.runtime import ENGINES, NetworkDescription, open_session
from posenas.runtime.engines import choose_engine
from posenas.utils import ConfigError, DataError

pytest.importorskip('onnxruntime')
pytest.importorskip('openvino')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('nets')
    write_network(make_spot_net(), folder / 'net.xml')
    return dict(onnx=write_spot_net(folder / 'net.onnx'), xml=folder / 'net.xml')


@pytest.mark.parametrize(
    ('kind', 'engine'), [('onnx', 'onnxruntime'), ('onnx', 'openvino'), ('xml', 'openvino')]
)
@pytest.mark.parametrize('fixed', [False, True])
def test_engines_compute_any_number_of_images_or_the_given_one(files, kind, engine, fixed):
    for batch in (1, 3):
        session = open_session(files[kind], engine, threads=1, batch=batch if fixed else None)
        images = np.random.default_rng(batch).random((batch, 3, 64, 48), np.float32)
        (made,) = session.run(images)
        wanted = images.reshape(batch, 3, 16, 4, 12, 4).mean((3, 5)) / 2
        np.testing.assert_allclose(made, wanted, atol=1e-6)
        assert session.output_names == ('heatmaps',)


@pytest.mark.parametrize('kind', ['onnx', 'xml'])
def test_files_of_both_kinds_say_the_same_of_their_network(files, kind):
    session = open_session(files[kind], 'openvino')
    found = NetworkDescription.from_metadata(session.metadata, kind)
    assert found.to_metadata() == describe_spots().to_metadata()


def test_the_end_of_the_name_chooses_the_engine(files):
    assert choose_engine(files['xml']) == 'openvino'
    assert choose_engine(files['onnx']) == ENGINES[0]
    with pytest.raises(ConfigError, match='must be opened by openvino'):
        choose_engine(files['xml'], 'onnxruntime')
    with pytest.raises(ConfigError, match='must end with one of'):
        choose_engine('weights.pth')


@pytest.mark.parametrize(
    ('settings', 'error', 'match'),
    [
        (dict(engine='tensorrt'), ValueError, 'engine must be one of'),
        (dict(engine='onnxruntime', precision='bf16'), ValueError, 'precision must be one of'),
        (dict(threads=0), ValueError, 'greater than 0'),
    ],
)
def test_other_settings_are_refused(files, settings, error, match):
    with pytest.raises(error, match=match):
        open_session(files['onnx'], **settings)


@pytest.mark.parametrize('engine', ENGINES)
def test_files_that_are_no_networks_are_refused_in_one_line(tmp_path, engine):
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(b'no network')
    with pytest.raises(DataError, match='must be a network that') as caught:
        open_session(broken, engine)
    assert '\n' not in str(caught.value)
    with pytest.raises(DataError, match='must exist'):
        open_session(tmp_path / 'missing.onnx', engine)


def close_sessions_and_handle_a_signal(path):
    """Close two sessions of OpenVINO, the first one first; then a handled signal comes."""
    first, second = (open_session(path, 'openvino') for _ in range(2))
    del first
    del second
    signal.signal(signal.SIGCHLD, lambda *_: None)
    subprocess.run([sys.executable, '-c', ''], check=True)


def test_handlers_of_signals_work_after_networks_are_closed(files):
    process = get_context('spawn').Process(
        target=close_sessions_and_handle_a_signal, args=(files['onnx'],)
    )
    process.start()
    process.join()
    assert process.exitcode == 0
