"""Plans say in which order cells run and what they take from each other."""

import pytest

from posenas.cli.benchmark_plan import read_plan
from posenas.utils.errors import ConfigError

TEXT = """
cells = dict(
    student=dict(
        config='s.py',
        options={'model.teacher_checkpoint': '{teacher.checkpoint}',
                 'model.genotypes': ['{search.folder}/best.json', '{4}'], 'optim.lr': 0.1},
        seeds=[0, 3],
    ),
    teacher=dict(config='t.py', seeds=[7]),
    search=dict(config='x.py', command='train', arguments=['--amp'], seeds=[0, 3]),
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
    first = ['teacher_s7', 'search_s0', 'student_s0']
    assert [run.name for run in plan.order()] == [*first, 'search_s3', 'student_s3']
    assert [run.name for run in plan.order(['search'])] == ['search_s0', 'search_s3']


def test_references_become_paths_of_the_same_seed_or_the_first(plan):
    run = plan.run_of('student', 3)
    assert [needed.name for needed in plan.needs(run)] == ['teacher_s7', 'search_s3']
    assert plan.fill_in(run, dict(teacher='a.pth', search='b.pth')) == {
        'model.teacher_checkpoint': 'a.pth',
        'model.genotypes': [f'{plan.folder}/search_s3/best.json', '{4}'],
        'optim.lr': 0.1,
    }


def test_runs_lie_in_a_folder_of_the_plan_by_default(tmp_path):
    run = read_plan(write(tmp_path, TEXT)).run_of('teacher', 0)
    assert run.folder.as_posix() == 'work_dirs/lspet/plan/teacher_s7'
    assert run.config_file.as_posix() == 'work_dirs/lspet/plan/teacher_s7.py'


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ("config='t.py', ", '', "cell teacher of .* must have \\['config'\\]"),
        ('seeds=[7]', 'seed=7', "got \\['config', 'seed'\\]"),
        ('seeds=[7]', 'seeds=[]', 'must have cells, each with config and seeds'),
        ("candidate='teacher'", "candidate='tutor'", "gain: \\['tutor'\\] must be cells"),
        ("title='gain', ", '', 'comparisons\\[0\\] of .* must have'),
        ('teacher.checkpoint', 'tutor.checkpoint', "refers to \\['tutor'\\]"),
        ("config='t.py'", "config='t.py', options=dict(a='{student.folder}')", 'each other'),
    ],
)
def test_mistakes_are_told(tmp_path, old, new, message):
    assert old in TEXT
    with pytest.raises(ConfigError, match=message):
        read_plan(write(tmp_path, TEXT.replace(old, new))).order()


def test_cells_that_are_asked_for_must_exist(plan):
    with pytest.raises(ConfigError, match='cells must be among'):
        plan.order(['tutor'])
