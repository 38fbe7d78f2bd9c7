"""A small distillation on synthetic people with and without labels."""

import os
import socket
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import torch
from mmengine.config import Config
from registry_cases import CODEC, TINY_HEAD, TINY_MODEL
from tiny_data import write_people

from posenas.engine import PoseRunner
from posenas.engine.distributed import leave_gloo
from posenas.registry import MODELS

STUDENT = dict(
    TINY_MODEL, head=dict(TINY_HEAD, loss=dict(type='KeypointMSELoss', use_target_weight=True))
)
TEACHER = dict(STUDENT, backbone=dict(type='TinyConvNet', channels=(12, 16), out_indices=(1,)))
_CROP = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=CODEC['input_size']),
]
_TRAIN = [
    *_CROP[:2],
    dict(type='RandomFlip'),
    _CROP[2],
    dict(type='GenerateTarget', encoder=CODEC),
    dict(type='PackPoseInputs'),
]


def write_teacher(folder):
    """Write weights of ``TEACHER`` whose maps are high enough to be confident."""
    torch.manual_seed(5)
    model = MODELS.build(TEACHER)
    torch.nn.init.normal_(model.head.final_layer.weight, std=0.5)
    path = Path(folder, 'teacher.pth')
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


def write_data(folder):
    """Write eight people with labels, twelve without, and a teacher."""
    folder = Path(folder)
    for name, number in (('labelled', 8), ('unlabelled', 12)):
        write_people(folder / name, num_images=number, seed=number)
    write_teacher(folder)
    for name, model in (('student', STUDENT), ('teacher', TEACHER)):
        Path(folder, f'{name}.py').write_text(f'model = {model!r}\n', encoding='utf-8')
    return folder


def _part(data, name, **extra):
    return dict(
        ann_file=str(data / name / 'people.json'), data_prefix=dict(img=str(data / name)), **extra
    )


def make_cfg(
    data,
    work_dir,
    *,
    model=None,
    unlabelled=True,
    epochs=2,
    hooks=(),
    wrapper=None,
    interval=1,
    **extra,
):
    """Make a config on the data of :func:`write_data`; with ``unlabelled`` four batches an epoch.

    Args:
        model: What the distiller has different; None trains the student alone.
    """
    distiller = dict(
        type='FPDDistiller',
        student=str(data / 'student.py'),  # shorter to write down than its content
        teacher=str(data / 'teacher.py'),
        teacher_checkpoint=str(data / 'teacher.pth'),
    )
    labelled = _part(data, 'labelled', type='CocoDataset', pipeline=_TRAIN)
    loader = dict(batch_size=2, num_workers=0)
    test = dict(labelled, pipeline=[*_CROP, dict(type='PackPoseInputs')], test_mode=True)
    train = dict(dataset=labelled, sampler=dict(type='DefaultSampler', shuffle=True))
    if unlabelled:
        rest = _part(data, 'unlabelled', type='UnlabelledTopdownDataset', pipeline=_TRAIN)
        train = dict(
            dataset=dict(type='ConcatDataset', datasets=[labelled, rest]),
            sampler=dict(type='LabelledRatioSampler', labelled_per_batch=2),
            batch_size=4,
        )
    val_loader = dict(loader, dataset=test, sampler=dict(type='DefaultSampler', shuffle=False))
    score = dict(type='PCKAccuracy', thr=0.3)
    cfg = dict(
        default_scope='posenas',
        work_dir=str(work_dir),
        model=STUDENT if model is None else {**distiller, **model},
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        val_cfg=dict(),
        test_cfg=dict(),
        train_dataloader={**loader, **train},
        val_dataloader=val_loader,
        test_dataloader=val_loader,
        val_evaluator=score,
        test_evaluator=score,
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=3e-3), **(wrapper or {})),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                interval=interval,
                by_epoch=False,
                save_best='PCK',
                rule='greater',
            )
        ),
        custom_hooks=list(hooks),
        log_level='ERROR',
        randomness=dict(seed=3),
        visualizer=None,
    )
    return Config({**cfg, **extra})


def train(cfg):
    """Train to the end and return the runner.

    Configs are written down as they are: to lay them out would take most of the time.
    """
    with patch('mmengine.config.config.FormatCode', lambda text, **_: (text, True)):
        runner = PoseRunner.from_cfg(cfg)
        runner.train()
    return runner


def train_in_two_processes(data, work_dir, **options):
    """Train in two processes forked from this one; return the final weights of each."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    shared = dict(WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    context = get_context('fork')
    ranks = [
        context.Process(
            target=_train_rank,
            args=(data, work_dir, options, dict(shared, RANK=rank, LOCAL_RANK=rank)),
        )
        for rank in '01'
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
    assert [process.exitcode for process in ranks] == [0, 0]
    return [torch.load(Path(work_dir, f'final{rank}.pth')) for rank in '01']


def _train_rank(data, work_dir, options, environment):
    os.environ.update(environment)
    torch.set_num_threads(1)
    runner = train(make_cfg(data, work_dir, launcher='pytorch', **options))
    state = dict(runner.model.module.state_dict())
    for number, teacher in enumerate(runner.model.module.teachers.members):
        state |= {f'teacher{number}.{n}': v for n, v in teacher.model.state_dict().items()}
    torch.save(state, Path(work_dir, f'final{runner.rank}.pth'))
    leave_gloo()
