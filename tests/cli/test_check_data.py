import json

import pytest
from tiny_data import write_boxes, write_mpii_people, write_people, write_posetrack_people

from posenas.apis.checking import _name_parts
from posenas.cli.check_data import main


@pytest.fixture
def people(tmp_path):
    write_people(tmp_path, num_images=4, seed=2)  # upright enough to arouse no suspicion
    return tmp_path


def run(*words):
    return main([str(word) for word in words])


def test_good_data_passes_and_leaves_a_report(people, capsys):
    assert run(people / 'people.json', '--out', people / 'report.json') == 0
    assert 'nothing wrong was found' in capsys.readouterr().out
    (report,) = json.loads((people / 'report.json').read_text())
    assert report['statistics']['persons'] == 4
    assert report['findings'] == []


def test_what_the_data_hold_is_drawn(people, capsys):
    options = ('--skip-images', '--out', people / 'report.json', '--out-dir', people / 'charts')
    assert run(people / 'people.json', *options) == 0
    names = {'box_sizes.png', 'joints_per_person.png', 'visibility.png', 'mean_pose.png'}
    assert {path.name for path in (people / 'charts').iterdir()} == names
    assert capsys.readouterr().out.count('drawn: ') == 4


def test_charts_of_a_config_lie_in_a_folder_for_each_file(people):
    config = _config(people)
    (people / 'other.json').write_bytes((people / 'people.json').read_bytes())
    config.write_text(config.read_text().replace('people.json', 'other.json', 1))
    options = ('--skip-images', '--out', people / 'report.json', '--out-dir', people / 'charts')
    assert run(config, *options) == 0
    assert sorted(path.name for path in (people / 'charts').iterdir()) == ['other', 'people']


def test_files_of_one_name_do_not_share_a_folder():
    assert _name_parts(['a.json']) == ['']
    assert _name_parts(['train/a.json', 'val/a.json', 'b.json']) == ['train_a', 'val_a', 'b']
    assert _name_parts(['x/val/a.json', 'y/val/a.json']) == ['val_a', 'val_a_1']


@pytest.mark.parametrize('has_git', [False, True])
def test_the_report_is_copied_to_its_old_place_where_git_is_not_used(has_git, people, monkeypatch):
    monkeypatch.chdir(people)
    if has_git:
        (people / '.git').mkdir()
    assert run('people.json', '--skip-images') == 0
    assert (people / 'outputs/check-data/check_data.json').is_file()
    assert (people / 'check_data.json').is_file() != has_git


def test_broken_data_fails_and_names_what_is_broken(people, capsys):
    (people / '002.jpg').write_bytes(b'')
    assert run(people / 'people.json', '--out', people / 'report.json') == 1
    assert 'unreadable image' in capsys.readouterr().out
    (report,) = json.loads((people / 'report.json').read_text())
    assert report['counts'] == [dict(severity='error', kind='unreadable image', number=1)]
    assert report['findings'][0]['place'] == '002.jpg'


def test_images_may_be_elsewhere_or_left_alone(people):
    out = ('--out', people / 'report.json')
    elsewhere = ('--images', people / 'nowhere')
    (people / 'nowhere').mkdir()
    assert run(people / 'people.json', *elsewhere, *out) == 1
    assert run(people / 'people.json', *elsewhere, '--skip-images', *out) == 0


def _config(people, **dataset):
    base = dict(type='CocoDataset', data_root=str(people), ann_file='people.json')
    loader = dict(batch_size=2, dataset=base)
    tested = dict(batch_size=2, dataset=dict(base, test_mode=True, **dataset))
    path = people / 'config.py'
    path.write_text(
        f"default_scope = 'posenas'\ntrain_dataloader = {loader!r}\nval_dataloader = {tested!r}\n"
    )
    return path


def test_the_data_sets_of_a_config_are_checked(people):
    boxes = people / 'boxes.json'
    write_boxes(people / 'people.json', boxes)
    out = people / 'report.json'
    assert run(_config(people, bbox_file=str(boxes)), '--out', out) == 0
    reports = json.loads(out.read_text())
    assert [report['statistics']['samples'] for report in reports] == [4, 4]


