"""Published options: each does what it did, or one line says why it cannot."""

import shlex
from pathlib import Path

import pytest
import torch
import yaml
from convert import yaml_samples
from mmengine.config import Config
from registry_cases import CODEC, TINY_FABRICS, tiny_experiment
from tiny_data import write_boxes

from posenas.cli import main, test, train
from posenas.cli.args import load_experiment
from posenas.cli.published_options import apply_published_options, choose_gpu, find_checkpoint
from posenas.cli.published_testing import apply_test_options
from posenas.cli.published_words import parse_published, read_distillation
from posenas.utils import ConfigError

#: Command lines as published, less the script; each has to be understood.
TRAINING = [
    'CFG --validate --work-dir w --resume-from f.pth --gpus 2 --seed 0 --deterministic',
    'CFG --autoscale-lr --launcher none --local_rank 0 --no-validate',
    'CFG --gpu-ids 0 1 --cfg-options model.backbone.with_cp=True',
    '--cfg CFG --exp_name o/name --gpu 0,1',
    '--cfg CFG --exp_name o/n --batchsize 32 --param_flop --search random --debug --visualize',
    '--cfg CFG --show_arch_value --search second_order_gradient --load_ckpt --num_workers 8',
    '--cfg CFG --search None --distributed --gpu 0',
    '--cfg CFG --gpus 0,1',
    '--cfg CFG --modelDir m --logDir l --dataDir "" --prevModelDir p GPUS "(0,)" TRAIN.LR 0.1',
]
TESTING = [
    'CFG f.pth --out r.json --eval mAP --proc_per_gpu 2 --gpu_collect',
    'CFG f.pth --tmpdir t --average_clips prob --launcher none --local_rank 0 --fuse-conv-bn',
    '--cfg CFG --exp_name o/n --gpu 0,1 --test_model f.pth --flip_test',
    '--cfg CFG --test_model f.pth --visualize --param_flop ---margin 1.15 --use_dt --dataset test',
    '--cfg CFG --test_weight f.pth --gpus 0 --batch_size 8',
    '--cfg CFG TEST.MODEL_FILE f.pth TEST.USE_GT_BBOX False',
    '--cfg CFG f.pth',
]


@pytest.fixture
def log(monkeypatch):
    lines = []
    for module in ('published_options', 'published_testing', 'published_words'):
        monkeypatch.setattr(f'posenas.cli.{module}.tell', lambda text, *_, **__: lines.append(text))
    return lines


@pytest.mark.parametrize('line', TRAINING)
def test_published_trainings_are_understood(line, log):
    args = parse_published(train.build_parser(), shlex.split(line))
    assert args.config == 'CFG'


@pytest.mark.parametrize('line', TESTING)
def test_published_tests_are_understood(line):
    args = parse_published(test.build_parser(), shlex.split(line))
    assert (args.config, args.checkpoint) == ('CFG', 'f.pth')


