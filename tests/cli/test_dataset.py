import pytest

from posenas import cli
from posenas.cli.dataset import build_parser, main


def test_the_command_draws_a_data_set_and_says_where(tmp_path, capsys):
    out = tmp_path / 'set'
    sizes = ['--size', '96', '64', '--num_frames', '2', '--jobs', '1']
    counts = ['--num-images', '2', '--num-videos', '1']
    assert main(['synthetic', '--out', str(out), *counts, *sizes]) == 0
    assert sorted(path.name for path in (out / 'images').iterdir()) == ['000000.jpg', '000001.jpg']
    assert len(list((out / 'videos' / '000000').iterdir())) == 2
    printed = capsys.readouterr().out.replace('\n', '')
    assert str(out / 'annotations' / 'person_keypoints.json') in printed
    assert str(out / 'annotations' / 'person_keypoints_videos.json') in printed


@pytest.mark.parametrize('options', [['--num-images', '0'], ['--num-images', '1', '--jobs', '0']])
def test_counts_that_mean_nothing_are_a_usage_error(tmp_path, options, capsys):
    with pytest.raises(SystemExit):
        raise SystemExit(
            cli.main(['dataset', 'synthetic', '--out', str(tmp_path / 'set'), *options])
        )
    assert 'must be at least 1' in capsys.readouterr().err


def test_a_folder_in_use_is_a_usage_error(tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    assert cli.main(['dataset', 'synthetic', '--out', str(tmp_path), '--num-images', '1']) == 2
    assert 'new or empty folder' in capsys.readouterr().err


def test_the_kind_is_required(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args([])
    assert 'KIND' in capsys.readouterr().err