def _config_of(folder, kind, ann_file, **dataset):
    loader = dict(
        dataset=dict(
            type=kind, ann_file=str(ann_file), data_prefix=dict(img=str(folder)), **dataset
        )
    )
    path = folder / 'config.py'
    path.write_text(f"default_scope = 'posenas'\ntrain_dataloader = {loader!r}\n")
    return path


def test_other_layouts_are_checked_as_their_data_sets_read_them(tmp_path):
    write_mpii_people(tmp_path / 'mpii')
    write_posetrack_people(tmp_path / 'posetrack', annotations='labels/v1.json', seed=2)
    unlabelled = json.loads(write_people(tmp_path / 'boxes').read_text())
    for annotation in unlabelled['annotations']:
        annotation.pop('keypoints')
    (tmp_path / 'boxes' / 'people.json').write_text(json.dumps(unlabelled))
    out = tmp_path / 'report.json'
    for folder, kind, file in (
        ('mpii', 'MpiiDataset', 'people.json'),
        ('posetrack', 'PoseTrack18Dataset', 'labels'),
        ('boxes', 'UnlabelledTopdownDataset', 'people.json'),
    ):
        config = _config_of(tmp_path / folder, kind, tmp_path / folder / file)
        assert run(config, '--out', out) == 0, kind
        (report,) = json.loads(out.read_text())
        assert (report['statistics']['samples'], report['statistics']['images decoded']) == (4, 4)


def test_people_that_a_data_set_loses_by_its_own_rule_are_reported(tmp_path):
    content = json.loads(write_people(tmp_path, skeleton='jhmdb', seed=2).read_text())
    content['annotations'][0]['bbox'] = [96, 10, 5, 50]  # of pixels that count from 1
    (tmp_path / 'people.json').write_text(json.dumps(content))
    out = tmp_path / 'report.json'
    config = _config_of(tmp_path, 'JhmdbDataset', tmp_path / 'people.json')
    assert run(config, '--skip-images', '--out', out) == 1
    (report,) = json.loads(out.read_text())
    assert report['statistics']['samples'] == 3


def test_areas_of_0_are_an_error_where_the_data_set_leaves_such_people_out(people):
    content = json.loads((people / 'people.json').read_text())
    content['annotations'][0]['area'] = 0
    (people / 'people.json').write_text(json.dumps(content))
    out = people / 'report.json'
    assert run(people / 'people.json', '--skip-images', '--out', out) == 0
    config = _config_of(people, 'CocoDataset', people / 'people.json', generation='0.x')
    assert run(config, '--skip-images', '--out', out) == 1
    assert 'area 0, left out' in out.read_text()


def test_images_that_were_not_decoded_do_not_count_as_decoded(people):
    (people / '002.jpg').unlink()
    assert run(people / 'people.json', '--out', people / 'report.json') == 1
    (report,) = json.loads((people / 'report.json').read_text())
    counts = report['statistics']
    assert (counts['images decoded'], counts['images not decoded']) == (3, 1)


def test_boxes_that_a_data_set_refuses_are_an_error(people, capsys):
    boxes = people / 'boxes.json'
    boxes.write_text('[{"image_id": 1, "bbox": [1, 2], "score": 1}]')
    out = ('--out', people / 'report.json')
    assert run(_config(people, bbox_file=str(boxes)), '--skip-images', *out) == 1
    assert 'refused by the' in capsys.readouterr().out


def test_a_number_of_threads_below_one_is_refused(people, capsys):
    with pytest.raises(SystemExit):
        run(people / 'people.json', '--threads', 0)
    assert '--threads must be at least 1' in capsys.readouterr().err


def test_names_that_look_like_markup_are_shown_as_they_are(people, capsys):
    content = json.loads((people / 'people.json').read_text())
    content['images'][0]['file_name'] = 'cam[a]/[/b].jpg'
    (people / 'people.json').write_text(json.dumps(content))
    assert main([str(people / 'people.json')]) == 1
    assert 'cam[a]/[/b].jpg' in capsys.readouterr().out
