# What a teacher adds to a small network on photos, with all labels and with half of them.
#   posenas benchmark lspet --plan docs/plans/distill.py
# All trainings of the small network take the same number of steps of 32 photos. Half of the labels:
# 2,000 photos keep theirs, and the teacher learned from these alone; the other 2,000 are seen
# without. Nobody is trained on photos of val or test.
_base_ = '../../configs/_base_/datasets/lspet_s_128x96.py'

TEACHER = 's_vipnas_res50_lspet_s_128x96'
STUDENT = 'posenas_l8_c16_1stage_lspet_s_128x96'
FPD = f'{STUDENT}_fpd_scratch'
FPD_HALF = f'{STUDENT}_fpd_half_scratch'
TEACHER_EPOCHS, STUDENT_EPOCHS = 14, 6

SCHEDULE = (
    'train_cfg.max_epochs',
    'train_cfg.val_interval',
    'param_scheduler.1.end',
    'param_scheduler.1.T_max',
)
teacher_schedule = dict.fromkeys(SCHEDULE, TEACHER_EPOCHS)
student_schedule = dict.fromkeys(SCHEDULE, STUDENT_EPOCHS)
# Each photo twice in an epoch, so that an epoch has as many steps as one of all photos.
labelled_half = dict(
    type='RepeatDataset',
    times=2,
    dataset=dict(_base_.train_dataloader.dataset, image_subset=dict(seed=0, start=0, stop=2000)),
)
only_half = {'train_dataloader.dataset': dict(labelled_half, _delete_=True)}
training = dict(arguments=['--amp', '--no-validate'])
arms = dict(
    teacher=dict(
        title='teacher, all labels',
        config=TEACHER,
        options=teacher_schedule,
        **training,
    ),
    student=dict(
        title='student, all labels',
        config=STUDENT,
        options=student_schedule,
        seeds=[0, 1, 2],
        **training,
    ),
    student_fpd=dict(
        title='student, all labels, FPD',
        config=FPD,
        options={
            **student_schedule,
            'model.teacher_checkpoint': '{teacher.checkpoint}',
        },
        seeds=[0, 1, 2],
        **training,
    ),
    teacher_half=dict(
        title='teacher, half of the labels',
        config=TEACHER,
        options={**teacher_schedule, **only_half},
        **training,
    ),
    student_half=dict(
        title='student, half of the labels',
        config=STUDENT,
        options={**student_schedule, **only_half},
        seeds=[0, 1, 2],
        **training,
    ),
    student_half_fpd=dict(
        title='student, half of the labels, FPD on all photos',
        config=FPD_HALF,
        options={
            **student_schedule,
            'model.teacher_checkpoint': '{teacher_half.checkpoint}',
        },
        seeds=[0, 1, 2],
        **training,
    ),
)
comparisons = [
    dict(title='FPD, all labels', baseline='student', candidate='student_fpd'),
    dict(title='FPD, half of the labels', baseline='student_half', candidate='student_half_fpd'),
    dict(title='teacher over student, all labels', baseline='student', candidate='teacher'),
    dict(
        title='teacher over student, half of the labels',
        baseline='student_half',
        candidate='teacher_half',
    ),
]
