"""Testing from the command line: metrics chosen, files written, layers fused."""

import json
import pickle

import numpy as np
import pytest
from evaluation.metrics.samples import mpii_samples
from mmengine.config import Config
from registry_cases import tiny_experiment

from posenas.cli import main
from posenas.cli.test import build_parser, configure
from posenas.registry import DATASETS, METRICS
from posenas.utils.errors import ConfigError


def base(**settings):
    cfg = dict(
        work_dir='work',
        codec=dict(input_size=(48, 64)),
        test_dataloader=dict(
            batch_size=4, dataset=dict(type='CocoDataset', data_root='data/', ann_file='a.json')
        ),
        test_evaluator=dict(type='PCKAccuracy', thr=0.2),
        default_hooks=dict(),
    )
    return Config(dict(cfg, **settings))


def configured(*words, **settings):
    cfg = base(**settings)
    configure(build_parser().parse_args(['config.py', 'model.pth', *words]), cfg)
    return cfg


def metrics(*words, **settings):
    return [dict(metric) for metric in configured(*words, **settings).test_evaluator]


PCK = dict(type='PCKAccuracy', thr=0.2)
COCO = dict(type='CocoMetric', ann_file='data/a.json')


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ([], [PCK]),
        (['--eval', 'mAP'], [COCO]),
        (['--eval', 'PCK'], [PCK]),
        (['--eval', 'mAP', 'PCKAccuracy'], [COCO, PCK]),
        (['--eval', 'LspPCKMetric'], [dict(type='LspPCKMetric', ann_file='data/a.json')]),
        (['--gpu_collect'], [dict(PCK, collect_device='gpu')]),
        (['--tmpdir', 'd'], [dict(PCK, collect_device='cpu', collect_dir='d')]),
        (['--no-eval', '--dump', 'd.pkl'], [dict(type='DumpResults', out_file_path='d.pkl')]),
        (
            ['--eval', 'mAP', '--format-only'],
            [dict(COCO, outfile_prefix='work/results', format_only=True)],
        ),
        (
            ['--out', 'o.json'],
            [PCK, dict(type='ResultFile', out_file='o.json', batch_size=4)],
        ),
    ],
    ids=lambda value: ' '.join(map(str, value)) if value and isinstance(value[0], str) else None,
)
def test_metrics_follow_the_options(words, expected):
    assert metrics(*words) == expected


@pytest.mark.parametrize(
    'evaluator',
    [PCK, [PCK], dict(type='Evaluator', metrics=[PCK]), dict(type='Evaluator', metrics=PCK)],
    ids=['one', 'list', 'evaluator', 'evaluator of one'],
)
def test_every_form_of_the_evaluator_is_understood(evaluator):
    assert metrics(test_evaluator=evaluator) == [PCK]


@pytest.mark.parametrize(
    ('kind', 'words', 'expected'),
    [
        ('MpiiDataset', ['--eval', 'PCKh'], dict(type='MpiiPCKAccuracy')),
        (
            'CrowdPoseDataset',
            ['--eval', 'mAP', '--format-only'],
            dict(
                COCO,
                use_area=False,
                iou_type='keypoints_crowd',
                prefix='crowdpose',
                outfile_prefix='work/results',
                format_only=True,
            ),
        ),
    ],
)
@pytest.mark.parametrize('times', [0, 1])
def test_a_metric_is_that_of_the_data_set_inside_others(kind, words, expected, times):
    dataset = dict(type=kind, data_root='data/', ann_file='a.json')
    for _ in range(times):
        dataset = dict(type='RepeatDataset', times=1, dataset=dataset)
    loader = dict(batch_size=4, dataset=dataset)
    assert metrics(*words, test_dataloader=loader) == [expected]


def test_published_predictions_for_mpii_score_as_posenas_eval_scores_them(shared_dir, tmp_path):
    folder = shared_dir / 'data' / 'mpii_val'
    truth, predictions = folder / 'mpii_gt_val.mat', folder / 'preds_hourglass.npz'
    own = dict(type='MpiiDataset', ann_file=str(folder / 'mpii_val.json'), headbox_file=str(truth))
    inflated = dict(type='PCKAccuracy', norm_item='head', thr=0.5)
    loader = dict(batch_size=4, dataset=dict(own, test_mode=True))
    cfg = configured('--eval', 'PCKh', test_dataloader=loader, test_evaluator=inflated)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    (metric,) = map(METRICS.build, cfg.test_evaluator)
    metric.dataset_meta = dataset.metainfo
    metric.process(None, mpii_samples(dataset, np.load(predictions)['preds']))
    scores = metric.evaluate(len(dataset))
    assert len(dataset) == 2958
    assert round(scores['PCKh'], 2) == 88.02

    out = tmp_path / 'scores.json'
    files = [str(predictions), '--gt', str(truth), '--zero-based', '--out-metrics', str(out)]
    assert main(['eval', 'mpii', *files]) == 0
    assert scores['PCKh'] == pytest.approx(json.loads(out.read_text())['scores']['PCKh'], abs=1e-9)


