"""Distillations made of two ordinary configs, and what configs of FPD say about them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from posenas.utils import ConfigError
from posenas.utils.config_forms import is_hrnet_config


def make_distillation(
    cfg: Config,
    teacher: Mapping[str, Any],
    teacher_checkpoint: str,
    student_checkpoint: str | None = None,
    alpha: float = 0.5,
) -> Config:
    """Turn the training of one network into its distillation from another.

    Data, optimizer and schedule stay. Weights that the training would start from become those of
    the student.

    Args:
        cfg: Config of an ordinary training.
        teacher: ``model`` of the teacher's config; of a distillation, its student.
        teacher_checkpoint: File with the teacher's weights.
        student_checkpoint: File with the weights that the student starts from; None takes
            ``load_from`` of ``cfg``.
        alpha: Share of the teacher's term in the loss.

    Returns:
        A new config; its name is that of the first one with ``_fpd``.

    Raises:
        ConfigError: ``cfg`` is a distillation already.
    """
    if cfg.model.get('type') == 'FPDDistiller':
        raise ConfigError(
            f'{cfg.filename} must be the config of an ordinary training, got a distillation: '
            'train it by posenas train, or give the config of its student'
        )
    new = cfg.to_dict()
    new['model'] = dict(
        type='FPDDistiller',
        student=new['model'],
        student_checkpoint=student_checkpoint or new.get('load_from'),
        teacher=ConfigDict(teacher.get('student', teacher)).to_dict(),
        teacher_checkpoint=teacher_checkpoint,
        loss=dict(type='FPDLoss', alpha=alpha),
    )
    new['load_from'] = None
    new['custom_hooks'] = [*(new.get('custom_hooks') or ()), dict(type='DistillStateHook')]
    stem = Path(cfg.filename).stem
    # A text keeps mmengine from reading a file of that name.
    return Config(new, cfg_text=f'# {stem} with a teacher.', filename=f'{stem}_fpd.py')


def take_distillation(cfg: Config) -> dict[str, Any]:
    """Take section ``KD`` out of a config of FPD.

    Returns:
        ``alpha`` and ``teacher_checkpoint``, as far as it sets them; empty where ``cfg`` does not
        distil.
    """
    if not is_hrnet_config(cfg):
        return {}
    section = cfg.pop('KD', None) or {}
    if section.get('TRAIN_TYPE', 'NORMAL') == 'NORMAL':
        return {}
    names = dict(ALPHA='alpha', TEACHER='teacher_checkpoint')
    return {new: section[old] for old, new in names.items() if section.get(old) not in (None, '')}


def merge_teacher(cfg: Config, teacher: Config) -> Config:
    """Merge the teacher's config over the student's where both are of FPD, as its code does.

    What the teacher's file leaves out, such as the size of images, is the student's.
    """
    if not (is_hrnet_config(cfg) and any(key in teacher for key in ('MODEL', 'DATASET', 'TRAIN'))):
        return teacher
    merged = cfg.copy()
    merged.pop('KD', None)
    merged.merge_from_dict({key: value for key, value in teacher.to_dict().items() if key != 'KD'})
    return merged
