"""Persons without labels, for training by a teacher alone."""

from collections.abc import Mapping
from typing import Any

from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.mpii import read_mpii_persons
from posenas.datasets.persons import PersonTable
from posenas.registry import DATASETS
from posenas.utils.checks import check_choice
from posenas.utils.errors import ConfigError

LAYOUTS = ('coco', 'mpii')


@DATASETS.register_module()
class UnlabelledTopdownDataset(BaseTopdownDataset):
    """Boxes of people whose keypoints nobody has labelled, or whose labels must not be seen.

    Samples are those of :class:`BaseTopdownDataset` with invisible keypoints at (0, 0) and
    ``labelled`` False, so target maps and weights are zero and crops to half bodies do not occur.
    :class:`posenas.models.FPDDistiller` trains on them with the teacher's maps alone.

    Args:
        ann_file: Annotation file. In COCO's layout it lists the images, such as
            ``image_info_unlabeled2017.json``, and, without a ``bbox_file``, the boxes: all of
            people that are no crowd, with or without keypoints. In MPII's layout, such as
            ``test.json``, boxes follow from centre and scale. Labels in it are dropped.
        bbox_file: Detected boxes, a list in COCO's layout; ``filter_cfg`` drops weak ones.
        layout: 'coco' or 'mpii', the layout of ``ann_file``.
        metainfo: Skeleton of the labelled data this is mixed with; None takes the file's and,
            where that names no keypoints, that of the layout's data set.
        lazy_init: Whether to read the files only when they are needed.
        **kwargs: Other arguments of :class:`BaseTopdownDataset`; there is no test mode.

    Attributes:
        labelled: False; :class:`LabelledRatioSampler` asks for it.

    Raises:
        ConfigError: ``test_mode`` is set, the layout is unknown, or MPII's has a ``bbox_file``.
        DataError: A file is malformed, or no sample is left.
    """

    def __init__(
        self,
        ann_file: str = '',
        bbox_file: str | None = None,
        layout: str = 'coco',
        metainfo: Mapping[str, Any] | None = None,
        lazy_init: bool = False,
        **kwargs: Any,
    ) -> None:
        check_choice('layout', layout, LAYOUTS)
        if kwargs.get('test_mode'):
            raise ConfigError('test_mode must be False: people without labels cannot be scored')
        if bbox_file and layout == 'mpii':
            raise ConfigError("bbox_file needs layout='coco': an MPII file does not list images")
        if metainfo is None and layout == 'mpii':
            metainfo = dict(dataset_name='mpii')
        super().__init__(ann_file, metainfo=metainfo, lazy_init=True, **kwargs)
        self.bbox_file = bbox_file
        self.layout = layout
        self.labelled = False
        if not lazy_init:
            self.full_init()

    def list_files(self) -> list[str]:
        """List no file: labels are not read."""
        return []

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the boxes; see :meth:`BaseTopdownDataset.load_persons`."""
        if self.layout == 'mpii':
            persons = read_mpii_persons(self.ann_file, self.skeleton.num_joints, self.backend_args)
            return persons.without_labels(), {}
        if self.bbox_file:
            return super().load_persons()
        coco = self.read_file()
        return coco.boxes(self.skeleton.num_joints, self.generation)

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return sample ``index``; see :meth:`BaseTopdownDataset.get_data_info`."""
        return super().get_data_info(index) | dict(labelled=False)
