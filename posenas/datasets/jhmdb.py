"""JHMDB in COCO's layout."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.persons import PersonTable
from posenas.registry import DATASETS


@DATASETS.register_module()
class JhmdbDataset(BaseTopdownDataset):
    """Persons of JHMDB; takes the base class's arguments.

    The files count pixels from 1, samples count from 0. Boxes are those of the people's masks,
    keypoints that lie outside of the image stay labelled. Where a file states no area it is that of
    the box times 0.53, the share of a person's mask.

    Source: Jhuang et al., Towards Understanding Action Recognition, ICCV 2013.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'jhmdb'}

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the people and count those left out by reason."""
        persons, dropped = super().load_persons()
        if not persons.is_annotated:  # detectors count from 0
            return persons, dropped
        sizes = persons.images.sizes[persons.image_rows].astype(np.float32)
        limits = np.where(sizes > 0, sizes - 1, np.inf)
        corners = persons.raw_bboxes - np.float32([1, 1, 0, 0])
        corners[:, 2:] += corners[:, :2]
        corners = np.clip(corners, 0, np.tile(limits, 2))
        width, height = (corners[:, 2:] - corners[:, :2]).T
        is_empty = (width <= 0) | (height <= 0)
        areas = np.maximum(0.53 * width * height, 1).astype(np.float32)
        shifted = replace(
            persons,
            bboxes=corners,
            keypoints=persons.keypoints - 1,
            areas=np.where(np.isnan(persons.areas), areas, persons.areas),
        )
        empty = 'with an empty box'
        dropped = dropped | {empty: dropped.get(empty, 0) + int(is_empty.sum())}
        return shifted.select(~is_empty), dropped

    def _raw_annotation(self, index: int, info: Mapping[str, Any]) -> dict[str, Any]:
        annotation = super()._raw_annotation(index, info)
        left, top, width, height = annotation['bbox']
        return annotation | dict(bbox=[left - 1, top - 1, width, height])
