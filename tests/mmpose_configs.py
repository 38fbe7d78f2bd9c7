"""Count which configs of MMPose load, pass the checks, build, train a step and predict here.

PYTHONPATH=.:tests python -m mmpose_configs FOLDER [--match 'body*rtmpose*'] [--until builds]

The folder is data: published wheels of mmpose carry it as ``mmpose/.mim/configs`` (``pip download
--no-deps``, unpack). Networks take a step of training, and predict, on rendered spots with random
weights; crops are 64 pixels wide and high, unless ``--full-size`` is given, which takes hours.
Configs that then differ in sigma alone share one outcome. Transforms by ``albumentations`` need
that package. A run that was stopped goes on with the configs that ``--results`` lacks.
"""

import argparse
import json
import logging
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from tiny_data import write_people

from posenas.annotations import Source
from posenas.apis import inference_topdown, init_model
from posenas.apis.building import load_checked
from posenas.apis.inference import find_skeleton
from posenas.datasets import BaseTopdownDataset, EpochIndex
from posenas.registry import DATASETS, MODELS
from posenas.utils.config_check import verify_config

#: Width and height of the crops, a multiple of all strides.
SIDE = 64
STAGES = ('loads', 'checks', 'builds', 'steps', 'predicts')
#: Folders of MMPose whose networks find the keypoints of one person in a crop.
TOP_DOWN = ('topdown_heatmap', 'topdown_regression', 'integral_regression', 'simcc', 'rtmpose')
TOP_DOWN += ('dwpose', 'deeppose')


def main(argv: Sequence[str] | None = None) -> None:
    """Try the configs of a folder, one after another, and print a table."""
    args = _parse(argv)
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    torch.nn.init.kaiming_uniform_ = fill  # half of the time would go into random numbers
    store = Path(args.results)
    lines = store.read_text().splitlines() if store.exists() else []
    results = {entry['config']: entry for entry in map(json.loads, lines)}
    paths = [path for path in sorted(Path(args.folder).rglob('*.py')) if '_base_' not in path.parts]
    names = {path: str(path.relative_to(args.folder)) for path in paths}
    chosen = {path: name for path, name in names.items() if fnmatch(name, args.match)}
    outcomes: dict[str, dict] = {}  # of steps and predictions, by what they depend on
    with tempfile.TemporaryDirectory() as folder:
        for path, name in chosen.items():
            if name not in results:
                start = time.perf_counter()
                side = None if args.full_size else SIDE
                reached, errors = try_config(path, Path(folder), outcomes, args.until, side)
                seconds = round(time.perf_counter() - start, 1)
                entry = dict(config=name, reached=reached, errors=errors, seconds=seconds)
                results[name] = entry
                with store.open('a') as file:
                    file.write(json.dumps(entry) + '\n')
    print(write_table([results[name] for name in chosen.values()]))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser('mmpose_configs', description=__doc__)
    parser.add_argument('folder', help='configs of MMPose, with their _base_')
    parser.add_argument('--match', default='*', help='pattern of the paths below the folder')
    parser.add_argument('--until', choices=STAGES, default=STAGES[-1], help='last stage to try')
    parser.add_argument('--full-size', action='store_true', help='crops as large as configs say')
    parser.add_argument('--results', default='work_dirs/mmpose_configs.jsonl', metavar='FILE')
    args = parser.parse_args(argv)
    Path(args.results).parent.mkdir(parents=True, exist_ok=True)
    return args


