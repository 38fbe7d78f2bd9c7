"""What a training on somebody's own annotation file needs: a split, a folder, a config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from posenas.annotations import find_file
from posenas.skeletons import SKELETONS, Skeleton
from posenas.utils.config_text import keep_braces, write_comment
from posenas.utils.errors import DataError
from posenas.utils.randomness import Stream, make_generator

#: Where images usually are, seen from their annotation file.
_IMAGE_FOLDERS = ('', 'images', '../images', '..', 'train', '../train', '../train2017')

#: The base may draw from several sources; these data are one.
_SAMPLER = "    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True),\n"


@dataclass(frozen=True)
class CustomConfig:
    """What differs from the config that a training is based on.

    Attributes:
        base: Path of that config.
        skeleton: Keypoints of the data.
        train_file: Annotation file of the training.
        val_file: Annotation file of the validation.
        train_images: Folder of the training images.
        val_images: Folder of the validation images.
        batch_size: People in a batch of the training; None takes that of the base.
        settings: Further entries of the config, such as a schedule.
        held_out: Share of the training images that a search scores architectures on; none is
            held out of a training.
        train_pipeline: Pipeline of the training images, a variable of the base.
        comments: Lines to write above.
    """

    base: str
    skeleton: Skeleton
    train_file: str
    val_file: str
    train_images: str
    val_images: str
    batch_size: int | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    held_out: float = 0.0
    train_pipeline: str = 'train_pipeline'
    comments: Sequence[str] = ()


def split_content(
    content: dict[str, Any], share: float, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide the images of a COCO keypoint file at random, with their annotations.

    Images without annotations stay with the first part, and all else is in both.

    Args:
        content: The file, checked before.
        share: Of the annotated images that go into the second part; at least one does.
        seed: Of the permutation.

    Raises:
        DataError: Fewer than two images have annotations.
    """
    annotated = {record['image_id'] for record in content['annotations']}
    images = [image['id'] for image in content['images'] if image['id'] in annotated]
    if len(images) < 2:
        raise DataError(
            f'a file to split must have at least 2 images with annotations, got {len(images)}: '
            'give --val'
        )
    number = min(max(1, round(share * len(images))), len(images) - 1)
    order = make_generator(Stream.HELD_OUT_IMAGES, seed).permutation(len(images))
    held_out = {images[place] for place in order[:number]}

    def part(is_second: bool) -> dict[str, Any]:
        return content | dict(
            images=[i for i in content['images'] if (i['id'] in held_out) is is_second],
            annotations=[
                a for a in content['annotations'] if (a['image_id'] in held_out) is is_second
            ],
        )

    return part(False), part(True)


def find_image_folder(annotation_file: str | Path, file_names: Sequence[str]) -> Path | None:
    """Return the usual folder that holds the first images of a file; None if none does.

    Names that label tools write otherwise than their files count where no folder has them as
    they are.
    """
    root = Path(annotation_file).parent
    subset = Path(annotation_file).stem.rpartition('_')[2]  # CVAT: images/default
    folders = [*_IMAGE_FOLDERS, *(f'{place}/{subset}' for place in ('images', '../images', '..'))]
    for is_exact in (True, False):
        for name in folders:
            found = [find_file(file, root / name) for file in file_names[:3]]
            is_here = None not in found and (not is_exact or found == list(file_names[:3]))
            if file_names and is_here:
                return root.parent / name[3:] if name.startswith('../') else root / name
    return None


def write_config_text(config: CustomConfig) -> str:
    """Return the text of a config that trains, or searches, on the data."""
    batch_size = '' if config.batch_size is None else f'    batch_size={config.batch_size},\n'
    comments = ''.join(map(write_comment, config.comments))
    train = config.train_file, config.train_images
    val = config.val_file, config.val_images
    is_test = '        test_mode=True,'
    if config.held_out:  # nothing is chosen on the images of the validation
        subsets = (
            f'        image_subset=dict(seed=0, {part}={config.held_out}),'
            for part in ('start', 'stop')
        )
        seen, scored = subsets
        loaders = [
            _dataset_text(*train, config.train_pipeline, seen),
            _dataset_text(*train, 'val_pipeline', f'{is_test}\n{scored}'),
        ]
        test = f'test_dataloader = dict(\n{_dataset_text(*val, "val_pipeline", is_test)})\n'
    else:
        loaders = [
            _dataset_text(*train, config.train_pipeline, ''),
            _dataset_text(*val, 'val_pipeline', is_test),
        ]
        test = 'test_dataloader = val_dataloader\n'
    return keep_braces(
        f'{comments}_base_ = {config.base!r}\n\n'
        f'{_skeleton_text(config.skeleton)}\n'
        f'train_dataloader = dict(\n{batch_size}{_SAMPLER}{loaders[0]})\n'
        f'val_dataloader = dict(\n{loaders[1]})\n'
        f'{test}'
        "val_evaluator = dict(_delete_=True, type='PCKAccuracy', thr=0.1)\n"
        'test_evaluator = val_evaluator\n'
        f'{Config(dict(config.settings)).pretty_text}'
    )


def _dataset_text(file: str, images: str, pipeline: str, more: str) -> str:
    return (
        '    dataset=dict(\n'
        '        _delete_=True,\n'
        "        type='CocoDataset',\n"
        f'        ann_file={file!r},\n'
        f'        data_prefix=dict(img={images!r}),\n'
        '        metainfo=metainfo,\n'
        + (more and f'{more}\n')
        + f'        pipeline=_base_.{pipeline},\n'
        '    )\n'
    )


def _skeleton_text(skeleton: Skeleton) -> str:
    """Write a built-in skeleton by its name, others in MMPose's form, a keypoint or limb a line."""
    if SKELETONS.get(skeleton.name) == skeleton:
        return f'metainfo = dict(dataset_name={skeleton.name!r})\n'
    names = skeleton.joint_names
    lines = ['metainfo = dict(', f'    dataset_name={skeleton.name!r},', '    keypoint_info={']
    for joint, name in enumerate(names):
        partner = skeleton.flip_indices[joint]
        swap = '' if partner == joint else names[partner]
        half = 'lower' if joint in skeleton.lower_body_ids else 'upper'
        color = list(skeleton.joint_colors[joint])
        lines.append(
            f'        {joint}: dict(name={name!r}, id={joint}, color={color}, type={half!r}, '
            f'swap={swap!r}),'
        )
    lines += ['    },', '    skeleton_info={']
    for limb, (first, second) in enumerate(skeleton.limbs):
        link = f'({names[first]!r}, {names[second]!r})'
        color = list(skeleton.limb_colors[limb])
        lines.append(f'        {limb}: dict(link={link}, id={limb}, color={color}),')
    lines += [
        '    },',
        f'    joint_weights={list(skeleton.joint_weights)},',
        f'    sigmas={list(skeleton.sigmas)},',
        ')',
    ]
    return '\n'.join(lines) + '\n'
