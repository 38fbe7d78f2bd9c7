"""Distillations composed of two ordinary configs, also with images that nobody has labelled."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from posenas.apis.building import ConfigLike, find_and_load, load_checked, require_model
from posenas.convert import make_distillation, merge_teacher, take_distillation
from posenas.registry import DATASETS
from posenas.utils import ConfigError
from posenas.utils.config import override_config
from posenas.utils.config_check import verify_config
from posenas.utils.config_forms import is_foreign_config
from posenas.utils.download import pin_checkpoint

#: Share of the teacher's term where nothing says it.
ALPHA = 0.5
#: Settings that images without labels take over from those with labels.
_SHARED = ('pipeline', 'generation', 'num_views', 'bad_sample_policy', 'max_refetch')


def compose_distillation(
    student: ConfigLike,
    teacher: ConfigLike,
    teacher_checkpoint: str | Path | None = None,
    student_checkpoint: str | Path | None = None,
    alpha: float | None = None,
    cfg_options: dict | None = None,
    legacy: bool = True,
    strict: bool = False,
    sha256: str | None = None,
    trust_download: bool = False,
) -> Config:
    """Compose the config that trains a student on labels and on the heatmaps of a teacher.

    Data, optimizer and schedule are those of the student's config.

    Args:
        student: Config of an ordinary training.
        teacher: Config of a network that finds the same keypoints.
        teacher_checkpoint: Its weights: file, or http(s) address; None takes ``KD.TEACHER`` of a
            student's config of FPD.
        student_checkpoint: Weights that the student starts from; None takes its ``load_from``.
        alpha: Share of the teacher's term in [0, 1]; None takes ``KD.ALPHA`` of a student's config
            of FPD, else 0.5.
        cfg_options: Settings that replace those of the composed config where they begin with
            ``model.``, and else those of the student's.
        legacy: See :func:`posenas.apis.load_checked`.
        strict: Likewise.
        sha256: SHA-256 of the teacher's checkpoint, at least its first 8 digits; None takes those
            that an address states.
        trust_download: Whether an address without a SHA-256 may be loaded.

    Raises:
        ConfigError: A config is broken, or there are no weights of the teacher.
        CheckpointError: The weights of an address cannot be had.
    """
    options = dict(cfg_options or {})
    student = find_and_load(student)
    if is_foreign_config(student):  # the teacher's settings begin with all of these
        override_config(student, {key: v for key, v in options.items() if _is_of_yaml(key)})
    given = dict(alpha=alpha, teacher_checkpoint=teacher_checkpoint)
    settings = dict(alpha=ALPHA) | take_distillation(student)
    settings |= {key: value for key, value in given.items() if value is not None}
    if 'teacher_checkpoint' not in settings:
        raise ConfigError('teacher_checkpoint must be given: a teacher needs trained weights')
    settings['teacher_checkpoint'] = pin_checkpoint(
        settings['teacher_checkpoint'], sha256, trust_download
    )
    later = {key: options.pop(key) for key in list(options) if key.startswith('model.')}
    taught_by = merge_teacher(student, find_and_load(teacher))
    taught_by = load_checked(taught_by, None, legacy, strict)
    taught = load_checked(student, options, legacy, strict)
    for each in (taught, taught_by):
        require_model(each)
    cfg = make_distillation(
        taught,
        taught_by.model,
        student_checkpoint=student_checkpoint and str(student_checkpoint),
        **settings,
    )
    override_config(cfg, later)
    verify_config(cfg)
    return cfg


def _is_of_yaml(key: str) -> bool:
    """Tell whether an override is a setting of a YAML file, as its capitals say."""
    return key.split('.')[0].isupper()


def add_unlabelled(
    cfg: Config,
    ann_file: str,
    images: str | None = None,
    bbox_file: str | None = None,
    labelled_per_batch: int | None = None,
) -> None:
    """Add images without labels, which the teacher alone labels, to the training data of ``cfg``.

    Args:
        cfg: Config of a distillation, or of its student; changed in place.
        ann_file: File in the layout of COCO or MPII: its boxes are used, its labels are not.
        images: Folder of the images; None takes that of training.
        bbox_file: Detected boxes instead of those of ``ann_file``.
        labelled_per_batch: Samples with labels in each batch, 0 for none; None takes half of them.

    Raises:
        ConfigError: The training data consist of several sets, or the shares are impossible.
    """
    loader = cfg.train_dataloader
    labelled = loader.dataset
    if 'datasets' in labelled or 'dataset' in labelled:
        raise ConfigError(
            'images without labels need one data set in train_dataloader, got '
            f'{labelled.type}: write a config with LabelledRatioSampler and '
            'UnlabelledTopdownDataset'
        )
    share = loader.batch_size // 2 if labelled_per_batch is None else labelled_per_batch
    if not 0 <= share < loader.batch_size:
        raise ConfigError(
            f'labelled_per_batch must be at least 0 and below the batch size '
            f'{loader.batch_size}, got {share}'
        )
    unlabelled = _describe_unlabelled(labelled, ann_file, images, bbox_file)
    if share == 0:
        loader.dataset = unlabelled
    else:
        loader.dataset = dict(type='ConcatDataset', datasets=[labelled, unlabelled])
        loader.sampler = dict(type='LabelledRatioSampler', labelled_per_batch=share)
    verify_config(cfg)


def _describe_unlabelled(
    labelled: dict, ann_file: str, images: str | None, bbox_file: str | None
) -> dict[str, Any]:
    """Return the config of the data set whose samples are made as the labelled ones are."""
    folder = images or str(
        Path(labelled.get('data_root') or '', (labelled.get('data_prefix') or {}).get('img', ''))
    )
    skeleton = labelled.get('metainfo') or dict(DATASETS.get(labelled['type']).METAINFO)
    return dict(
        type='UnlabelledTopdownDataset',
        ann_file=ann_file,
        bbox_file=bbox_file,
        layout=_find_layout(ann_file),
        data_prefix=dict(img=folder),
        metainfo=skeleton,
        **{key: labelled[key] for key in _SHARED if key in labelled},
    )


def _find_layout(path: str) -> str:
    """Tell MPII's layout, a list, from COCO's."""
    try:
        with open(path, encoding='utf-8') as file:
            return 'mpii' if file.read(256).lstrip().startswith('[') else 'coco'
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'images without labels need a readable JSON file: {error}') from error
