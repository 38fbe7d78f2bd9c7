"""Training curves from the scalars that every run writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from posenas.utils import DataError
from posenas.utils.atomic_io import atomic_write
from posenas.utils.files import read_records
from posenas.utils.value_types import fits_type

Curve = tuple[list[float], list[float]]

#: Panels in a row, and in a picture that chooses them itself.
_COLUMNS, _MOST = 3, 6


def read_scalars(path: str | Path) -> dict[str, Curve]:
    """Read the curves of a run.

    Args:
        path: ``scalars.json`` of a run, or a folder below which the newest one is taken, such as
            a work directory.

    Returns:
        Steps and values by the name of the scalar, in the order of writing. Steps are iterations
        in training and epochs (or iterations, in loops that count those) in validation.

    Raises:
        DataError: There is no such file, or a line of it is not a JSON object.
    """
    file = _find(Path(path))
    curves: dict[str, Curve] = {}
    for number, record in enumerate(read_records(file, {}), start=1):
        step = record.pop('step', number)
        if not fits_type(step, float):
            raise DataError(f'record {number} of {file} must have a number as step, got {step!r}')
        for name, value in record.items():
            if isinstance(value, int | float) and name not in ('epoch', 'iter'):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(float(step))
                values.append(float(value))
    return curves


def draw_curves(
    path: str | Path,
    out_file: str | Path,
    names: Sequence[str] | None = None,
    title: str = '',
    reference: Mapping[str, float] | None = None,
) -> None:
    """Draw the curves of a run, one panel per scalar, and write the picture.

    Args:
        path: As in :func:`read_scalars`.
        out_file: Picture to write; its suffix names the format (png, svg, pdf).
        names: Scalars to draw; by default the total loss, the training accuracy and the first
            score of each metric, at most six.
        title: Line above the panels.
        reference: Values to mark with a dashed line, by the name of the scalar.

    Raises:
        DataError: As in :func:`read_scalars`, or a name is not in the file.
    """
    from matplotlib.figure import Figure

    curves = read_scalars(path)
    chosen = list(names) if names is not None else _interesting(curves)
    unknown = [name for name in chosen if name not in curves]
    if unknown or not chosen:
        raise DataError(f'scalars to draw must be among {sorted(curves)}, got {unknown or chosen}')
    columns = 2 if len(chosen) == 4 else min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows + 0.4), layout='constrained')
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    for axes, name in zip(panels, chosen, strict=False):
        steps, values = curves[name]
        axes.plot(steps, values, color='tab:blue', linewidth=1.6, marker='.' * (len(steps) < 40))
        if reference and name in reference:
            axes.axhline(reference[name], color='tab:gray', linewidth=1, linestyle='--')
        axes.set_title(name, fontsize=11)
        axes.set_xlabel(_name_unit(steps, curves), fontsize=9)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        if name.startswith('loss') and min(values) > 0:
            axes.set_yscale('log')
        axes.grid(alpha=0.3)
        axes.spines[['top', 'right']].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=11)
    with atomic_write(out_file) as file:
        figure.savefig(file, dpi=120, format=Path(out_file).suffix.lstrip('.') or 'png')


def _find(path: Path) -> Path:
    """Return ``path`` itself or the newest ``scalars.json`` below it."""
    files = [path] if path.is_file() else sorted(path.rglob('scalars.json'))
    if not files:
        raise DataError(f'{path} must be scalars.json or a folder with one, found none')
    return max(files, key=lambda file: file.stat().st_mtime)


def _name_unit(steps: Sequence[float], curves: Mapping[str, Curve]) -> str:
    """Tell iterations from epochs, by which only validations are counted."""
    last = max(curves.get('lr', ([0.0], []))[0])
    return 'iteration' if steps[-1] >= last / 2 else 'epoch'


def _interesting(curves: Mapping[str, Curve]) -> list[str]:
    """Leave out what belongs to the log rather than to a picture, and all but few panels."""
    housekeeping = ('lr', 'time', 'data_time', 'memory', 'grad_norm', 'loss_scale', 'excluded')
    names = [
        name
        for name in curves
        if name not in housekeeping and not name.startswith(('loss_', 'base_'))
    ]
    groups = [name.partition('/')[0] for name in names]  # coco/AP, coco/AP .5 and so on
    firsts = [name for place, name in enumerate(names) if groups.index(groups[place]) == place]
    return firsts[:_MOST]
