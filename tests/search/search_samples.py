"""Small searches on disk: archives, and the config of one that samples architectures."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from registry_cases import TINY_SUPERNET

from posenas.genotype import save_genotype
from posenas.registry import MODELS
from posenas.search import Arch, Archive, Record, SearchSpace


def write_archive(folder: Path, scores: list[dict], macs: list[int]) -> str:
    """Write the archive of a search with one architecture for each cost; returns ``folder``."""
    header = dict(algorithm=dict(objectives={next(iter(scores[0])): 'greater'}))
    archive = Archive(folder / 'archive.jsonl', header)
    for trial, (score, cost) in enumerate(zip(scores, macs, strict=True)):
        arch = Arch(dict(width=trial))
        archive.append(Record(trial, 0, (), f'arch{cost}', arch, score, dict(macs=cost)))
    return str(folder)


def write_sampled_search(folder: Path) -> tuple[Path, SearchSpace]:
    """Write ``sampled.py``, the config of a search with a budget, and ``like.json``, a point.

    Returns:
        The config and the space.
    """
    few = dict.fromkeys(('encoder_ops', 'decoder_ops'), ('none', 'skip_connect', 'std_conv_3x3'))
    model = dict(TINY_SUPERNET, type='PoseNASSupernet')
    model['backbone'] = dict(model['backbone'], **few)
    cost = dict(type='MacsCost', counter=dict(type='PoseNASCounter', model=model))
    loop = dict(
        type='SearchLoop',
        algorithm=dict(type='RandomSearch', objectives=dict(PCK='greater')),
        evaluator=dict(type='SupernetEvaluator'),
        wave=1,
        num_waves=1,
        space=dict(type='PoseNASSpace', **few, macro={}),
        budget=dict(costs=[cost], limits=dict(macs=1.0), input_size=(64, 64), num_keypoints=17),
    )
    supernet = MODELS.build(model)
    loop['space']['macro'] = supernet.space.macro
    cfg = Config(dict(default_scope='posenas', model=model, train_cfg=loop))
    cfg.dump(folder / 'sampled.py')
    space = supernet.space
    save_genotype(space.to_genotype(space.sample(np.random.default_rng(0))), folder / 'like.json')
    return folder / 'sampled.py', space
