"""The page that runs networks in the browser: its files, what it knows of networks, its server."""

import base64
import hashlib
import json
import threading
from urllib.request import urlopen

import pytest
from exported_spots import describe_spots, write_box_net, write_spot_net

from posenas.apis import open_server, write_web_page
from posenas.cli import main
from posenas.utils import ConfigError, DataError
from posenas.weights import DEFAULT_DETECTOR, DEFAULT_POSE, require_shipped


@pytest.fixture(scope='module')
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('networks')
    description = describe_spots(keypoint_indices=(2, 0))
    pose = write_spot_net(folder / 'pose.onnx', description=description)
    return pose, write_box_net(folder / 'detector.onnx')


@pytest.fixture
def package(tmp_path):
    """The files of the runtime's package that the page takes, with other content."""
    folder = tmp_path / 'package'
    (folder / 'dist').mkdir(parents=True)
    (folder / 'package.json').write_text('{"version": "9.8.7"}')
    for name in ('ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'):
        (folder / 'dist' / name).write_text(name)
    return folder


def read_settings(folder):
    return json.loads((folder / 'settings.json').read_text())


def test_the_page_holds_its_files_and_what_networks_say(networks, package, tmp_path, capsys):
    pose, detector = map(str, networks)
    out = tmp_path / 'site'
    words = ['--pose', pose, '--detector', detector, '--runtime', str(package), '--out', str(out)]
    assert main(['web', *words]) == 0
    assert f'wrote {out}: ' in ' '.join(capsys.readouterr().out.split())
    settings = read_settings(out)
    named = [settings[role]['file'] for role in ('pose', 'detector')]
    named += [settings['runtime'][part]['address'] for part in ('script', 'wasm')]
    for name in (*named, 'index.html', 'style.css', 'js/main.js', 'js/worker.js'):
        assert (out / name).is_file(), name
    assert (out / named[0]).read_bytes() == networks[0].read_bytes()
    script = settings['runtime']['script']
    digest = hashlib.sha384((out / script['address']).read_bytes()).digest()
    assert script['integrity'] == f'sha384-{base64.b64encode(digest).decode()}'
    assert settings['runtime']['version'] == '9.8.7'
    found = settings['pose']['description']
    assert found['codec']['refine'] == 'auto'  # arguments that the file leaves out
    assert found['shown']['keypoint_id2name'] == {'0': 'red', '1': 'blue'}
    assert settings['detector']['description']['codec']['max_people'] == 100
    assert 'jsdelivr' not in (out / 'index.html').read_text()


def test_without_networks_the_page_has_those_of_the_library(tmp_path):
    assert main(['web', '--out', str(tmp_path / 'site')]) == 0
    settings = read_settings(tmp_path / 'site')
    wanted = {'pose': DEFAULT_POSE, 'detector': DEFAULT_DETECTOR}
    for role, name in wanted.items():
        file = tmp_path / 'site' / settings[role]['file']
        assert file.read_bytes() == require_shipped(name).onnx.read_bytes()


def test_without_a_package_the_page_loads_a_pinned_release_by_hashes(networks, tmp_path):
    page = write_web_page(tmp_path / 'site', networks[0])
    parts = read_settings(page.folder)['runtime']
    for part in ('script', 'wasm'):
        assert parts[part]['address'].startswith('https://cdn.jsdelivr.net/npm/onnxruntime-web@')
        assert len(base64.b64decode(parts[part]['integrity'].removeprefix('sha384-'))) == 48
    text = (page.folder / 'index.html').read_text()
    assert "connect-src 'self' https://cdn.jsdelivr.net;" in text
    assert '@CONNECT@' not in text
    write_web_page(page.folder, networks[0])  # a page is replaced


@pytest.mark.parametrize(
    ('pose', 'detector', 'error', 'reason'),
    [
        ('detector.onnx', None, ConfigError, 'must be a pose network, got a detector'),
        ('pose.onnx', 'pose.onnx', ConfigError, 'must be a detector, got a pose network'),
        ('none.onnx', None, DataError, 'must be a readable ONNX file'),
        ('net.xml', None, ConfigError, 'must be .onnx files'),
    ],
)
def test_what_the_page_cannot_run_is_refused(networks, tmp_path, pose, detector, error, reason):
    folder = networks[0].parent
    with pytest.raises(error, match=reason):
        write_web_page(tmp_path / 'site', folder / pose, detector and folder / detector)
    assert not (tmp_path / 'site').exists()


def test_folders_of_other_things_are_refused(networks, tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(ConfigError, match='must be a new or empty folder'):
        write_web_page(tmp_path, networks[0])
    with pytest.raises(DataError, match='must be the unpacked npm package'):
        write_web_page(tmp_path / 'site', networks[0], runtime=tmp_path)
    with pytest.raises(ConfigError, match='must hold a page'):
        open_server(tmp_path)
    assert main(['web', '--out', str(tmp_path)]) == 2


def test_the_server_answers_this_machine_alone_with_types_and_headers(networks, tmp_path):
    page = write_web_page(tmp_path / 'site', networks[0])
    with open_server(page.folder, port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.server_address
        assert host == '127.0.0.1'
        with urlopen(f'http://{host}:{port}/js/main.js') as answer:
            assert answer.headers['Content-Type'] == 'text/javascript'
            assert answer.headers['Cross-Origin-Embedder-Policy'] == 'require-corp'
        server.shutdown()
