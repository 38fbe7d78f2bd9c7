"""Options that ViPNAS, Dite-HRNet, PNFS, PoseNAS and FPD published, with their meaning there."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from posenas.cli.args import add_options, enable_drawing
from posenas.cli.values import COUNT, number, whole
from posenas.utils.config import find_network
from posenas.utils.errors import ConfigError
from posenas.utils.telling import tell

#: Epochs between two pictures of ``--visualize``.
_VISUALIZE_INTERVAL = 5
#: Files of trained weights that the published trainers leave.
_PUBLISHED_WEIGHTS = ('best_ckpt.tar', 'model_best.pth', 'final_state.pth')
_TRAIN, _TEST, _BOTH = ('train',), ('test',), ('train', 'test')
_ALL = ('train', 'test', 'distill')


class Published(NamedTuple):
    """One option.

    Attributes:
        words: Its spellings and what its value is called, as :func:`add_options` takes them.
        commands: Commands that take it.
        settings: What it does, or arguments of ``add_argument``.
        apply: Writes its value into a config.
        notice: Why it changes nothing here; said when it is given.
    """

    words: str
    commands: tuple[str, ...]
    settings: str | Mapping[str, Any]
    apply: Callable[[Config, Any, str], None] | None = None
    notice: str | None = None

    @property
    def flag(self) -> str:
        """First of its spellings."""
        return self.words.split()[0]

    @property
    def dest(self) -> str:
        """Attribute of the parsed arguments that holds the value."""
        own = {} if isinstance(self.settings, str) else self.settings
        return own.get('dest', self.flag.strip('-').replace('-', '_'))


def _require_validation(cfg: Config, value: object, command: str) -> None:
    if not cfg.get('val_dataloader'):
        raise ConfigError(
            '--validate needs val_dataloader, val_cfg and val_evaluator in the config'
        )


def _set_batch_size(cfg: Config, size: int, command: str) -> None:
    """Set the samples of a step; those of the weights of a bilevel search stay a multiple."""
    loader = cfg[f'{command}_dataloader']
    arch = cfg.get('train_cfg', {}).get('arch_dataloader') or {} if command == 'train' else {}
    factor = loader.batch_size // arch['batch_size'] if 'batch_size' in arch else 1
    loader.batch_size = factor * size
    if 'batch_size' in arch:
        arch['batch_size'] = size


def _set_workers(cfg: Config, count: int, command: str) -> None:
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if loader:
            loader.num_workers = count
            loader.persistent_workers = count > 0 and loader.get('persistent_workers', False)


def _draw_inputs(cfg: Config, value: object, command: str) -> None:
    from posenas.datasets.wrappers import pack_crop_joints

    pack_crop_joints(cfg[f'{command}_dataloader'].dataset)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='InputPicturesHook')]


def _draw_heatmaps(cfg: Config, value: object, command: str) -> None:
    settings = dict(enable=True, once=True, epoch_interval=_VISUALIZE_INTERVAL)
    enable_drawing(cfg, 'visualization', 'PoseVisualizationHook', settings)
    model = find_network(cfg.model)
    model.test_cfg = dict(model.get('test_cfg') or {}, output_heatmaps=True)


def _require_here(cfg: Config, folder: str, command: str) -> None:
    if folder not in ('', '.'):
        raise ConfigError(
            f'--dataDir must be the current folder, got {folder}: link your data into data/'
        )


def _parse_gpus(text: str) -> int | list[int]:
    """Read a number of GPUs, or, as PoseNAS writes them, their numbers: '0' or '0,1'."""
    return _parse_ids(text) if ',' in text or text == '0' else COUNT(text)


def _parse_ids(text: str) -> list[int]:
    return [whole(0)(word) for word in text.split(',')]


_OPTIONS = (
    Published('--cfg CONFIG', _BOTH, 'the same as CONFIG'),
    Published('--exp-name DIR', _BOTH, dict(dest='work_dir', help='the same as --work-dir')),
    Published('--modelDir DIR', _ALL, 'folder of all outputs, which holds the work dir'),
    Published(
        '--dataDir DIR', _ALL, 'folder of the data, which must be the current one', _require_here
    ),
    Published('--logDir DIR', _ALL, 'no effect', notice='logs lie in the work dir'),
    Published(
        '--prevModelDir DIR', _ALL, 'no effect', notice='a run is continued by --resume FILE'
    ),
    Published('--test-model --test-weight CHECKPOINT', _TEST, 'the same as CHECKPOINT'),
    Published(
        '--load-ckpt',
        _TRAIN,
        dict(action='store_const', const='auto', dest='resume', help='the same as --resume'),
    ),
    Published('--validate', _TRAIN, 'validate during training (default)', _require_validation),
    Published(
        '--batch-size --batchsize N',
        _BOTH,
        dict(type=COUNT, help='samples per step'),
        _set_batch_size,
    ),
    Published(
        '--num-workers N',
        _BOTH,
        dict(type=whole(0, 1024), help='processes that load data'),
        _set_workers,
    ),
    Published(
        '--debug',
        _BOTH,
        'draw inputs of the network every 100 iterations, to WORK_DIR/TIME/inputs',
        _draw_inputs,
    ),
    Published(
        '--visualize',
        _BOTH,
        'draw keypoints and heatmaps of one image, in training every 5 epochs, in testing once',
        _draw_heatmaps,
    ),
    Published('--param-flop', _BOTH, 'print parameters and operations'),
    Published('--distributed', _TRAIN, 'the same as --launcher pytorch where torch launched it'),
    Published(
        '--proc-per-gpu N',
        _BOTH,
        dict(type=COUNT, help='no effect'),
        notice='one process uses one GPU; tools/dist_test.sh starts several',
    ),
    Published(
        '--average-clips',
        _TEST,
        dict(choices=('score', 'prob'), help='no effect'),
        notice='there is a pose for each frame; clips belong to video recognition',
    ),
    Published('--flip-test', _TEST, 'average with the prediction for the mirrored image'),
    Published('--use-dt', _TEST, 'test with the boxes of a detector, not with annotated ones'),
    Published(
        '--dataset',
        _TEST,
        dict(
            choices=('val', 'test'),
            help=(
                'images of --use-dt: val2017, or test-dev2017, which writes results without scores'
            ),
        ),
    ),
    Published(
        '--margin M',
        _TEST,
        dict(
            type=number(),
            help='side of the crop over side of the box, 1.0 to 1.5 (default: the config)',
        ),
    ),
)


def add_published_options(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the published options of ``command``: 'train', 'test' or 'distill'."""
    group = parser.add_argument_group('options of ViPNAS, Dite-HRNet, PNFS, PoseNAS and FPD')
    _add_device_options(group.add_mutually_exclusive_group())
    add_options(group, {each.words: each.settings for each in _OPTIONS if command in each.commands})


