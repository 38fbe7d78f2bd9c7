"""Photos with the boxes of all their people, for detectors."""

from typing import Any, ClassVar

import numpy as np

from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.persons import ImageTable, PersonTable
from posenas.registry import DATASETS


@DATASETS.register_module()
class PersonBoxDataset(BaseTopdownDataset):
    """Images of a file in COCO's layout; one image is one sample, also one without people.

    Samples are those of :class:`BaseTopdownDataset` with the whole image as ``bbox`` and no visible
    keypoint; ``id`` is that of the image. Besides they have ``bboxes`` (N, 4), the corners of all
    people, with or without keypoints, and ``is_ignored`` (N,): whether a box is a crowd
    (``iscrowd``), in which nobody is counted. Takes the arguments of :class:`BaseTopdownDataset`.
    """

    _COUNTED: ClassVar[str] = 'images'

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the boxes and make one row of each image; see the base class."""
        coco = self.read_file()
        table, is_crowd, dropped = coco.regions(self.skeleton.num_joints)
        order = np.argsort(table.image_rows, kind='stable')
        self._corners, self._is_crowd = table.bboxes[order], is_crowd[order]
        rows = table.image_rows[order]
        self._ends = np.searchsorted(rows, np.arange(len(coco.images)), side='right')
        return _whole_images(coco.images, self.skeleton.num_joints), dropped

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return sample ``index``; see the base class."""
        row = int(self.persons.image_rows[index])
        boxes = slice(self._ends[row - 1] if row else 0, self._ends[row])
        return super().get_data_info(index) | dict(
            bboxes=self._corners[boxes].copy(), is_ignored=self._is_crowd[boxes].copy()
        )


def _whole_images(images: ImageTable, num_joints: int) -> PersonTable:
    """Make one unlabelled row of each image; its box is the image."""
    count = len(images)
    boxes = np.concatenate([np.zeros((count, 2)), images.sizes], axis=1).astype(np.float32)
    return PersonTable(
        images=images,
        image_rows=np.arange(count, dtype=np.int32),
        ids=images.ids,
        category_ids=np.ones(count, np.int32),
        bboxes=boxes,
        raw_bboxes=boxes,
        bbox_scores=np.ones(count, np.float32),
        keypoints=np.zeros((count, num_joints, 2), np.float32),
        visibility=np.zeros((count, num_joints), np.uint8),
        areas=np.full(count, np.nan, np.float32),
        is_annotated=False,
    )
