"""Paths are checked first, and options are called what was typed."""

import json

import pytest
import torch
from exported_spots import write_spot_net
from registry_cases import tiny_experiment

from posenas.cli import main


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """A training, in the folder where commands are run; no model may be built."""
    config = tiny_experiment(tmp_path)
    (tmp_path / 'tiny.json').write_text(json.dumps(config.to_dict()))
    (tmp_path / 'weights.pth').write_bytes(b'PK\x03\x04')  # how such files begin
    (tmp_path / 'folder').mkdir()
    write_spot_net(tmp_path / 'net.onnx')
    monkeypatch.chdir(tmp_path)

    def build(*_, **__):
        raise AssertionError('a model was built before the paths were checked')

    monkeypatch.setattr('posenas.registry.MODELS.build', build)
    monkeypatch.setattr('mmengine.registry.MODELS.build', build)
    return tmp_path


INFER = 'infer {} --config tiny.json --checkpoint weights.pth'
SPLIT = '--cfg-options {}_dataloader.dataset.'


#: Command with an exported network, and what its error says of an option that would do nothing.
EXPORTED = [
    ('infer 001.jpg --checkpoint net.onnx --cfg-options model.x=1', 'must not change model.x'),
    (
        'infer 001.jpg --checkpoint net.onnx --cfg-options codec.unbiased=True '
        'model.head.decoder.unbiased=True',
        'must not change codec.unbiased',
    ),
    ('infer 001.jpg --checkpoint net.onnx --sha256 00000000', 'must have the SHA-256 00000000'),
    ('infer 001.jpg --checkpoint net.onnx --device cuda:0', '--device must be cpu for an exported'),
    ('infer 001.jpg --checkpoint http://a.b/net.onnx', 'must be a file on this machine'),
    ('test tiny.json net.onnx --cfg-options model.test_cfg.shift_heatmap=1', 'cfg.shift_heatmap'),
    ('test tiny.json net.onnx --fuse-conv-bn', '--fuse-conv-bn has no effect'),
    ('test tiny.json net.onnx --param-flop', '--param-flop has no effect'),
    ('test tiny.json net.onnx --gpus 1', '--gpus has no effect'),
    ('test tiny.json net.onnx --gpu-ids 0', '--gpu-ids has no effect'),
    ('benchmark runtime net.onnx --compile', '--compile needs a config'),
    ('prune tiny.json net.onnx out', 'an exported network, which is only run'),
    ('derive tiny.json net.onnx out', 'an exported network, which is only run'),
    ('train tiny.json --load-from net.onnx', 'an exported network, which is only run'),
]