def _add_device_options(devices: argparse._MutuallyExclusiveGroup) -> None:
    options = {
        '--gpus N': dict(
            type=_parse_gpus,
            help=(
                'number of GPUs, which must be 1 (tools/dist_train.sh takes more); 0,1 are '
                'indices, as for --gpu'
            ),
        ),
        '--gpu-ids --gpu-id I': dict(
            type=whole(0), nargs='+', help=('indices of GPUs, of which the first is used')
        ),
        '--gpu I,J': dict(
            type=_parse_ids, dest='gpu_ids', help=('indices of GPUs, of which the first is used')
        ),
    }
    add_options(devices, options)


def apply_published_options(args: argparse.Namespace, cfg: Config, command: str) -> None:
    """Write the published options into ``cfg``; say of each that has no effect why.

    Raises:
        ConfigError: An option does not fit the config.
    """
    for option in _OPTIONS:
        value = getattr(args, option.dest, None) if command in option.commands else None
        if value is None or value is False:
            continue
        if option.notice:
            tell(f'{option.flag} changes nothing here: {option.notice}')
        elif option.apply:
            option.apply(cfg, value, command)
    if args.modelDir:
        cfg.work_dir = str(Path(args.modelDir) / Path(cfg.filename).stem)


def choose_gpu(args: argparse.Namespace) -> None:
    """Take the first of the GPUs that the options name, and say what becomes of the others.

    Raises:
        ConfigError: There is no such GPU.
    """
    import torch

    ids = args.gpus if isinstance(args.gpus, list) else args.gpu_ids
    count = len(ids) if ids else (args.gpus or 1)
    if count > 1:
        tell(
            f'one process uses one GPU, the first of {count}; start several processes by '
            f'tools/dist_train.sh CONFIG {count}, or tools/dist_test.sh'
        )
    if ids and torch.cuda.is_available():
        if ids[0] >= torch.cuda.device_count():
            raise ConfigError(
                f'--gpu-ids must be below {torch.cuda.device_count()}, the number of GPUs, got '
                f'{ids}'
            )
        torch.cuda.set_device(ids[0])
    elif (ids or args.gpus) and not torch.cuda.is_available():
        tell('this machine has no GPU: using the CPU')


def find_checkpoint(config: str, work_dir: str) -> str:
    """Find the weights to test where the command line names none.

    Args:
        config: Config as on the command line; a YAML file can name them.
        work_dir: Folder of the run, whose best checkpoint is taken else.

    Raises:
        ConfigError: There are none.
    """
    from posenas.apis.building import find_and_load

    raw = find_and_load(config)
    named = (raw.get('test') or {}).get('ckpt') or (raw.get('TEST') or {}).get('MODEL_FILE')
    best = sorted(Path(work_dir).glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    published = [path for name in _PUBLISHED_WEIGHTS if (path := Path(work_dir, name)).is_file()]
    found = [*([named] if named else []), *best[::-1], *published]
    if not found:
        raise ConfigError(
            f'a checkpoint must be given: {config} names none and {work_dir} has no best_*.pth'
        )
    tell(f'using the weights of {found[0]}')
    return str(found[0])


def log_cost(cfg: Config) -> None:
    """Print parameters and operations of the network of a config, for one image."""
    import torch

    from posenas.registry import MODELS
    from posenas.utils.profiling import profile_model

    network = find_network(cfg.model)
    width, height = (cfg.get('codec') or network.head.decoder)['input_size']
    with torch.device('meta'):
        cost = profile_model(MODELS.build(network), torch.empty(1, 3, height, width))
    tell(
        f'{cost.parameters:,} parameters; {cost.macs:,} multiply-accumulates at {height}x{width}: '
        f'{cost.macs / 1e9:.3f} x 10^9, {cost.macs / 2**30:.3f} x 2^30'
    )
