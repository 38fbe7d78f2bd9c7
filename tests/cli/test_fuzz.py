"""Whatever is in a file, a command that reads it ends well, or with one line that says why not."""

import contextlib
import io
import json
import shutil
import signal
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pytest
import yaml
from cli.mutations import spoil
from convert import yaml_samples as samples
from datasets.releases.test_mpii import array_of, image, person
from exported_spots import write_spot_net
from posetrack_videos import as_results, make_video_file
from registry_cases import tiny_experiment
from scipy.io import savemat
from search.derived_samples import write_experiment
from search.latency.test_latency import SPACES, plan_table
from search.search_samples import write_archive, write_sampled_search
from source_files import ROOT
from tiny_data import write_mpii_people

from posenas.cli import COMMANDS, main
from posenas.genotype import save_genotype
from posenas.search.latency.measure import draw_genotypes
from posenas.utils.config import load_config

#: Command, with {} for a spoilt copy of the file behind it.
FUZZED = {
    'train {}': 'sound.json',
    'train sound.json --load-from {}': 'weights.pth',
    'train sound.json --resume {}': 'weights.pth',
    'distill --student {} --teacher sound.json --teacher-checkpoint weights.pth': 'sound.json',
    'distill --student sound.json --teacher {} --teacher-checkpoint weights.pth': 'sound.json',
    'distill --student sound.json --teacher sound.json --teacher-checkpoint {}': 'weights.pth',
    'distill --student sound.json --teacher sound.json --teacher-checkpoint weights.pth '
    '--unlabelled {}': 'people.json',
    'test {} weights.pth': 'sound.json',
    'test sound.json {}': 'weights.pth',
    'infer {} --config sound.json --checkpoint weights.pth': '001.jpg',
    'infer {} 002.jpg --config sound.json --checkpoint weights.pth': 'video.avi',
    'infer 001.jpg --config {} --checkpoint weights.pth': 'sound.json',
    'infer 001.jpg --config sound.json --checkpoint {}': 'weights.pth',
    'infer 001.jpg --config sound.json --checkpoint weights.pth --boxes {}': 'boxes.json',
    'infer 001.jpg --checkpoint {}': 'net.onnx',
    'visibility sound.json weights.pth --out out/v.json --train people.json --val {} --images .': (
        'people.json'
    ),
    'web --pose {} --out out': 'net.onnx',
    'eval coco results.json --gt {}': 'people.json',
    'eval coco {} --gt people.json': 'results.json',
    'eval crowdpose {} --gt people.json': 'results.json',
    'eval pck {} --gt people.json': 'results.json',
    'eval compare results.json {} --gt people.json --bootstrap 2': 'results.json',
    'eval mpii mpii.mat --gt {}': 'heads.mat',
    'eval mpii {} --gt heads.mat': 'mpii.mat',
    'eval posetrack videos --gt {}': 'videos/000001_mpii_test.json',
    'browse {} --num 1 --not-show': 'sound.json',
    'export {} weights.pth --out out.onnx': 'sound.json',
    'export sound.json {} --out out.onnx': 'weights.pth',
    'convert {} out.py': 'hrnet.yaml',
    'convert {} out.pth': 'weights.pth',
    'genotype show {}': 'genotype.json',
    'genotype convert {} out.txt': 'genotype.json',
    'genotype draw {} out.svg': 'genotype.json',
    'genotype compare genotype.json {}': 'genotype.json',
    'genotype embed {} posenas_l18_c48_coco_256x192 out.py': 'genotype.json',
    'genotype embed genotype.json {} out.py': 'sound.json',
    'search show {}': 'archive.jsonl',
    'search rank archive.jsonl --trained {}': 'archive.jsonl',
    'search sample {} out.json --like like.json': 'sampled.json',
    'search sample sampled.json out.json --like {}': 'like.json',
    'latency predict {} vipnas.json': 'table.json',
    'latency predict table.json {}': 'vipnas.json',
    'derive {} whole.pth out': 'supernet.json',
    'derive supernet.json {} out': 'supernet.pth',
    'derive supernet.json supernet.pth out --genotype {}': 'genotype.json',
    'derive supernet.json supernet.pth out --archive {}': 'archive.jsonl',
    'prune {} whole.pth out': 'whole.json',
    'prune whole.json {} out': 'whole.pth',
    'prune-threshold {} whole.pth out --threshold 0.3 --no-eval': 'whole.json',
    'summary {}': 'sound.json',
    'dataset init {} --images . --out out.py': 'people.json',
    'dataset convert lsp {} --out out': 'joints.mat',
    'dataset convert mpii {} --out out': 'release.mat',
    'dataset convert yolo-pose {} --out out': 'yolo.yaml',
    'check-data {} --images .': 'people.json',
    'check-data {}': 'sound.json',
    'benchmark data {} --num-samples 1 --repeat 1': 'sound.json',
    'benchmark evaluation {} --num-results 5 --empty-images 0': 'people.json',
}
#: Commands that train, export or write configs, which takes seconds.
NOT_FUZZED = {'demo', 'doctor', 'models', 'compare', 'completion'}
#: Commands that train or write configs, which takes seconds.
SLOW = {'train', 'distill', 'prune', 'prune-threshold', 'derive', 'search', 'browse'}
#: Seconds that one command may take.
_LIMIT = 120


class TooLong(BaseException):
    """A command went on and on."""