def fill(tensor: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
    """Fill a tensor with small numbers that repeat themselves."""
    numbers = 0.05 * torch.randn(4096, generator=torch.Generator().manual_seed(0))
    count = tensor.numel()
    with torch.no_grad():
        return tensor.copy_(numbers.repeat(count // 4096 + 1)[:count].view_as(tensor))


def try_config(
    path: Path,
    folder: Path,
    outcomes: dict[str, dict],
    until: str = STAGES[-1],
    side: int | None = SIDE,
) -> tuple[list[str], dict]:
    """Try the stages of one config; returns those that it reached, and why not the others.

    A config that fails the checks is built all the same; what is built needs no other stage.
    """
    reached, errors = [], {}

    def attempt(stage: str, call: Callable[[], object]) -> object:
        if STAGES.index(stage) > STAGES.index(until):
            return None
        try:
            found = call()
        except Exception as error:  # whatever goes wrong is what this counts
            errors[stage] = f'{type(error).__name__}: {error}'[:400]
            return None
        reached.append(stage)
        return found

    cfg = attempt('loads', lambda: load_checked(str(path), needed=('default_scope',)))
    if cfg is None:
        return reached, errors
    attempt('checks', lambda: verify_config(cfg))
    init_default_scope('posenas')
    if cfg.model.get('teacher_pretrained'):  # other configs say how large its crops are
        give_teacher(cfg, folder)
    elif side is not None:
        cfg = shrink(cfg, side)
    model = attempt('builds', lambda: MODELS.build(Config(dict(model=cfg.model)).model))
    if model is None:
        return reached, errors
    file = folder / 'people.json'
    alike = outcomes.setdefault(describe(cfg), {})
    if not alike or side is None:
        attempt('steps', lambda: take_step(model, cfg, file))
        attempt('predicts', lambda: predict(cfg, min(folder.glob('*.jpg'))))
        alike.update({stage: errors.get(stage) for stage in STAGES[3:] if until == STAGES[-1]})
    else:
        reached += [stage for stage, error in alike.items() if error is None]
        errors |= {stage: error for stage, error in alike.items() if error is not None}
    return reached, errors


def describe(cfg: Config) -> str:
    """Describe all that a step and a prediction depend on but the widths of Gaussians."""
    loaders = [cfg.get('train_dataloader'), cfg.get('val_dataloader')]
    parts = [cfg.model, cfg.get('optim_wrapper'), *loaders]
    names = 'sigma|blur_kernel_size|batch_size|num_workers|ann_file|img|data_root|bbox_file'
    return re.sub(rf"'({names})': [^,]*(, [\d.]+[)\]])?", '', str(parts))


def shrink(cfg: Config, side: int) -> Config:
    """Return the config for square crops, with heatmaps and features of the same strides."""
    codecs = cfg.get('codec') or ()
    sizes = {}
    for codec in codecs if isinstance(codecs, list) else [codecs] if codecs else ():
        size = tuple(codec['input_size'])
        feature = (cfg.model.get('head') or {}).get('in_featuremap_size')
        for other in (size, codec.get('heatmap_size'), feature):
            if other is not None:
                sizes[tuple(other)] = (side * other[0] // size[0], side * other[1] // size[1])

    def replace(value: object) -> object:
        if isinstance(value, dict):
            return {key: replace(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            numbers = all(isinstance(item, int) for item in value)
            if numbers and tuple(value) in sizes:
                return type(value)(sizes[tuple(value)])
            return type(value)(replace(item) for item in value)
        return value

    return Config(replace(cfg.to_dict()), filename=cfg.filename, format_python_code=False)


def give_teacher(cfg: Config, folder: Path) -> None:
    """Give a distillation a teacher with random weights in place of the published ones."""
    teacher = MODELS.build(load_checked(cfg.model.teacher_cfg, needed=('default_scope',)).model)
    torch.save(dict(state_dict=teacher.state_dict()), folder / 'teacher.pth')
    cfg.model.teacher_pretrained = str(folder / 'teacher.pth')


def take_step(model: torch.nn.Module, cfg: Config, file: Path) -> None:
    """Train a model for one step on two people, prepared as its config says.

    A config whose codecs contradict each other is refused, as ``posenas train`` does.
    """
    keys = ('default_scope', 'codec', 'model', 'train_dataloader')
    verify_config(Config({key: cfg[key] for key in keys if key in cfg}))
    dataset = build_spots(cfg, file)
    batch = pseudo_collate([dataset[EpochIndex(i, 0)] for i in range(2)])
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    losses = model.train().train_step(batch, wrapper)
    total = losses['loss'].item()
    if not abs(total) < float('inf'):
        raise ValueError(f'the loss must be finite, got {total}')


def build_spots(cfg: Config, file: Path) -> object:
    """Build the training set of a config on people of spots, written to ``file``."""
    given = cfg.train_dataloader.dataset
    while 'dataset' in given:
        given = given.dataset
    skeleton = find_skeleton(Config(dict(test_dataloader=dict(dataset=given))), {})
    write_people(file.parent, '', file.name, skeleton=skeleton)
    found = DATASETS.get(given.type)
    is_coco = getattr(found, 'load_persons', None) is BaseTopdownDataset.load_persons
    source = getattr(found, 'SOURCE', Source('coco'))
    is_coco &= source == Source(source.skeleton, subsets=source.subsets)  # writes keypoints alike
    settings = {key: given[key] for key in ('metainfo', 'subset') if is_coco and key in given}
    people = dict(
        settings or dict(metainfo=skeleton.metainfo()),
        type=given.type if is_coco else 'CocoDataset',
        ann_file=str(file),
        data_prefix=dict(img=str(file.parent)),
    )
    if 'datasets' in given:  # sources with one skeleton; only their common pipeline is tried
        return DATASETS.build(dict(given, datasets=[people]))
    return DATASETS.build(dict(people, pipeline=given.pipeline))


def predict(cfg: Config, image: Path) -> None:
    """Predict one person with random weights; every keypoint must be a number."""
    model = init_model(cfg, device='cpu')
    sample = inference_topdown(model, str(image), [[10, 10, 80, 110]])[0]
    keypoints = torch.as_tensor(sample.pred_instances.keypoints)
    if keypoints.shape[1] != model.dataset_meta['num_keypoints'] or not keypoints.isfinite().all():
        raise ValueError(f'keypoints must be numbers for each of the skeleton, got {keypoints}')


def write_table(results: Sequence[dict]) -> str:
    """Write how many configs of each folder reach each stage, and all that are 2-D top-down."""
    groups: dict[str, list[dict]] = {}
    for result in results:
        parts = Path(result['config']).parts
        method = [i for i, part in enumerate(parts) if part in TOP_DOWN and '3d' not in parts[0]]
        name = '/'.join(parts[: method[0] + 1] if method else parts[:-2])
        groups.setdefault(name, []).append(result)
        if method:
            groups.setdefault('~all 2-D top-down', []).append(result)
        groups.setdefault('~~all', []).append(result)
    rows = [('folder', 'configs', *STAGES), ('---',) * (len(STAGES) + 2)]
    for name in sorted(groups):
        counts = Counter(stage for result in groups[name] for stage in result['reached'])
        rows.append((name.lstrip('~'), len(groups[name]), *(counts[stage] for stage in STAGES)))
    return '\n'.join('| ' + ' | '.join(map(str, row)) + ' |' for row in rows)


if __name__ == '__main__':
    main()
