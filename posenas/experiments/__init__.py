"""Plans of trainings that are compared, how they run and what they found; searches; the demo."""

from .plan import Arm, Comparison, Plan, Run, read_plan
from .queue import run_plan
from .repeats import list_archives, plan_repeats
from .report import read_run, report_plan
from .runs import Difference, TestedPeople, compare_runs, read_tested, score_runs
from .search_budget import SearchPlan
from .search_run import SearchOutcome, run_search
from .slurm import write_slurm_script

__all__ = [
    'Arm',
    'Comparison',
    'Difference',
    'Plan',
    'Run',
    'SearchOutcome',
    'SearchPlan',
    'TestedPeople',
    'compare_runs',
    'list_archives',
    'plan_repeats',
    'read_plan',
    'read_run',
    'read_tested',
    'report_plan',
    'run_plan',
    'run_search',
    'score_runs',
    'write_slurm_script',
]