@pytest.fixture(scope='module')
def sound(tmp_path_factory):
    """A folder with sound files of every kind, in which a training has ended."""
    folder = tmp_path_factory.mktemp('fuzz')
    config = tiny_experiment(folder)
    write_config(folder / 'sound.json', config)
    write_people_files(folder)
    write_releases(folder)
    write_searches(folder)
    write_spot_net(folder / 'net.onnx')
    video = cv2.VideoWriter(
        str(folder / 'video.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 25, (64, 64)
    )
    for shade in range(4):
        video.write(np.full((64, 64, 3), 50 * shade, np.uint8))
    video.release()
    with contextlib.chdir(folder), silence():
        assert main(['train', 'sound.json']) == 0
    shutil.copy(folder / 'work/epoch_1.pth', folder / 'weights.pth')
    return folder


def write_config(path, config):
    plain = config.to_dict()
    path.write_text(json.dumps(plain))


def write_people_files(folder):
    labels = json.loads((folder / 'people.json').read_text())
    keys = ('image_id', 'category_id', 'keypoints')
    rows = [{key: each[key] for key in keys} | {'score': 0.5} for each in labels['annotations']]
    (folder / 'results.json').write_text(json.dumps(rows))
    (folder / 'boxes.json').write_text(
        json.dumps({'001.jpg': [[5, 5, 60, 90], [1, 2, 30, 40, 0.5]]})
    )
    write_mpii_people(folder / 'mpii', headboxes=folder / 'heads.mat')
    savemat(folder / 'mpii.mat', dict(preds=np.random.default_rng(0).uniform(5, 90, (4, 16, 2))))
    (folder / 'videos').mkdir()
    video = make_video_file()
    (folder / 'videos/000001_mpii_test.json').write_text(json.dumps(as_results(video, 0)))


def write_releases(folder):
    points = [(i, 10.0 + i, 20.0 + 2 * i) for i in range(16)]
    release = dict(
        annolist=array_of([image('001.jpg', [person(points)]), image('002.jpg', [])]),
        img_train=np.array([[1, 0]]),
        single_person=np.array([[1.0], [np.zeros((0, 0))]], object),
    )
    savemat(folder / 'release.mat', dict(RELEASE=release))
    joints = np.random.default_rng(0).uniform(20, 60, (3, 14, 4))
    savemat(folder / 'joints.mat', dict(joints=joints))
    for name in ('images', 'labels'):
        (folder / name).mkdir()
    for number in range(1, 5):
        shutil.copy(folder / '001.jpg', folder / f'images/im{number:04}.jpg')
        (folder / f'labels/im{number:04}.txt').write_text('0 .5 .5 .2 .2 ' + '.5 .5 2 ' * 5)
    yolo = dict(path='.', train='images', val='images', kpt_shape=[5, 3], names={0: 'person'})
    (folder / 'yolo.yaml').write_text(yaml.safe_dump(yolo))


def write_searches(folder):
    shutil.copy(ROOT / 'tests/golden/posenas/genotype_released.json', folder / 'genotype.json')
    write_archive(folder, [dict(AP=0.1), dict(AP=0.3), dict(AP=0.2)], [100, 200, 300])
    write_config(folder / 'sampled.json', load_config(write_sampled_search(folder)[0]))
    for name, kind in (('whole', 'TopdownPoseEstimator'), ('supernet', 'CNFSupernet')):
        (folder / name).mkdir()
        config, weights = write_experiment(folder / name, kind)
        write_config(folder / f'{name}.json', load_config(config))
        shutil.copy(weights, folder / f'{name}.pth')
    table = plan_table(SPACES['tiny'])
    table.save(folder / 'table.json')
    save_genotype(draw_genotypes(SPACES['tiny'], 1, seed=1)[0], folder / 'vipnas.json')
    (folder / 'hrnet.yaml').write_text(yaml.safe_dump(samples.hrnet(32)))


@contextlib.contextmanager
def silence():
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def run(words):
    """Run a command; return its status and what it wrote to standard error."""

    def leave(*_):
        raise TooLong

    said = io.StringIO()
    before = signal.signal(signal.SIGALRM, leave)
    signal.alarm(_LIMIT)
    try:
        with silence(), contextlib.redirect_stderr(said):
            status = main(words)
    except SystemExit as stop:
        status = stop.code
    except TooLong:
        status = f'over {_LIMIT} s'
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return status, said.getvalue()


def find_faults(folder, line, number):
    """Run a command on so many spoilt copies of its file; tell which end badly."""
    name = Path(FUZZED[line])
    spoilt = name.with_name(f'spoilt{name.suffix}')
    faults = []
    with contextlib.chdir(folder):
        for seed in range(number):
            spoil(name, spoilt, np.random.default_rng([seed, crc32(line.encode())]))
            status, said = run(line.format(spoilt).split())
            if status not in (0, 1, 2) or 'Traceback' in said or (status == 2 and not said):
                kept = f'fault{len(faults)}_{crc32(line.encode())}{name.suffix}'
                shutil.copy(spoilt, kept)
                faults.append((seed, status, said[-300:], kept))
            for rest in ('out', 'work_dirs', 'work', 'browse'):
                shutil.rmtree(rest, ignore_errors=True)
    return faults


def test_every_command_that_reads_a_file_is_fuzzed():
    assert {line.split()[0] for line in FUZZED} == COMMANDS.keys() - NOT_FUZZED


def test_some_spoilt_files_are_refused_or_read(sound):
    quick = [line for line in FUZZED if line.split()[0] not in SLOW]
    assert not [fault for line in quick for fault in find_faults(sound, line, 1)]


@pytest.mark.slow
@pytest.mark.parametrize('command', sorted(COMMANDS.keys() - NOT_FUZZED))
def test_300_spoilt_files_are_refused_or_read(sound, command):
    lines = [line for line in FUZZED if line.split()[0] == command]
    number = -(-300 // len(lines))
    assert not [fault for line in lines for fault in find_faults(sound, line, number)]