@pytest.mark.parametrize(('line', 'message'), EXPORTED)
def test_an_option_without_effect_on_an_exported_network_is_refused(
    experiment, line, message, capsys, monkeypatch
):
    if 'cuda' in line:  # which this machine may lack
        monkeypatch.setattr('posenas.apis.inference.choose_device', torch.device)
    test_the_cause_is_named_before_a_model_is_built(experiment, line, message, capsys)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        (INFER.format('none.jpg'), 'none.jpg must be an image, a video or a folder'),
        (INFER.format('001.jpg --boxes none.json'), '--boxes must be a file, there is no none'),
        (INFER.format('001.jpg --boxes folder'), '--boxes must be a file, folder is a folder'),
        (INFER.format('001.jpg --out-dir 002.jpg'), '--out: 002.jpg must be a folder'),
        (INFER.format('001.jpg').replace('weights', 'none'), 'no checkpoint file at none.pth'),
        (INFER.format('001.jpg').replace('tiny.j', 'tini.j'), 'config file tini.json must exist'),
        (INFER.format('001.jpg').replace('tiny.json', 'folder'), 'and is a folder'),
        (
            f'train tiny.json {SPLIT.format("train")}ann_file=none.json',
            'train_dataloader.dataset.ann_file must be a file',
        ),
        (
            f'train tiny.json {SPLIT.format("val")}data_prefix.img=none',
            'val_dataloader.dataset.data_prefix.img must be a folder',
        ),
        (
            f'test tiny.json weights.pth {SPLIT.format("test")}ann_file=folder',
            'test_dataloader.dataset.ann_file must be a file, folder is none',
        ),
        ('train tiny.json --work-dir 001.jpg', '001.jpg must be a folder'),
        ('test tiny.json weights.pth --out-metrics folder', '--out-metrics: folder must be writ'),
        ('eval coco people.json --gt people.json --out-metrics folder', '--out-metrics: folder'),
        ('convert weights.pth folder', 'folder must be writable, got: it is a folder'),
        ('models --json 001.jpg/x.json', '--json: 001.jpg/x.json must be writable'),
        ('export tiny.json weights.pth --out 001.jpg/x.onnx', '--out: 001.jpg/x.onnx must be writ'),
        ('export tiny.json weights.pth --out x.xml', '--to onnx must end with .onnx'),
        ('export tiny.json weights.pth --images none.jpg', 'none.jpg: an image must be readable'),
        ('export tiny.json weights.pth --max-loss 1', '--max-loss need --precision int8'),
        ('export tiny.json old.onnx', 'old.onnx, which is exported already'),
        ('train tiny.json --load-from folder/x.onnx', 'no checkpoint file at folder/x.onnx'),
        ('check-data people.json --images none', '--images must be a folder, there is no none'),
        ('dataset init people.json --images 001.jpg', '--images must be a folder, 001.jpg is a f'),
        ('dataset init people.json --val-share 0', '--val-share must be above 0'),
        ('eval coco people.json --gt people.json --skeleton cat', '--skeleton must be one of'),
        (
            'distill --student tiny.json --teacher tiny.json --teacher-checkpoint weights.pth '
            '--labelled-per-batch 1',
            '--labelled-per-batch needs --unlabelled',
        ),
        ('benchmark tracking --json folder', '--json: folder must be writable'),
        ('benchmark video tiny.json --json folder', '--json: folder must be writable'),
        ('benchmark video tiny.json --video none.mp4', '--video must be a file, there is no none'),
        ('benchmark video tiny.json none.pth', 'no checkpoint file at none.pth'),
        (INFER.format('001.jpg --compare none.pth'), '--compare must be a file, there is no none'),
        (INFER.format('001.jpg --detector none.pth'), '--detector must be a file'),
        (INFER.format('001.jpg --det-model x'), '--det-model needs --detector'),
        (INFER.format('001.jpg --bbox-thr 0.5'), '--bbox-thr needs --detector'),
        (INFER.format('001.jpg --det-layout yolox'), '--det-layout needs --detector'),
        (INFER.format('001.jpg --compare-config x'), '--compare-config needs --compare'),
        (INFER.format('001.jpg --compare weights.pth --format csv'), '--compare writes pictures'),
        (INFER.format('001.jpg --no-pictures --draw-bbox'), '--draw-bbox needs pictures'),
        ('search sample tiny.json folder --like tiny.json', '--out: folder must be writable'),
        ('search show . --mark a=1,2', '--mark needs --page'),
        ('latency fit tiny.json folder', '--table: folder must be writable'),
        ('latency fit tiny.json t.json --json t.json', 'must be another file'),
        ('eval pck r.json --gt people.json --out-metrics r.json', 'must be another file'),
        ('eval coco r.json --gt people.json --images .', '--images needs --out-dir'),
        ('dataset init people.json --val-images .', '--val-images needs --val'),
        ('dataset synthetic --out new --num-images 1 --level hard', '--level needs --num-videos'),
        ('prune tiny.json weights.pth out --no-eval', '--no-eval needs --threshold'),
        ('prune tiny.json weights.pth folder --images none.jpg', 'none.jpg: an image must be rea'),
        ('prune tiny.json weights.pth .', 'must be a new or empty folder'),
        ('derive tiny.json weights.pth out --trial 1', '--trial needs --archive'),
        ('derive tiny.json weights.pth out --archive none.jsonl', 'none.jsonl'),
        ('derive tiny.json weights.pth out --genotype none.json', 'none.json'),
        (
            'derive tiny.json weights.pth out --experiment people.json',
            'must be the config of a training',
        ),
        ('derive tiny.json weights.pth out --experiment none.py', 'config file none.py must exist'),
        (
            'convert weights.pth weights.pth',
            'must be another file, weights.pth is named twice',
        ),
        ('genotype convert tiny.json tiny.json', '--out must be another file'),
        (
            'distill --student tiny.json --teacher tiny.json --teacher-checkpoint weights.pth '
            '--out tiny.json',
            '--out must be another file',
        ),
        (
            'distill --student people.json --teacher tiny.json --teacher-checkpoint weights.pth',
            'must have a model, people.json has the keys',
        ),
        (
            'distill --student tiny.json --teacher people.json --teacher-checkpoint weights.pth',
            'must have a model, people.json has the keys',
        ),
        ('check-data tiny.json.py --images .', 'config file tiny.json.py must exist'),
        ('convert tiny.py out.py --verbose', '--verbose is for checkpoints'),
        ('convert weights.pth out.pth --strict', '--strict is for configs'),
        ('convert weights.pth out.pth --modern', '--modern is for configs'),
        ('models --max-params 0', 'no network fits'),
        ('genotype show x --imports .x', '--imports must name packages that Python finds'),
        ('train tiny.json --cfg-options train_cfg.val_interval=0', 'val_interval: must be at lea'),
        ('train tiny.json --cfg-options model.head.out_channels=0', 'out_channels: must be at le'),
    ],
)
def test_the_cause_is_named_before_a_model_is_built(experiment, line, message, capsys):
    assert main(line.split()) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count('\n') == 1
    assert not list(experiment.glob('work*/*/*'))  # no log, no dumped config


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('model.backbone.channels=[]', 'out_indices must lie in 0..-1'),
        ('model.backbone.out_indices=[7]', 'out_indices must lie in 0..1, got (7,)'),
        ('train_dataloader.dataset.pipeline=[]', 'a pipeline must make inputs'),
        ('model.init_cfg.type=Pretrained', 'init_cfg cannot be built from its config'),
        ('auto_scale_lr.enable=True', 'auto_scale_lr cannot be built from its config'),
        ('model.data_preprocessor=None', 'a batch must be one tensor'),
        ('compile=zzz', 'compile cannot be built from its config'),
        ('model.test_cfg.flip_test=zzz', 'test_cfg.flip_test must be one of'),
        ('optim_wrapper.clip_grad.max_norm=-1', 'clip_grad.max_norm must be greater than 0'),
    ],
)
def test_what_a_training_cannot_mean_is_refused(option, message, tmp_path, capsys):
    config = tmp_path / 'tiny.json'
    config.write_text(json.dumps(tiny_experiment(tmp_path).to_dict()))
    assert main(['train', str(config), '--cfg-options', option]) == 2
    assert message in capsys.readouterr().err


def test_an_area_is_asked_for_by_the_option_that_does_without(experiment, capsys):
    labels = json.loads((experiment / 'people.json').read_text())
    for person in labels['annotations']:
        del person['area']
    (experiment / 'bare.json').write_text(json.dumps(labels))
    (experiment / 'results.json').write_text('[]')
    assert main(['eval', 'coco', 'results.json', '--gt', 'bare.json']) == 2
    shown = capsys.readouterr().err
    assert '--no-area' in shown
    assert 'use_area' not in shown


def test_a_name_that_is_no_config_does_not_list_all_names(capsys):
    assert main(['summary', 'qqqqqqqqqqqqqqq']) == 2
    assert len(capsys.readouterr().err) < 200
    assert main(['summary', 'tiny_synthetic_128x9']) == 2
    assert 'did you mean tiny_synthetic_128x96' in capsys.readouterr().err
