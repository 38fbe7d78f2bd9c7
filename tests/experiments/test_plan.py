"""Plans say in which order arms run and what they take from each other."""

import pytest

from posenas.experiments.plan import Arm, read_plan
from posenas.utils.errors import ConfigError

TEXT = """
arms = dict(
    student=dict(
        config='s.py',
        options={'model.teacher_checkpoint': '{teacher.checkpoint}',
                 'model.genotypes': ['{search.folder}/best.json', '{4}'], 'optim.lr': 0.1},
        seeds=[0, 3],
    ),
    teacher=dict(config='t.py', seeds=[7]),
    search=dict(config='x.py', command='train', arguments=['--amp'], seeds=[0, 3]),
    found=dict(
        commands=[['derive', '{search.config}', '{search.checkpoint}', '{folder}/net', '{seed}']],
        seeds=[0, 3],
    ),
    searched=dict(config='{found.folder}/net/net.py', seeds=[3]),
)
comparisons = [dict(title='gain', baseline='student', candidate='teacher')]
unused = 3
"""


def write(folder, text):
    path = folder / 'plan.py'
    path.write_text(text)
    return path


@pytest.fixture
def plan(tmp_path):
    return read_plan(write(tmp_path, TEXT), tmp_path / 'runs')


def test_runs_follow_what_they_need_and_first_seeds_come_first(plan):
    first = ['teacher_s7', 'search_s0', 'student_s0', 'found_s0']
    second = ['search_s3', 'found_s3', 'searched_s3', 'student_s3']
    assert sorted(run.name for run in plan.order()) == sorted([*first, *second])
    assert [run.name for run in plan.order()][:3] == first[:3]
    assert [run.name for run in plan.order(['searched'])] == second[:3]
    assert [run.name for run in plan.order(['search'])] == ['search_s0', 'search_s3']


def test_references_become_paths_of_the_same_seed_or_the_first(plan):
    run = plan.run_of('student', 3)
    assert [needed.name for needed in plan.needs(run)] == ['teacher_s7', 'search_s3']
    assert plan.fill_in(run, run.arm.options, lambda needed: f'{needed.name}.pth') == {
        'model.teacher_checkpoint': 'teacher_s7.pth',
        'model.genotypes': [f'{plan.folder}/search_s3/best.json', '{4}'],
        'optim.lr': 0.1,
    }


def test_commands_and_configs_refer_to_other_runs_and_their_own(plan):
    run = plan.run_of('found', 3)
    (words,) = plan.fill_in(run, run.arm.commands, lambda needed: f'{needed.name}.pth')
    assert words == [
        'derive',
        f'{plan.folder}/search_s3.py',
        'search_s3.pth',
        f'{plan.folder}/found_s3/net',
        '3',
    ]
    run = plan.run_of('searched', 3)
    assert plan.fill_in(run, run.arm.config, str) == f'{plan.folder}/found_s3/net/net.py'


def test_runs_lie_in_a_folder_of_the_plan_by_default(tmp_path):
    run = read_plan(write(tmp_path, TEXT)).run_of('teacher', 0)
    assert run.folder.as_posix() == 'work_dirs/compare/plan/teacher_s7'
    assert run.config_file.as_posix() == 'work_dirs/compare/plan/teacher_s7.py'


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ("config='t.py', ", '', 'must have arms, each with seeds and either config or commands'),
        ("config='t.py'", "config='t.py', commands=[['a']]", 'either config or commands'),
        ('seeds=[7]', 'seed=7', "got \\['config', 'seed'\\]"),
        ('seeds=[7]', 'seeds=[]', 'must have arms, each with seeds'),
        ("candidate='teacher'", "candidate='tutor'", "gain: \\['tutor'\\] must be trained"),
        ("candidate='teacher'", "candidate='found'", "gain: \\['found'\\] must be trained"),
        ("baseline='student'", "baseline=['student'] * 3", 'must be one arm or two'),
        ("title='gain', ", '', 'comparisons\\[0\\] of .* must have'),
        ('teacher.checkpoint', 'tutor.checkpoint', "refers to \\['tutor'\\]"),
        ('teacher.checkpoint', 'teacher.weights', r'says \{teacher.weights\}, but a reference'),
        ('teacher.checkpoint', 'sed', r'says \{sed\}, but a reference must be \{seed\}'),
        ('seeds=[7]', 'seeds=7', 'seeds of teacher must be a list of numbers, got 7'),
        ('seeds=[7]', "seeds='01'", "must be a list of numbers, got '01'"),
        ("config='t.py'", "config='t.py', options=dict(a='{student.folder}')", 'each other'),
    ],
)
def test_mistakes_are_told(tmp_path, old, new, message):
    assert old in TEXT
    with pytest.raises(ConfigError, match=message):
        read_plan(write(tmp_path, TEXT.replace(old, new))).order()


def test_names_may_have_hyphens(tmp_path):
    arms = {'big': dict(config='a.py'), 'big-one': dict(config='b.py')}
    arms['after'] = dict(config='c.py', options=dict(load_from='{big-one.checkpoint}'))
    plan = read_plan(write(tmp_path, f'arms = {arms!r}'))
    run = plan.run_of('after', 0)
    assert [needed.name for needed in plan.needs(run)] == ['big-one_s0']
    assert plan.fill_in(run, run.arm.options, lambda r: r.name) == dict(load_from='big-one_s0')


def test_another_command_is_another_text(tmp_path):
    texts = [Arm('a', config='c.py', command=command).texts for command in ('train', 'distill')]
    assert texts[0] != texts[1]


def test_arms_that_are_asked_for_must_exist(plan):
    with pytest.raises(ConfigError, match='arms must be among'):
        plan.order(['tutor'])
