"""A search that is repeated with other seeds, and random architectures beside what it finds."""

from collections.abc import Sequence
from pathlib import Path

from posenas.experiments.plan import Arm, Comparison, Plan
from posenas.utils.errors import ConfigError


def plan_repeats(
    config: str,
    experiment: str,
    folder: str | Path,
    num_seeds: int = 3,
    with_baseline: bool = True,
    cost: str = 'macs',
    score: str | None = None,
) -> Plan:
    """Plan a search with several seeds, the trainings of what it finds and of what chance finds.

    Args:
        config: Config of a search in a trained supernet, whose budget counts the cost.
        experiment: Training, whose data and schedule all networks take.
        folder: Folder of all runs.
        num_seeds: Searches, with the seeds 0, 1 and so on.
        with_baseline: Whether each winner gets a random architecture of the same cost beside it.
        cost: Cost that is the same.
        score: Score that says which one is best; None takes the search's first objective.

    Raises:
        ConfigError: The config is of no such search.
    """
    from posenas.apis import load_checked

    cfg = load_checked(config)
    loop = cfg.get('train_cfg') or {}
    weights = cfg.get('load_from')
    if loop.get('type') != 'SearchLoop' or not weights:
        raise ConfigError(
            f'{cfg.filename} must be the config of a SearchLoop, with load_from, the weights of a '
            'trained supernet: repeat other searches by posenas train --seed, and compare them by '
            'posenas genotype compare'
        )
    if with_baseline and not loop.get('budget'):
        raise ConfigError(
            f'{cfg.filename} must have a budget that counts {cost}, to sample random '
            'architectures of the same cost: set train_cfg.budget, or give --no-baseline'
        )
    best = score or next(iter(loop.algorithm.objectives))
    seeds = tuple(range(num_seeds))
    derive = ['derive', config, weights, '{folder}/network', '--experiment', experiment]
    derive += ['--num-images', '4']
    search = ['train', config, '--work-dir', '{folder}_archive', '--seed', '{seed}']
    archive = ['--archive', '{folder}_archive', '--score', best]
    arms = [
        Arm('found', seeds=seeds, commands=[search, [*derive, *archive]]),
        _train('searched', 'found', seeds),
    ]
    comparisons = []
    if with_baseline:
        like = ['--like', '{found.folder}/network/genotype.json', '--cost', cost]
        sample = ['search', 'sample', config, '{folder}/random.json', *like, '--seed', '{seed}']
        embed = [*derive, '--genotype', '{folder}/random.json']
        arms += [
            Arm('drawn', seeds=seeds, commands=[sample, embed]),
            _train('random', 'drawn', seeds, f'random, as many {cost}'),
        ]
        comparisons = [Comparison(f'searched over random, as many {cost}', 'random', 'searched')]
    return Plan({arm.name: arm for arm in arms}, comparisons, Path(folder))


def list_archives(plan: Plan) -> list[Path]:
    """List the work dirs of the searches of such a plan."""
    return [run.folder.with_name(f'{run.name}_archive') for run in plan.runs_of('found')]


def _train(name: str, source: str, seeds: Sequence[int], title: str = '') -> Arm:
    """Return the training of a derived network."""
    config = f'{{{source}.folder}}/network/network.py'
    return Arm(name, config=config, title=title or name, seeds=seeds, arguments=['--no-validate'])