def test_a_skeleton_without_the_joints_of_a_metric_is_refused_before_the_test(trained, capsys):
    assert main(['test', *trained, '--eval', 'PCKh']) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "needs a skeleton with the keypoints (('head_top', 'upper_neck')" in errors[-1]
    assert "this one fits {'bbox': 'PCK', 'torso': 'tPCK'}" in errors[-1]


def test_result_files_keep_the_place_that_the_config_gives_them():
    own = dict(COCO, outfile_prefix='elsewhere/x', format_only=False)
    assert metrics('--format-only', test_evaluator=own) == [dict(own, format_only=True)]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--eval', 'mAPP'], 'mAPP.*not supported.*mAP'),
        (['--no-eval'], 'nothing to do'),
        (['--format-only'], 'PCKAccuracy.*--eval mAP'),
        (['--out', 'o.txt'], 'must end with'),
        (['--dump', 'o.json'], 'must end with'),
    ],
)
def test_options_that_cannot_work_are_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        configured(*words)


def test_the_checkpoint_is_loaded_and_nothing_resumed():
    cfg = configured(resume=True, load_from='other.pth')
    assert (cfg.load_from, cfg.resume) == ('model.pth', False)


def test_bad_cases_take_the_place_of_all_pictures():
    hooks = configured('--badcase', '--show-dir', 'd', '--interval', '3').default_hooks
    assert list(hooks) == ['badcase']
    assert hooks.badcase.type == 'BadCaseAnalysisHook'
    assert hooks.badcase.interval == 3


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Config and checkpoint of a tiny network after a few steps."""
    folder = tmp_path_factory.mktemp('trained')
    path = folder / 'tiny.py'
    tiny_experiment(folder).dump(path)
    assert main(['train', str(path), '--work-dir', str(folder / 'run'), '--no-validate']) == 0
    return str(path), str(folder / 'run' / 'epoch_1.pth')


def test_files_of_a_test_hold_what_was_predicted(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ['--out', 'out/o.json', '--out-metrics', 'm.json', '--dump', 'd.pkl']
    words += ['--report', 'page/r.html']
    assert main(['test', *trained, *words, '--show-dir', 'drawn', '--eval', 'PCK', 'mAP']) == 0
    batches = json.loads((tmp_path / 'out/o.json').read_text())
    assert [len(batch['bbox_ids']) for batch in batches] == [2, 2]
    first = batches[0]
    assert np.shape(first['preds']) == (2, 17, 3)
    assert np.shape(first['boxes']) == (2, 6)
    width, height = np.array(first['boxes'])[:, 2:4].T * 200
    assert np.allclose(width * height, np.array(first['boxes'])[:, 4])
    assert first['image_paths'][0].endswith('001.jpg')
    assert first['output_heatmap'] is None
    scores = json.loads((tmp_path / 'm.json').read_text())
    assert {'PCK', 'coco/AP', 'coco/AR'} <= scores.keys()
    with open('d.pkl', 'rb') as file:
        samples = pickle.load(file)  # noqa: S301
    dumped = np.concatenate([sample['pred_instances']['keypoints'] for sample in samples])
    saved = np.concatenate([batch['preds'] for batch in batches])
    assert np.allclose(dumped, saved[..., :2])
    for sample in samples:
        (a, b, x), (c, d, y) = sample['warp_mat']
        assert {type(value) for value in (a, b, x, c, d, y)} == {float}
    assert len(list((tmp_path / 'drawn').glob('*.jpg'))) == 4
    page = (tmp_path / 'page/r.html').read_text(encoding='utf-8')
    assert 'Worst people' in page
    assert '<td>PCK</td>' in page


def test_pickled_results_hold_arrays(trained, tmp_path):
    out = tmp_path / 'o.pkl'
    assert main(['test', *trained, '--no-eval', '--out', str(out)]) == 0
    batches = pickle.loads(out.read_bytes())  # noqa: S301
    assert batches[0]['preds'].shape == (2, 17, 3)
    assert batches[0]['boxes'].dtype == np.float64


def test_fused_layers_give_the_same_scores(trained, tmp_path):
    scores = []
    for words in ([], ['--fuse-conv-bn'], ['--fuse_conv_bn']):
        file = tmp_path / 'm.json'
        assert main(['test', *trained, '--out-metrics', str(file), *words]) == 0
        scores.append(json.loads(file.read_text()))
    assert scores[0] == scores[1] == scores[2]


def test_a_missing_checkpoint_is_one_clear_line(trained, capsys):
    assert main(['test', trained[0], 'no_such.pth']) == 2
    assert 'no_such.pth' in capsys.readouterr().err.splitlines()[-1]
