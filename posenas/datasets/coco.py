"""COCO, and data sets whose files have its keypoint layout."""

from collections.abc import Mapping
from typing import ClassVar

from posenas.datasets.base import BaseTopdownDataset
from posenas.registry import DATASETS


@DATASETS.register_module()
class CocoDataset(BaseTopdownDataset):
    """Persons of COCO, or of any file in its keypoint layout; takes the base class's arguments.

    Source: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'coco'}


@DATASETS.register_module()
class CrowdPoseDataset(BaseTopdownDataset):
    """Persons of CrowdPose; takes the base class's arguments.

    Source: Li et al., CrowdPose: Efficient Crowded Scenes Pose Estimation and a New Benchmark,
    CVPR 2019.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'crowdpose'}
