"""posenas benchmark: what it prints; how fast anything is, is no matter of a test."""

import pytest
from registry_cases import tiny_experiment

from posenas.cli import main
from posenas.cli.benchmark import measure_imports


@pytest.fixture
def experiment(tmp_path):
    path = tmp_path / 'tiny.py'
    tiny_experiment(tmp_path).dump(path)
    return str(path)


def test_the_data_of_a_config_are_measured(experiment, capsys):
    assert main(['benchmark', 'data', experiment, '--repeat', '2', '--num-samples', '3']) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ('persons', 'reading annotations', 'sample / bound'))
    assert '3 samples, median of 2' in text


def test_annotations_can_be_measured_without_images(experiment, tmp_path, capsys):
    for image in tmp_path.glob('*.jpg'):
        image.unlink()
    words = ['--split', 'val', '--annotations_only']
    assert main(['benchmark', 'data', experiment, *words]) == 0
    text = capsys.readouterr().out
    assert 'reading annotations' in text
    assert 'sample / bound' not in text


def test_imports_are_timed_in_fresh_processes(monkeypatch, capsys):
    from posenas.cli import benchmark

    monkeypatch.setattr(benchmark, '_IMPORTS', {'nothing': 'pass', 'json': 'import json'})
    assert all(seconds > 0 for seconds in measure_imports(1).values())
    assert main(['benchmark', 'import', '--repeat', '1']) == 0
    assert 'json' in capsys.readouterr().out


def test_a_repeat_of_zero_is_refused(capsys):
    assert main(['benchmark', 'import', '--repeat', '0']) == 2
    assert '--repeat' in capsys.readouterr().err
