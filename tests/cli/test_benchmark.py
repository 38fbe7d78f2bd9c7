"""posenas benchmark: what it prints; how fast anything is, is no matter of a test."""

import json
from types import SimpleNamespace

import pytest
from exported_spots import write_box_net, write_spot_net
from registry_cases import tiny_experiment
from tiny_data import write_people

from posenas.benchmarks import benchmark_runtime, list_networks, measure_imports
from posenas.cli import main
from posenas.evaluation.functional import evaluate_keypoints
from posenas.skeletons import COCO


@pytest.fixture
def experiment(tmp_path):
    path = tmp_path / 'tiny.py'
    tiny_experiment(tmp_path).dump(path)
    return str(path)


def test_the_data_of_a_config_are_measured(experiment, capsys):
    assert main(['benchmark', 'data', experiment, '--repeat', '2', '--num-samples', '3']) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ('people', 'reading annotations', 'sample / bound'))
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
    statements = {'nothing': 'pass', 'json': 'import json'}
    monkeypatch.setattr('posenas.benchmarks.imports.STATEMENTS', statements)
    assert all(seconds > 0 for seconds in measure_imports(1).values())
    assert main(['benchmark', 'import', '--repeat', '1']) == 0
    assert 'json' in capsys.readouterr().out


@pytest.mark.parametrize('words', [['import', '--repeat', '0'], ['forward', '--threads', '1', '0']])
def test_numbers_below_one_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        main(['benchmark', *words])
    assert f'{words[1]} must be at least 1' in capsys.readouterr().err


def test_networks_are_timed_in_both_forms(experiment, tmp_path, capsys):
    out = tmp_path / 'times.json'
    names = ['tiny_synthetic_128x96', 'res18_synthetic_128x96']
    words = ['--threads', '1', '2', '--batch', '2', '--repeat', '2', '--json', str(out)]
    assert main(['benchmark', 'forward', *names, *words]) == 0
    text = capsys.readouterr().out
    assert len({len(line) for line in text.splitlines() if '128x96' in line}) == 1
    rows = json.loads(out.read_text())
    assert [(row['network'], row['threads']) for row in rows] == [
        (name, threads) for name in names for threads in (1, 2)
    ]
    assert all(row[f'{form} ms'] > 0 for row in rows for form in ('eval', 'fused', 'bound'))
    assert rows[2]['GMACs'] == pytest.approx(0.7243, abs=1e-4)


def test_networks_are_chosen_by_family():
    names = [config.stem for config in list_networks(family='dite-hrnet')]
    assert len(names) == 6
    assert all(name.startswith('ditehrnet_') for name in names)
    everything = [config.stem for config in list_networks()]
    assert set(names) < set(everything)
    assert not any('synthetic' in name for name in everything)


@pytest.mark.parametrize('words', [['resnet_5O'], ['--family', 'nonet']])
def test_unknown_networks_are_refused(words, capsys):
    assert main(['benchmark', 'forward', *words]) == 2
    assert words[-1] in capsys.readouterr().err


def test_an_evaluation_of_drawn_results_is_timed_and_can_be_written(tmp_path, capsys):
    labels = write_people(tmp_path, num_images=6)
    words = ['--num-results', '50', '--empty-images', '3', '--out', str(tmp_path / 'out')]
    assert main(['benchmark', 'evaluation', str(labels), *words]) == 0
    text = capsys.readouterr().out
    assert '50 results, 9 images' in text
    truth, results = (
        json.loads((tmp_path / 'out' / name).read_text())
        for name in ('ground_truth.json', 'results.json')
    )
    average = evaluate_keypoints(truth, results, COCO.sigmas)['AP']
    assert 0 < average < 1
    assert f'{average:.6f}' in text


def test_decoding_is_timed_against_a_network(experiment, capsys):
    words = ['--num-samples', '2', '--repeat', '1', '--network', 'tiny_synthetic_128x96']
    assert main(['benchmark', 'decode', *words]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ('quarter shift', 'DARK', 'UDP', 'the lower bound'))


