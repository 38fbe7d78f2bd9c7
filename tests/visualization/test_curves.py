import json

import mmcv
import pytest

from posenas.utils import DataError
from posenas.visualization import draw_curves, read_scalars

TRAINING = [
    dict(lr=1e-3, loss=1 / n, loss_kpt=1 / n, acc_pose=0.1 * n, time=0.2, epoch=1, iter=n, step=n)
    for n in range(1, 6)
]
VALIDATION = [{'coco/AP': 0.1 * n, 'data_time': 0.1, 'time': 0.2, 'step': n} for n in (1, 2)]


@pytest.fixture
def work_dir(tmp_path):
    folder = tmp_path / 'work' / '20260101_000000' / 'vis_data'
    folder.mkdir(parents=True)
    lines = [json.dumps(record) for record in (*TRAINING, *VALIDATION)]
    (folder / 'scalars.json').write_text('\n'.join(lines) + '\n')
    return tmp_path / 'work'


def test_scalars_are_read_by_name_with_their_steps(work_dir):
    curves = read_scalars(work_dir)
    assert curves['loss'] == ([1, 2, 3, 4, 5], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert curves['coco/AP'] == ([1, 2], [0.1, 0.2])
    assert not {'epoch', 'iter', 'step'} & set(curves)


def test_curves_are_drawn_one_panel_each(work_dir, tmp_path):
    file = tmp_path / 'out' / 'curves.png'
    draw_curves(work_dir, file, title='a run', reference={'coco/AP': 0.15})
    wide = mmcv.imread(str(file))
    draw_curves(work_dir, file, names=['loss'])
    narrow = mmcv.imread(str(file))
    assert wide.shape[1] == 3 * narrow.shape[1]
    assert wide.std() > 0


def test_curve_that_does_not_exist_is_refused(work_dir, tmp_path):
    with pytest.raises(DataError, match=r'must be among .* got'):
        draw_curves(work_dir, tmp_path / 'x.png', names=['coco/AR'])


def test_missing_or_broken_file_is_refused(tmp_path):
    with pytest.raises(DataError, match='found none'):
        read_scalars(tmp_path)
    (tmp_path / 'scalars.json').write_text('{"loss": 1, "step": 1}\nbroken\n')
    with pytest.raises(DataError, match='line 2 of'):
        read_scalars(tmp_path / 'scalars.json')


def test_a_last_line_that_a_killed_training_left_unfinished_is_ignored(tmp_path):
    lines = [f'{{"loss": {step}.5, "step": {step}}}' for step in range(3)]
    for text, steps in ((f'{lines[0]}\n{lines[1]}', 2), (f'{lines[0]}\n{lines[1][:-3]}', 1)):
        (tmp_path / 'scalars.json').write_text(text)
        assert len(read_scalars(tmp_path)['loss'][0]) == steps