@pytest.mark.parametrize(
    ('command', 'line'),
    [
        (train, ''),
        (train, 'CFG --cfg OTHER'),
        (train, 'CFG --validate --no-validate'),
        (train, '--cf CFG'),
        (train, 'CFG --gp 0'),
        (train, 'CFG --gpus 1 --gpu 0'),
        (test, '--cfg CFG --test f.pth'),
        (test, 'CFG f.pth --dataset train'),
    ],
)
def test_contradictions_and_abbreviations_are_refused(command, line):
    with pytest.raises(SystemExit):
        parse_published(command.build_parser(), shlex.split(line))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a tiny training, and the same of neural fabrics; it is the current one."""
    monkeypatch.chdir(tmp_path)
    cfg = tiny_experiment(tmp_path)
    cfg.pop('work_dir', None)
    cfg.log_level = 'INFO'
    cfg.dump('tiny.py')
    cfg.codec = CODEC
    cfg.model = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor'),
        backbone=TINY_FABRICS['backbone'],
        head=dict(TINY_FABRICS['head'], decoder=CODEC),
    )
    cfg.test_dataloader.dataset.bbox_file = 'boxes.json'
    write_boxes(Path(cfg.test_dataloader.dataset.ann_file), Path('boxes.json'))
    cfg.dump('fabrics.py')
    return tmp_path


def configured(command, line):
    """Return the config that a command line makes of that of its option or word."""
    args = parse_published(command.build_parser(), shlex.split(line))
    cfg = load_experiment(args)
    apply_published_options(args, cfg, 'train' if command is train else 'test')
    if command is test:
        apply_test_options(args, cfg)
    choose_gpu(args)
    return cfg


def pipeline_step(cfg, split, kind):
    steps = cfg[f'{split}_dataloader'].dataset.pipeline
    return next(step for step in steps if step.type == kind)


def test_a_published_training_writes_what_it_wrote(folder):
    line = '--cfg tiny.py --exp_name o/mine --gpu 0,1 --batchsize 4 --num_workers 0 --param_flop'
    words = shlex.split(f'{line} --debug --visualize --validate --proc_per_gpu 2 --seed 1')
    assert main(['train', *words, 'TRAIN.LR', '0.25', 'TRAIN.END_EPOCH', '2']) == 0
    run = folder / 'o' / 'mine'
    assert (run / 'epoch_2.pth').is_file()
    log = next(run.rglob('*.log')).read_text()
    assert 'parameters;' in log
    assert [path.name for path in run.rglob('inputs/*.png')] == ['train_0.png']
    drawn = [path.name for path in run.rglob('vis_image/*')]
    assert drawn == ['val_img_1.png']  # of two validations, that of the first epoch
    written = Config.fromfile(run / 'tiny.py')
    assert written.train_dataloader.batch_size == 4
    assert written.optim_wrapper.optimizer.lr == 0.25


def test_a_published_test_writes_what_it_wrote(folder):
    assert main(['train', 'fabrics.py', '--work-dir', 'o/mine', '--no-validate']) == 0
    checkpoint = folder / 'o' / 'mine' / 'epoch_1.pth'
    line = '--cfg fabrics.py --exp_name o/mine --flip_test --visualize --debug --use_dt'
    words = shlex.split(f'{line} ---margin 1.15 --param_flop --gpu 0 --no-eval --out o.json')
    assert main(['test', *words, '--test_model', str(checkpoint)]) == 0
    drawn = [path.name for path in (folder / 'o').rglob('vis_image/*')]
    assert drawn == ['test_img_0.png']
    assert [path.name for path in (folder / 'o').rglob('inputs/*')] == ['test_0.png']
    logs = [path.read_text() for path in (folder / 'o').rglob('*.log')]
    assert any('x 2^30' in text for text in logs)


def test_batches_of_a_search_keep_their_ratio(folder):
    assert configured(train, 'tiny.py --batchsize 6').train_dataloader.batch_size == 6
    cfg = configured(train, 'tiny.py')
    cfg.train_cfg.arch_dataloader = dict(batch_size=2)
    cfg.train_dataloader.batch_size = 4
    cfg.dump('search.py')
    args = parse_published(train.build_parser(), ['search.py', '--batchsize', '8'])
    apply_published_options(args, cfg, 'train')
    assert (cfg.train_dataloader.batch_size, cfg.train_cfg.arch_dataloader.batch_size) == (16, 8)
    assert configured(test, 'tiny.py f.pth --batch_size 3').test_dataloader.batch_size == 3


def test_what_means_nothing_here_is_said_in_one_line(folder, log):
    line = 'tiny.py f.pth --proc_per_gpu 2 --average_clips prob --logDir l --dataset val'
    before = configured(test, 'tiny.py f.pth').to_dict()
    del log[:]
    assert configured(test, line).to_dict() == before
    assert [line.split()[0] for line in log] == [
        *('--logDir', '--proc-per-gpu', '--average-clips', '--dataset'),
    ]
    del log[:]
    configured(train, 'tiny.py --distributed --gpu 0,1')
    assert 'dist_train.sh' in log[0]
    assert 'one process uses one GPU' in log[1]
    assert torch.cuda.is_available() or 'no GPU' in log[2]


def test_torch_launches_a_distributed_training(folder, monkeypatch):
    monkeypatch.setenv('RANK', '0')
    assert configured(train, 'tiny.py --distributed').launcher == 'pytorch'


@pytest.mark.parametrize('name', ['fabrics.py', 'tiny.py'])
def test_fabrics_are_tested_as_published_where_cfg_names_them(folder, name, log):
    is_fabric = name == 'fabrics.py'
    plain = configured(test, f'{name} f.pth')
    assert configured(test, f'--cfg {name} f.pth --flip_test').model.test_cfg.flip_test is True
    cfg = configured(test, f'--cfg {name} f.pth')
    if is_fabric:
        assert cfg.model.test_cfg.flip_test is False
        assert cfg.test_dataloader.dataset.bbox_file is None
        assert plain.test_dataloader.dataset.bbox_file == 'boxes.json'
        assert 'see --use_dt' in log[-1]
    else:
        assert cfg.model == plain.model
    cfg = configured(test, f'--cfg {name} f.pth --use_dt')
    file = cfg.test_dataloader.dataset.bbox_file
    assert file == 'boxes.json' if is_fabric else file.endswith('_AP_H_56_person.json')


def test_margins_lie_between_those_published(folder):
    cfg = configured(test, 'tiny.py f.pth --margin 1.5')
    assert pipeline_step(cfg, 'test', 'GetBBoxCenterScale').padding == 1.5
    assert pipeline_step(cfg, 'val', 'GetBBoxCenterScale').get('padding') is None
    for margin in (0.9, 1.6):
        with pytest.raises(ConfigError, match='--margin must lie'):
            configured(test, f'tiny.py f.pth --margin {margin}')


def test_detections_on_test_dev_are_only_written(folder):
    cfg = configured(test, 's_vipnas_res50_coco_256x192 f.pth --use_dt --dataset test')
    dataset = cfg.test_dataloader.dataset
    assert dataset.ann_file == 'annotations/image_info_test-dev2017.json'
    assert dataset.bbox_file.endswith('COCO_test-dev2017_detections_AP_H_609_person.json')
    assert dataset.data_prefix.img == 'test2017/'
    assert cfg.test_evaluator.format_only
    with pytest.raises(ConfigError, match='--use-dt needs COCO'):
        configured(test, 'ditehrnet_18_mpii_256x256 f.pth --use_dt')


def test_weights_are_searched_where_the_projects_left_them(folder):
    with pytest.raises(ConfigError, match='a checkpoint must be given'):
        find_checkpoint('tiny.py', 'work')
    Path('work').mkdir()
    for name in ('final_state.pth', 'best_ckpt.tar', 'best_coco_AP_epoch_3.pth'):
        Path('work', name).touch()
        assert find_checkpoint('tiny.py', 'work') == f'work/{name}'
    for name, cfg in dict(
        pnfs=yaml_samples.pnfs('example') | dict(test=dict(ckpt='named.tar')),
        hrnet=yaml_samples.hrnet(32) | dict(TEST=dict(MODEL_FILE='named.tar')),
    ).items():
        Path(f'{name}.yaml').write_text(yaml.safe_dump(cfg))
        assert find_checkpoint(f'{name}.yaml', 'work') == 'named.tar'


def test_outputs_go_below_the_folder_of_models(folder):
    assert configured(train, 'tiny.py --modelDir out').work_dir == 'out/tiny'
    with pytest.raises(ConfigError, match='link your data into data'):
        configured(train, 'tiny.py --dataDir elsewhere')


def test_settings_of_yaml_files_follow_the_command_line(folder):
    Path('w32.yaml').write_text(yaml.safe_dump(yaml_samples.hrnet(32)))
    words = 'GPUS (0,1) TRAIN.LR 0.5 TRAIN.LR_STEP 3,4 TEST.USE_GT_BBOX True DEBUG.DEBUG False'
    cfg = configured(train, f'--cfg w32.yaml {words.replace("(0,1)", chr(39) + "(0,1)" + chr(39))}')
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert cfg.param_scheduler[0].milestones == [3, 4]
    assert cfg.test_dataloader.dataset.get('bbox_file') is None
    assert cfg.auto_scale_lr.base_batch_size == 64


def test_arch_values_of_a_plain_training_are_shown(folder):
    assert main(['train', '--cfg', 'fabrics.py', '--exp_name', 'o/n', '--show_arch_value']) == 0
    assert 'betas[0]' in next(Path('o/n').rglob('*.log')).read_text()


def test_settings_of_a_distillation_become_its_options():
    line = (
        '--cfg S --tcfg T KD.TRAIN_TYPE FPD KD.TEACHER t.pth KD.ALPHA 0.3 TRAIN.CHECKPOINT s.pth '
        'TRAIN.LR 0.1'
    )
    words = shlex.split(line)
    assert read_distillation(words) == shlex.split(
        '--cfg S --tcfg T --teacher-checkpoint t.pth --alpha 0.3 --student-checkpoint s.pth '
        '--cfg-options TRAIN.LR=0.1'
    )