def test_a_distillation_is_measured_against_the_student_alone(experiment, capsys):
    assert main(['benchmark', 'distillation', experiment, experiment, '--repeat', '1']) == 0
    table = capsys.readouterr().out
    for row in ('student alone', "teacher's inference", 'distilled', 'teacher with gradients'):
        assert row in table


def test_a_network_is_timed_in_every_engine_and_end_to_end(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_spot_net('spots.onnx')
    words = ['spots.onnx', '--repeat', '2', '--batch', '2', '--json', 'runtime.json']
    assert main(['benchmark', 'runtime', *words]) == 0
    printed = capsys.readouterr().out
    assert 'threads: 1, median of 2' in printed
    rows = json.loads((tmp_path / 'runtime.json').read_text())
    found = {(row['form'], row['task']) for row in rows if 'bf16' not in row['form']}
    tasks = ('forward', 'end to end', 'end to end, flip')
    assert found >= {(f'{e} f32', task) for e in ('onnxruntime', 'openvino') for task in tasks}
    assert all(0 < row['median_ms'] <= row['p95_ms'] for row in rows)
    assert {row['ratio'] for row in rows if row['form'] == 'onnxruntime f32'} == {1.0}


@pytest.mark.parametrize(
    ('options', 'message'),
    [('--compile', '--compile needs a config'), ('--json .', '--json: . must be writable')],
)
def test_what_cannot_be_done_is_told_before_anything_is_timed(options, message, capsys):
    assert main(['benchmark', 'runtime', 'none.onnx', *options.split()]) == 2
    assert message in capsys.readouterr().err


def test_pytorch_takes_turns_with_the_engines(monkeypatch):
    def export(network, file, name):
        write_spot_net(file)
        return SimpleNamespace(proof=None)

    monkeypatch.setattr('posenas.benchmarks.runtime_forms.export_model', export)
    found = benchmark_runtime(['tiny_synthetic_128x96'], num_rounds=1)
    forms = ['torch eval', 'torch channels last', 'torch fused', 'onnxruntime f32', 'openvino f32']
    assert [cost.form for cost in found if cost.task == 'forward'][:5] == forms
    assert all(cost.file_mb == 0 for cost in found if 'torch' in cost.form)


def test_networks_are_compared_with_the_first_and_do_only_what_they_can(tmp_path):
    people, spots = write_box_net(tmp_path / 'boxes.onnx'), write_spot_net(tmp_path / 'spots.onnx')
    found = benchmark_runtime([spots, people], num_rounds=2)
    tasks = {each.task for each in found if each.network == 'boxes'}
    assert tasks == {'forward', 'end to end'}
    for each in found:
        if each.network == 'spots':
            assert each.cost == 1
        else:
            assert each.cost > 0


def test_networks_of_one_file_name_are_told_apart(tmp_path):
    files = [tmp_path / folder / 'net.onnx' for folder in ('a', 'b')]
    for file in files:
        file.parent.mkdir()
        write_spot_net(file)
    found = benchmark_runtime(files, num_rounds=1, end_to_end=False)
    assert {each.network for each in found} == set(map(str, files))


@pytest.mark.slow
def test_a_detector_is_timed_in_pytorch_too():
    found = benchmark_runtime(['center_box_people_576x576'], num_rounds=1)
    assert {each.task for each in found if each.form == 'torch eval'} == {'forward', 'end to end'}


@pytest.mark.slow
def test_networks_for_videos_are_timed_over_a_period():
    found = benchmark_runtime(['t_tiny_synthetic_video_128x96'], num_rounds=1)
    assert {each.task for each in found} == {'forward'}
    assert {each.form for each in found} >= {'torch eval', 'onnxruntime f32', 'openvino f32'}
    assert all(each.median_ms > 0 for each in found)
