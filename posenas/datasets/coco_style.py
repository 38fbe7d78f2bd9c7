"""Data sets of MMPose 1.x in COCO's layout: one class, and a table of what differs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from posenas.annotations import WHOLE_BODY, Source
from posenas.datasets.annotations import CocoFile, read_coco_file
from posenas.datasets.base import BaseTopdownDataset
from posenas.registry import DATASETS
from posenas.utils.checks import check_choice

#: Name of a data set in configs -> what its files hold.
COCO_STYLE: Mapping[str, Source] = MappingProxyType(
    dict(
        AFLWDataset=Source('aflw'),
        AP10KDataset=Source('ap10k'),
        ATRWDataset=Source('atrw'),
        AicDataset=Source('aic'),
        AnimalKingdomDataset=Source('ak'),
        AnimalPoseDataset=Source('animalpose'),
        COFWDataset=Source('cofw'),
        CocoWholeBodyDataset=Source('coco_wholebody', WHOLE_BODY),
        CocoWholeBodyFaceDataset=Source('coco_wholebody_face', crops=('face',)),
        CocoWholeBodyHandDataset=Source('coco_wholebody_hand', crops=('lefthand', 'righthand')),
        DeepFashion2Dataset=Source('deepfashion2'),
        DeepFashionDataset=Source('deepfashion', subsets=('full', 'upper', 'lower')),
        ExlposeDataset=Source('exlpose'),
        Face300VWDataset=Source('300vw'),
        Face300WDataset=Source('300w'),
        Face300WLPDataset=Source('300wlp'),
        FlyDataset=Source('fly'),
        FreiHandDataset=Source('freihand2d'),
        HalpeDataset=Source('halpe'),
        HalpeHandDataset=Source('coco_wholebody_hand', ranges=((94, 115), (115, 136))),
        Horse10Dataset=Source('horse10'),
        HumanArt21Dataset=Source('humanart21', ('keypoints_21',)),
        HumanArtDataset=Source('humanart'),
        LapaDataset=Source('lapa'),
        LocustDataset=Source('locust'),
        MacaqueDataset=Source('macaque'),
        MhpDataset=Source('mhp'),
        OCHumanDataset=Source('ochuman'),
        OneHand10KDataset=Source('onehand10k'),
        PanopticHand2DDataset=Source('panoptic_hand2d'),
        Rhd2DDataset=Source('rhd2d'),
        UBody2dDataset=Source('ubody2d', WHOLE_BODY),
        WFLWDataset=Source('wflw'),
        ZebraDataset=Source('zebra'),
    )
)


class CocoStyleDataset(BaseTopdownDataset):
    """People, hands, faces, animals or clothes of one of the data sets of :data:`COCO_STYLE`.

    Skeletons are those of the table, whatever names the file has. Differs from MMPose: boxes are
    those of the file where MMPose makes others from centre and scale.

    Args:
        ann_file: Annotation file, relative to ``data_root``.
        subset: Part of the data set that the file holds, where the table lists parts; '' is the
            first of them.
        **kwargs: Arguments of the base class.
    """

    SOURCE: ClassVar[Source] = Source('coco')

    def __init__(self, ann_file: str = '', subset: str = '', **kwargs: Any) -> None:
        if kwargs.get('metainfo') is None:
            kwargs['metainfo'] = self.default_metainfo(dict(subset=subset))
        super().__init__(ann_file, **kwargs)

    @classmethod
    def default_metainfo(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the skeleton of the data set, or of the part of it that ``subset`` names."""
        subsets = cls.SOURCE.subsets
        if not subsets:
            return cls.METAINFO
        subset = settings.get('subset') or subsets[0]
        check_choice('subset', subset, subsets)
        return dict(dataset_name=f'{cls.SOURCE.skeleton}_{subset}')

    def read_file(self) -> CocoFile:
        """Read the annotation file, one record for each sample.

        Raises:
            DataError: It is unreadable, or its layout is another one.
        """
        coco = read_coco_file(self.ann_file, self.backend_args, self.image_folder, self.SOURCE)
        self.findings = coco.file.findings
        return coco


def _make(name: str, source: Source) -> type:
    """Make and register the class of one data set."""
    skeleton = source.skeleton + (f'_{source.subsets[0]}' if source.subsets else '')
    members = dict(
        __doc__=f'{name} of MMPose 1.x; see :class:`CocoStyleDataset`.',
        __module__=__name__,
        METAINFO={'dataset_name': skeleton},
        SOURCE=source,
    )
    return DATASETS.register_module(module=type(name, (CocoStyleDataset,), members))


for _name, _source in COCO_STYLE.items():
    _make(_name, _source)
