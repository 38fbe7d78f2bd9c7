"""The command posenas infer."""

import json
import os
import shutil
import signal
import sys

import pytest
from mmengine.logging import MMLogger

from posenas import visualization
from posenas.apis import PoseInferencer
from posenas.cli import main
from posenas.cli.infer import build_parser


@pytest.fixture
def infer(spot_config, spot_checkpoint, tmp_path):
    def run(*words, out='out'):
        options = ['--config', str(spot_config), '--checkpoint', str(spot_checkpoint)]
        options += ['--device', 'cpu', '--out-dir', str(tmp_path / out)]
        return main(['infer', *options, *map(str, words)])  # the last of two options counts

    return run


def test_a_folder_gives_pictures_and_json_and_bad_images_are_counted(
    infer, image_folder, tmp_path, capsys
):
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({'a.png': [[15, 15, 75, 95], [125, 15, 185, 100]]}))
    code = infer(
        image_folder, '--boxes', boxes, '--kpt_thr', '0.1', '--draw-bbox', '--draw-heatmap'
    )
    assert code == 0
    out = tmp_path / 'out'
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob('*.*'))
    assert names == [
        *('predictions/a.json', 'predictions/b.json'),
        *('visualizations/a.png', 'visualizations/b.png'),
    ]
    assert len(json.loads((out / 'predictions/a.json').read_text())) == 2
    captured = capsys.readouterr()
    assert '2 images, 2 people' in captured.out
    assert 'could not be read: 1 inputs' in captured.out
    assert 'neither pictures nor videos: 1 in the folders (notes.txt)' in captured.out
    assert 'have no boxes: 1 image' in captured.out


def test_a_video_and_images_go_through_in_one_call(infer, image_folder, video_file, tmp_path):
    assert infer(image_folder / 'a.png', video_file, '--batch-size', '2') == 0
    assert (tmp_path / 'out/predictions/clip.json').is_file()
    assert (tmp_path / 'out/visualizations/clip.mp4').is_file()
    assert (tmp_path / 'out/predictions/a.json').is_file()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['none.jpg'], 'none.jpg'),
        (['{folder}/broken.jpg'], 'broken.jpg'),
        (['{folder}/a.png', '--boxes', '{folder}/notes.txt'], 'notes.txt'),
        (['{folder}/a.png', '--device', 'nonsense'], 'device must exist'),
        (['{folder}/a.png', '--cfg-options', 'model.backbone.type=SpotNot'], 'SpotNet'),
    ],
)
def test_mistakes_end_with_one_line_and_code_2(infer, image_folder, capsys, words, message):
    words = [word.format(folder=image_folder) for word in words]
    code = infer(*words)
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert 'Traceback' not in error


def test_ctrl_c_leaves_whole_files_and_counts_what_was_not_reached(
    infer, image_folder, video_file, tmp_path, capsys, monkeypatch
):
    predict = PoseInferencer.predict

    def interrupted(*args, **options):
        for found in predict(*args, **options):
            if not found.frame.position:
                signal.raise_signal(signal.SIGINT)
            yield found

    monkeypatch.setattr(PoseInferencer, 'predict', interrupted)
    inputs = [video_file, *[image_folder / 'a.png'] * 30]
    assert infer(*inputs, '--batch-size', '1', '--format', 'json', 'csv') == 130
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    out = capsys.readouterr().out
    summary = next(line for line in out.splitlines() if 'not reached' in line)
    assert 'stopped before the end' in out
    looked = int(summary.split()[0])
    rows = (tmp_path / 'out/predictions/keypoints.csv').read_text().splitlines()
    assert 1 <= looked < 33
    assert len(rows) == 1 + looked
    frames = json.loads((tmp_path / 'out/predictions/clip.json').read_text())['instance_info']
    assert len(frames) == min(looked, 3)


def test_a_second_ctrl_c_in_the_middle_of_writing_leaves_whole_files(
    infer, image_folder, video_file, tmp_path, capsys, monkeypatch
):
    write, written = visualization.write_picture, []

    def interrupted(path, picture):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        write(path, picture)

    monkeypatch.setattr(visualization, 'write_picture', interrupted)
    inputs = [video_file, *[image_folder / 'a.png'] * 5]
    assert infer(*inputs, '--batch-size', '1', '--format', 'json', 'csv', 'coco') == 130
    assert 'ended by SIGINT' in capsys.readouterr().err
    out = tmp_path / 'out'
    rows = (out / 'predictions/keypoints.csv').read_text().splitlines()
    assert len(rows) == 1 + 3 + 2
    assert len(json.loads((out / 'predictions/results.keypoints.json').read_text())) == 3 + 2
    assert len(json.loads((out / 'predictions/clip.json').read_text())['instance_info']) == 3
    assert (out / 'visualizations/clip.mp4').is_file()
    assert not list(out.rglob('.*'))


def test_nothing_readable_is_an_error(infer, image_folder, tmp_path, capsys):
    (tmp_path / 'empty.jpg').touch()
    assert infer(image_folder / 'broken.jpg', tmp_path / 'empty.jpg') == 2
    assert 'at least one of 2 inputs' in capsys.readouterr().err


def test_old_and_new_spellings_are_understood():
    parser = build_parser()
    common = ['a.jpg', '--checkpoint', 'c.pth']
    assert parser.parse_args([*common, '--model', 'body', '--out_dir', 'o']).config == 'body'
    assert parser.parse_args([*common, '--config', 'body']).out == 'outputs/infer'


@pytest.mark.skipif(sys.platform != 'linux', reason='names of files are bytes on Linux alone')
def test_names_that_are_not_utf8_are_looked_at_like_others(
    infer, image_folder, video_file, tmp_path, capsys
):
    MMLogger._instance_dict.clear()  # those of earlier tests write to their streams
    latin = os.fsdecode(b'b\xe4r')
    folder = tmp_path / latin
    folder.mkdir()
    shutil.copy(image_folder / 'a.png', folder / f'{latin}.png')
    shutil.copy(video_file, folder / f'{latin}.avi')
    shutil.copy(image_folder / 'broken.jpg', folder / f'{latin}.jpg')
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({f'{latin}.png': [[15, 15, 75, 95]]}))
    assert infer(folder, '--boxes', boxes, '--out-dir', str(folder / 'out')) == 0
    for kind in ('visualizations', 'predictions'):
        assert len(list((folder / 'out' / kind).iterdir())) == 2
    assert 'Traceback' not in capsys.readouterr().err
