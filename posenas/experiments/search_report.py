"""The page of ``posenas search run``: what was found, beside what, and how far to trust it."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from posenas.apis.genotypes import make_graphs
from posenas.experiments.search_budget import SearchPlan
from posenas.experiments.search_networks import Costs, DerivedNetwork, tabulate_costs
from posenas.experiments.search_spaces import SPACES
from posenas.genotype import load_genotype
from posenas.search import Record, SearchOverview, read_search, write_search_page
from posenas.search.ranking import rank
from posenas.utils.files import read_json
from posenas.visualization import (
    Axis,
    TradePoint,
    draw_graphs,
    make_text_table,
    make_trade_chart,
    write_pareto_page,
)

#: Fewest networks whose order says anything.
_LEAST = 3
#: Costs of networks in tables: unit and how many of what is counted it has.
_COLUMNS = {'macs': ('GMACs', 1e9), 'params': ('M parameters', 1e6)}

_Section = tuple[str, str]


def write_report(
    page: Path,
    plan: SearchPlan,
    networks: Sequence[DerivedNetwork],
    costs: Costs,
    archive: Path | None,
    fit: Path | None,
) -> None:
    """Write the page, one file that opens without a network.

    Args:
        page: File to write.
        plan: What was asked for and planned.
        networks: Trained networks, the chosen one first.
        costs: What each stage took.
        archive: Work dir of the search; None where it was by gradients.
        fit: Figures of the latency table; None where there is none.
    """
    title = f'Search in {plan.arguments["space"]}: {_describe_limits(plan)}'
    found = None if archive is None else read_search(archive)
    sections = [
        _show_networks(networks, plan),
        _show_trust(networks, fit, found),
        _show_history(found, networks),
        *_show_architecture(networks[0]),
        _show_costs(plan, costs),
    ]
    if found is None:
        points, x, y = _trained_points(networks)
        write_pareto_page(page, points, x, y, title, points, sections)
        return
    cost = next(iter(found.records[0].costs))
    marks = {
        f'{_name(n, networks[0])}, seed {n.seed}': (n.costs[cost], n.shared_score)
        for n in networks
        if n.shared_score is not None
    }
    write_search_page(found, page, cost, None, marks, sections, title)


def _name(network: DerivedNetwork, chosen: DerivedNetwork) -> str:
    """Say what a part of the supernet became; distilled ones are those that were found."""
    return 'chosen' if network.genotype == chosen.genotype else network.kind


def _describe_limits(plan: SearchPlan) -> str:
    units = dict(latency='ms', macs='GMACs', params='million parameters', size='MB')
    limits = [f'at most {v:g} {units[n]}' for n, v in plan.arguments['limits'].items()]
    threads = plan.arguments['threads']
    return (
        f'{" and ".join(limits) or "no limit"}, {plan.arguments["engine"]}, '
        f'{threads} thread{"s" * (threads > 1)}'
    )


def _show_networks(networks: Sequence[DerivedNetwork], plan: SearchPlan) -> _Section:
    """Compare the trained networks: scores of the test images over measured latency."""
    points, x, y = _trained_points(networks)
    scores = list(networks[0].scores)
    shown = [name for name in _COLUMNS if name in networks[0].costs]
    columns = ['network', 'seed', *scores, 'predicted ms', 'measured ms', '95 % below']
    rows = []
    for place, n in enumerate(networks):
        predicted = n.costs.get('latency')
        rows.append(
            [
                f'{n.kind} (chosen)' if place == 0 else n.kind,
                n.seed,
                *(f'{n.scores[name]:.4g}' for name in scores),
                '-' if predicted is None else f'{predicted:.3f}',
                f'{n.latency:.3f}',
                f'{n.slow:.3f}',
                *(f'{n.costs[name] / _COLUMNS[name][1]:.4f}' for name in shown),
            ]
        )
    table = make_text_table([*columns, *(_COLUMNS[name][0] for name in shown)], rows)
    inherits = SPACES[plan.arguments['space']].inherits
    start = 'on from the weights of the supernet' if inherits else 'from scratch'
    text = (
        f'Each was trained {start}, on the same images with the same schedule, and scored on '
        'the test images. Latency: median of forward passes of one image, in turn, on this '
        'machine. Above, scores are those of parts of the supernet. '
        f'Limits: {_describe_limits(plan)}.'
    )
    chart = make_trade_chart(points, x, y, points)
    return 'Trained and measured', f'<p>{escape(text)}</p>{chart}{table}'


def _trained_points(networks: Sequence[DerivedNetwork]) -> tuple[list[TradePoint], Axis, Axis]:
    names = [f'{n.kind}, seed {n.seed}' for n in networks]
    points = [
        TradePoint(name, n.latency, n.score[1]) for name, n in zip(names, networks, strict=True)
    ]
    return points, Axis('measured latency, ms', 'less'), Axis(networks[0].score[0], 'greater')


def _show_trust(
    networks: Sequence[DerivedNetwork], fit: Path | None, found: SearchOverview | None
) -> _Section:
    """Say how far predictions and scores of shared weights can be trusted."""
    lines = []
    if fit is not None:
        figures = read_json(fit)
        lines.append(
            f'Latency table, on networks that it was not fitted to: rank correlation '
            f'{figures["tau"]:.3f} (MACs alone {figures["macs_tau"]:.3f}, the same networks '
            f'measured twice {figures["retest_tau"]:.3f}), error {figures["mean_error"]:.1%} on '
            f'average, {figures["worst_error"]:.1%} at most.'
        )
        chosen = networks[0]
        lines.append(
            f'The chosen network: predicted {chosen.costs["latency"]:.3f} ms, measured '
            f'{chosen.latency:.3f} ms, {chosen.latency / chosen.costs["latency"] - 1:+.1%}.'
        )
    pairs = [
        n
        for n in networks
        if n.shared_score is not None and n.run.startswith(('searched', 'random'))
    ]
    if len(pairs) >= _LEAST:
        found_rank = rank([n.shared_score or 0.0 for n in pairs], [n.score[1] for n in pairs])
        lines.append(
            f'Scores of shared weights and of {len(pairs)} trained networks: rank correlation '
            f'{found_rank.tau:+.2f} ({found_rank.low:+.2f} to {found_rank.high:+.2f}).'
        )
    elif found is not None:
        lines.append(
            f'Scores of shared weights and of trained networks: {len(pairs)} networks have both, '
            f'too few for a rank correlation; --seeds trains more, posenas search rank compares '
            'searches.'
        )
    if found is not None and len(found.records) >= _LEAST:
        cost = next(iter(found.records[0].costs))
        goal = next(iter(found.objectives))
        values = rank(
            [r.value(cost) for r in found.records], [r.value(goal) for r in found.records]
        )
        lines.append(
            f'Scores of shared weights and {cost}: rank correlation {values.tau:+.2f} over '
            f'{len(found.records)} architectures.'
        )
    return 'How far to trust it', ''.join(f'<p>{escape(line)}</p>' for line in lines)


def _show_history(found: SearchOverview | None, networks: Sequence[DerivedNetwork]) -> _Section:
    """Draw the scores of all trials; what was the best so far is the front."""
    if found is None:
        folder = networks[0].checkpoint.parent.with_name('supernet_s0')
        picture = folder / 'search.png'
        if not picture.is_file():
            return 'History', '<p>The search has left no picture.</p>'
        content = b64encode(picture.read_bytes()).decode()
        return 'History', f'<img alt="history" width="100%" src="data:image/png;base64,{content}">'
    goal = next(iter(found.objectives))
    ordered: list[Record] = sorted(found.records, key=lambda record: record.trial)
    best, points = float('-inf'), []
    for record in ordered:
        value = record.value(goal)
        is_best = value > best
        best = max(best, value)
        note = f'generation {record.generation}'
        points.append(TradePoint(record.id, record.trial, value, is_best, note))
    chart = make_trade_chart(points, Axis('trial', 'less'), Axis(goal, 'greater'))
    text = f'{len(points)} architectures were scored, {found.num_failed} failed.'
    return 'History', f'<p>{text} The line is the best so far.</p>{chart}'


def _show_architecture(network: DerivedNetwork) -> list[_Section]:
    """Draw the chosen architecture."""
    genotype = load_genotype(network.genotype)
    drawn = draw_graphs(make_graphs(genotype), 'svg').decode('utf-8')
    drawing = drawn[drawn.index('<svg') :]
    return [(f'Architecture {genotype.id}', drawing)]


def _show_costs(plan: SearchPlan, costs: Costs) -> _Section:
    """Say what the search took."""
    columns, rows = tabulate_costs(costs)
    table = make_text_table(columns, rows)
    numbers = ', '.join(f'{name.replace("_", " ")} {n}' for name, n in plan.numbers.items())
    planned = sum(plan.minutes.values())
    text = f'Supernet {plan.width}: {numbers}. Planned: {planned:.0f} minutes.'
    return 'Cost of the search', f'<p>{escape(text)}</p>{table}'
