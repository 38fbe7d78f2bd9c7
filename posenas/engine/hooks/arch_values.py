"""The history of a search by gradients: values in a file, a picture, the log."""

import json
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from posenas.genotype import save_genotype
from posenas.registry import HOOKS
from posenas.utils.atomic_io import atomic_write
from posenas.utils.files import read_records

_FILE, _PICTURE, _GENOTYPE = 'arch_values.jsonl', 'arch_values.png', 'genotype.json'


@HOOKS.register_module()
class ArchValueHook(Hook):
    """Record what the architecture parameters weigh, after every epoch, and what they stand for.

    Writes into the work folder ``arch_values.jsonl`` (a line for each epoch with ``epoch``,
    ``entropy`` and ``weights`` by name), the architecture so far as ``genotype.json``
    and, at the end, the curves as ``arch_values.png``.

    Args:
        interval: Epochs between records; the last one always has one.
        log: Whether to print all weights into the log too.
        picture: Whether to draw the curves.
        genotype: Whether to write the architecture.
    """

    #: Derived networks are trained without it.
    only_in_search = True

    def __init__(
        self, interval: int = 1, log: bool = False, picture: bool = True, genotype: bool = True
    ) -> None:
        self.interval, self.log = interval, log
        self.picture, self.genotype = picture, genotype
        self._records: list[dict] = []

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Continue the records of a resumed search."""
        path = Path(runner.work_dir, _FILE)
        entries = dict(epoch=int, entropy=float, weights=dict)
        records = read_records(path, entries) if path.is_file() else []
        self._records = [record for record in records if record['epoch'] <= runner.epoch]

    @master_only
    def after_train_epoch(self, runner: Runner) -> None:
        """Record the epoch and write everything anew."""
        from posenas.search.objective import entropy

        epoch = runner.epoch + 1
        if epoch % self.interval and epoch != runner.max_epochs:
            return
        supernet = runner.train_loop.supernet
        weights = {name: value.detach() for name, value in supernet.arch_weights().items()}
        self._records.append(
            dict(
                epoch=epoch,
                entropy=float(entropy(weights.values())),
                weights={name: value.tolist() for name, value in weights.items()},
            )
        )
        if self.log:
            runner.logger.info(f'weights of the architecture:\n{_format(weights)}')
        self._write(Path(runner.work_dir), supernet)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Draw the curves."""
        if self.picture and self._records:
            from posenas.visualization import draw_arch_values

            draw_arch_values(self._records, Path(runner.work_dir, _PICTURE))

    def _write(self, folder: Path, supernet: nn.Module) -> None:
        with atomic_write(folder / _FILE) as file:
            file.write(''.join(f'{json.dumps(record)}\n' for record in self._records).encode())
        if self.genotype:
            save_genotype(supernet.space.to_genotype(supernet.read_arch()), folder / _GENOTYPE)


def _format(weights: dict[str, Tensor]) -> str:
    """Write one line for each row of weights."""
    lines = []
    for name, value in weights.items():
        for i, row in enumerate(value.reshape(-1, value.shape[-1]).tolist()):
            lines.append(f'{name}[{i}]: ' + ' '.join(f'{weight:.4f}' for weight in row))
    return '\n'.join(lines)
