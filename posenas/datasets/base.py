"""What all top-down data sets share: one person is one sample."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.logging import print_log
from torch.utils.data import Dataset

from posenas.annotations import Finding, announce
from posenas.datasets.annotations import CocoFile, read_coco_file
from posenas.datasets.foreign import has_foreign, seeded_globals
from posenas.datasets.image_subset import select_images
from posenas.datasets.persons import PersonTable
from posenas.datasets.views import check_views, fingerprint
from posenas.registry import TRANSFORMS
from posenas.skeletons import Skeleton, skeleton_from_metainfo
from posenas.utils.checks import check_choice
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.paths import join_path
from posenas.utils.processes import can_share_memory
from posenas.utils.randomness import SCHEME, Stream, make_generator

BAD_SAMPLE_POLICIES = ('replace', 'skip', 'fail')


class BaseTopdownDataset(Dataset):
    """Persons of a file in COCO's keypoint layout, with any skeleton.

    A sample is a dict (K keypoints): ``img_path``, ``img_id``, ``id``, ``bbox`` (1, 4) corners
    and ``bbox_score`` (1,), ``keypoints`` (1, K, 2) in image pixels, ``keypoints_visible``
    (1, K) 0 or 1, ``keypoints_level`` (1, K) as in the file, ``label_scores``
    (1, K) where a teacher set labels, ``area`` where the file has it,
    ``category_id``, ``iscrowd``, ``stated_size``, width and height in the file with which
    ``LoadImage`` compares the picture, None if unknown, the skeleton's ``flip_indices``,
    ``upper_body_ids``, ``lower_body_ids`` and ``dataset_keypoint_weights`` (K,),
    ``dataset_name``, and ``rng``, the
    generator that transforms draw from. It is seeded by :attr:`seed`, the epoch (attribute
    ``epoch`` of the index) and the index, so a sample does not depend on workers or on what was
    drawn before; ``run_seed`` holds seed and index alone, for what stays the same in all epochs. In
    test mode annotated samples have ``raw_ann_info``, the annotation in COCO's form.

    Args:
        ann_file: Annotation file, relative to ``data_root``.
        bbox_file: Detected boxes that replace the annotated ones; test mode only.
        data_mode: Only 'topdown'.
        metainfo: Skeleton, see :func:`posenas.skeletons.skeleton_from_metainfo`; None takes it
            from the file's categories and, where they name no keypoints, :attr:`METAINFO`.
        data_root: Folder or address that ``ann_file`` and ``data_prefix`` start from.
        data_prefix: ``img``, the folder of the images, relative to ``data_root``.
        filter_cfg: ``bbox_score_thr``, least score of a detected box.
        indices: The first n samples (the last n if negative), or a list of positions.
        serialize_data: Ignored: annotations always are arrays that workers share.
        pipeline: Transforms, as configs or callables.
        test_mode: Whether samples are for evaluation.
        lazy_init: Whether to read the file only when it is needed.
        max_refetch: How many other samples 'replace' tries.
        sample_interval: Keep every n-th sample.
        generation: Cleaning of annotated boxes, see :func:`posenas.geometry.clean_bbox_xywh`.
        bad_sample_policy: What to do when an image cannot be read: 'replace' by another sample,
            'skip' (deliver a black image without labels, marked ``bad_sample``, which metrics
            leave out and count) or 'fail'; None is 'replace' in training and 'skip' in test mode.
        backend_args: Backend of the annotation file, for mmengine's fileio.
        image_subset: People of these images only, see
            :func:`posenas.datasets.image_subset.select_images`; applied before ``indices``.
        num_views: Different ways V in which each sample is disturbed; epoch e repeats epoch
            e mod V. Samples get ``view``: a digest of the data set, the index, e mod V, by which
            :class:`posenas.models.TeacherCache` finds them again; those that replace a bad
            sample get none. None disturbs them anew in each epoch.

    Attributes:
        METAINFO: Skeleton of files that name no keypoints.
        seed: First part of the seed of each sample; set by the runner.
        given: Skeleton of ``metainfo``, None where that of the file is taken.
        findings: What was put right in the annotation file, once it is read.
        left_out: People of the files that are no samples, counted by reason.

    Raises:
        ConfigError: An argument cannot mean anything.
        DataError: A file is malformed, or no sample is left.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'coco'}
    _COUNTED: ClassVar[str] = 'people'  # what one sample is, in messages

    def __init__(
        self,
        ann_file: str = '',
        bbox_file: str | None = None,
        data_mode: str = 'topdown',
        metainfo: Mapping[str, Any] | None = None,
        data_root: str | None = None,
        data_prefix: Mapping[str, str] | None = None,
        filter_cfg: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 1000,
        sample_interval: int = 1,
        generation: str = '1.x',
        bad_sample_policy: str | None = None,
        backend_args: Mapping[str, Any] | None = None,
        image_subset: Mapping[str, Any] | None = None,
        num_views: int | None = None,
    ) -> None:
        if data_mode != 'topdown':
            raise ConfigError(f"data_mode must be 'topdown', got {data_mode!r}")
        if bbox_file and not test_mode:
            raise ConfigError(
                'bbox_file needs test_mode=True: detected boxes have no labels to train on'
            )
        unknown = set(filter_cfg or {}) - {'bbox_score_thr'}
        if unknown:
            raise ConfigError(f"filter_cfg must hold only 'bbox_score_thr', got {sorted(unknown)}")
        self.data_root = data_root or ''
        self.ann_file = join_path(self.data_root, ann_file)
        self.bbox_file = bbox_file
        self.image_folder = join_path(self.data_root, (data_prefix or {}).get('img', ''))
        self.filter_cfg = dict(filter_cfg or {})
        self.indices, self.sample_interval = indices, sample_interval
        self.image_subset = image_subset
        self.test_mode = test_mode
        self.max_refetch = max_refetch
        self.generation = generation
        self.bad_sample_policy = bad_sample_policy or ('skip' if test_mode else 'replace')
        check_choice('bad_sample_policy', self.bad_sample_policy, BAD_SAMPLE_POLICIES)
        self.backend_args = backend_args
        self.seed = 0
        self.num_views = num_views
        self.set_pipeline(pipeline)
        self.given = None if metainfo is None else skeleton_from_metainfo(metainfo)
        self._persons: PersonTable | None = None
        self.findings: list[Finding] = []
        self.left_out: dict[str, int] = {}
        self._set_skeleton(self.given or skeleton_from_metainfo(self.METAINFO))
        if not lazy_init:
            self.full_init()

    def set_pipeline(self, pipeline: Sequence[dict | Callable]) -> None:
        """Prepare samples by other transforms from now on.

        Workers of a data loader that run already keep theirs.

        Args:
            pipeline: Transforms, as configs or callables.

        Raises:
            ConfigError: There are callables, and the samples have views.
        """
        self.pipeline = [step if callable(step) else TRANSFORMS.build(step) for step in pipeline]
        self._has_foreign = has_foreign(self.pipeline)
        self._pipeline_cfg = list(pipeline)
        self._fingerprints: dict[int, str] = {}
        if self.num_views is not None:
            check_views(self.num_views, pipeline)

    def _set_skeleton(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self._common = {
            'dataset_name': skeleton.name,
            'flip_indices': list(skeleton.flip_indices),
            'upper_body_ids': list(skeleton.upper_body_ids),
            'lower_body_ids': list(skeleton.lower_body_ids),
            'dataset_keypoint_weights': np.array(skeleton.joint_weights, np.float32),
        }

    @property
    def metainfo(self) -> dict[str, Any]:
        """The skeleton under MMPose's keys, see :meth:`posenas.skeletons.Skeleton.metainfo`."""
        return self.skeleton.metainfo()

    @property
    def persons(self) -> PersonTable:
        """The people of all samples."""
        self.full_init()
        return self._persons

    def __len__(self) -> int:
        return len(self.persons)

    def full_init(self) -> None:
        """Read the files, once."""
        if self._persons is not None:
            return
        persons, dropped = self.load_persons()
        announce(self.ann_file, self.findings)
        count = len(persons)
        if self.image_subset is not None:
            chosen = select_images(persons.images.ids, self.image_subset)
            persons = persons.select(np.isin(persons.images.ids[persons.image_rows], chosen))
        persons = persons.select(self._choose_rows(len(persons)))
        source = self.bbox_file or self.ann_file
        dropped = {**dropped, 'not chosen by the config': max(count - len(persons), 0)}
        self.left_out = {why: number for why, number in dropped.items() if number}
        left_out = ', '.join(f'{number} {why}' for why, number in self.left_out.items())
        if not len(persons):
            raise DataError(
                f'{source}: at least one person must be usable, got none (left out: '
                f'{left_out or "nothing"})'
            )
        note = left_out and f', left out {left_out}'
        print_log(f'{source}: {len(persons)} {self._COUNTED}{note}', logger='current')
        self.replace_persons(persons)

    def _choose_rows(self, count: int) -> np.ndarray:
        """Return the rows, of ``count``, that ``sample_interval`` and ``indices`` keep."""
        rows = np.arange(count)[:: self.sample_interval]
        if self.indices is None:
            return rows
        if isinstance(self.indices, int):
            return rows[: self.indices] if self.indices >= 0 else rows[self.indices :]
        chosen = np.asarray(self.indices)
        if chosen.size and not -len(rows) <= chosen.min() <= chosen.max() < len(rows):
            raise ConfigError(
                f'indices must lie within the {len(rows)} samples, got {chosen.min()} to '
                f'{chosen.max()}'
            )
        return rows[chosen]

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the people and count those left out by reason; readers of other layouts override.

        The skeleton may be replaced by the one the file names.
        """
        coco = self.read_file()
        num_joints = self.skeleton.num_joints
        if self.bbox_file:
            threshold = self.filter_cfg.get('bbox_score_thr')
            return coco.detections(self.bbox_file, num_joints, threshold)
        return coco.persons(num_joints, self.generation)

    @classmethod
    def default_metainfo(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the skeleton of a data set built from ``settings`` without ``metainfo``."""
        return cls.METAINFO

    def list_files(self) -> list[str]:
        """List the files in COCO's layout whose labels are read; none where it is another one."""
        return [self.ann_file]

    def read_file(self) -> CocoFile:
        """Read the annotation file and take the skeleton that it names, unless one was given."""
        coco = read_coco_file(self.ann_file, self.backend_args, self.image_folder)
        self.findings = coco.file.findings
        if self.given is None and coco.skeleton is not None:
            self._set_skeleton(coco.skeleton)
        return coco

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return sample ``index`` as it enters the pipeline, but for ``rng``."""
        persons, one = self.persons, slice(index, index + 1)
        image_row = persons.image_rows[index]
        info = {
            'img_path': os.path.join(self.image_folder, persons.images.name(image_row)),
            'img_id': int(persons.images.ids[image_row]),
            'id': int(persons.ids[index]),
            'category_id': int(persons.category_ids[index]),
            'iscrowd': 0,
            'stated_size': persons.images.stated_size(image_row),
            'bbox': persons.bboxes[one].copy(),
            'bbox_score': persons.bbox_scores[one].copy(),
            'keypoints': persons.keypoints[one].copy(),
            'keypoints_visible': np.minimum(persons.visibility[one], 1).astype(np.float32),
            'keypoints_level': persons.visibility[one].copy(),
            **self._common,
        }
        if persons.label_scores is not None:
            info['label_scores'] = persons.label_scores[one].copy()
        area = float(persons.areas[index])
        if area == area:
            info['area'] = area
        if self.test_mode and persons.is_annotated:
            info['raw_ann_info'] = self._raw_annotation(index, info)
        return info

    def _raw_annotation(self, index: int, info: Mapping[str, Any]) -> dict[str, Any]:
        """Write the annotation of sample ``index`` as COCO's files do."""
        persons = self.persons
        visibility = persons.visibility[index]
        joints = np.concatenate([persons.keypoints[index], visibility[:, None]], axis=1)
        annotation = {
            'id': info['id'],
            'image_id': info['img_id'],
            'category_id': info['category_id'],
            'iscrowd': 0,
            'bbox': persons.raw_bboxes[index].tolist(),
            'num_keypoints': int((visibility > 0).sum()),
            'keypoints': joints.ravel().tolist(),
        }
        return annotation | ({'area': info['area']} if 'area' in info else {})

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  (what the last transform returns)
        """Prepare sample ``index``; in training its attribute ``epoch`` varies the transforms."""
        epoch, index = getattr(index, 'epoch', 0), int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f'index must lie within the {len(self)} samples, got {index}')
        index %= len(self)
        marks = {}
        if self.num_views is not None:
            epoch %= self.num_views
            marks = dict(view=(self._fingerprint(self.seed), index, epoch))
        try:
            return self.prepare(index, self._make_rng(epoch, index), marks)
        except DataError as error:
            self.note_bad(index, error)
            if self.bad_sample_policy == 'fail':
                raise
            if self.bad_sample_policy == 'skip':
                return self.prepare_blank(index, error)
            return self._prepare_other(index, epoch, error)

    def replace_persons(self, persons: PersonTable) -> None:
        """Have the samples of ``persons`` from now on."""
        self._bad = torch.zeros(len(persons), dtype=torch.uint8)
        if can_share_memory():  # workers mark here which samples are bad
            self._bad.share_memory_()
        self._persons = persons

    def _make_rng(self, epoch: int, index: int) -> np.random.Generator:
        return make_generator(Stream.SAMPLE, self.seed, epoch, index)

    def _fingerprint(self, seed: int) -> str:
        """Digest all that samples depend on, once for each ``seed``."""
        if seed not in self._fingerprints:
            kind, joints = type(self).__name__, self.skeleton.joint_names
            settings = (SCHEME, seed, self.test_mode, kind, joints)
            digest = fingerprint(self.persons, self._pipeline_cfg, settings)
            self._fingerprints = {seed: digest}
        return self._fingerprints[seed]

    def prepare(
        self, index: int, rng: np.random.Generator, changes: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Run the pipeline over sample ``index``, with ``changes``; see :meth:`_run`."""
        sample = self.get_data_info(index)
        sample['rng'] = rng
        sample['run_seed'] = (self.seed, index)
        sample.update(changes or {})
        if not self._has_foreign:
            return self._run(sample)
        with seeded_globals(int(rng.integers(2**32))):
            return self._run(sample)

    def _run(self, sample: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run the pipeline; ``make_rng`` gives each transform a generator, by its place there."""
        path = sample['img_path']
        make_rng = sample.pop('make_rng', None)
        for number, step in enumerate(self.pipeline):
            if make_rng is not None:
                sample['rng'] = make_rng(number)
            sample = step(sample)
            if sample is None:
                raise DataError(f'{path}: {type(step).__name__} found nothing to work on')
        return sample

    def prepare_blank(
        self, index: int, error: DataError, marks: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401
        """Prepare a black image in place of sample ``index``, with ``marks`` and the error."""
        width, height = self.persons.images.sizes[self.persons.image_rows[index]].tolist()
        blank = np.zeros((max(height, 1), max(width, 1), 3), np.uint8)
        visible = np.zeros((1, self.skeleton.num_joints), np.float32)  # no loss from a black image
        changes = {'img': blank, 'keypoints_visible': visible, 'bad_sample': str(error)}
        changes.update(marks or {})
        return self.prepare(index, self._make_rng(0, index), changes)

    def _prepare_other(self, index: int, epoch: int, error: DataError) -> Any:  # noqa: ANN401
        for attempt in range(1, self.max_refetch + 1):
            rng = make_generator(Stream.REPLACEMENT, self.seed, epoch, index, attempt)
            other = int(rng.integers(len(self)))
            try:
                return self.prepare(other, rng)
            except DataError as other_error:
                self.note_bad(other, other_error)
        raise DataError(
            f'one of {self.max_refetch} samples taken in place of a bad one must be readable, got '
            f'none; the first: {error}'
        ) from error

    def note_bad(self, index: int, error: DataError) -> None:
        """Log, once, that sample ``index`` cannot be read."""
        if not self._bad[index]:
            self._bad[index] = 1
            print_log(
                f'bad sample {index} ({self.bad_sample_policy}): {error}',
                logger='current',
                level=30,
            )

    @property
    def bad_samples(self) -> tuple[dict[str, Any], ...]:
        """Samples met so far, by any worker, that could not be read: index, id and img_path."""
        infos = ((int(i), self.get_data_info(int(i))) for i in torch.nonzero(self._bad).ravel())
        return tuple(dict(index=i, id=info['id'], img_path=info['img_path']) for i, info in infos)
