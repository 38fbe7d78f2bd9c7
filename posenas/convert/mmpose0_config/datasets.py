"""What data sets of MMPose 0.x are called today."""

from collections.abc import Mapping
from types import MappingProxyType

#: Begins the names of data sets of people.
PREFIX = 'TopDown'
#: Data sets of hands, faces, animals and clothes -> their names today.
RENAMED: Mapping[str, str] = MappingProxyType(
    dict(
        AnimalAP10KDataset='AP10KDataset',
        AnimalATRWDataset='ATRWDataset',
        AnimalFlyDataset='FlyDataset',
        AnimalHorse10Dataset='Horse10Dataset',
        AnimalLocustDataset='LocustDataset',
        AnimalMacaqueDataset='MacaqueDataset',
        AnimalPoseDataset='AnimalPoseDataset',
        AnimalZebraDataset='ZebraDataset',
        DeepFashionDataset='DeepFashionDataset',
        Face300WDataset='Face300WDataset',
        FaceAFLWDataset='AFLWDataset',
        FaceCOFWDataset='COFWDataset',
        FaceCocoWholeBodyDataset='CocoWholeBodyFaceDataset',
        FaceWFLWDataset='WFLWDataset',
        FreiHandDataset='FreiHandDataset',
        HandCocoWholeBodyDataset='CocoWholeBodyHandDataset',
        OneHand10KDataset='OneHand10KDataset',
        PanopticDataset='PanopticHand2DDataset',
        Rhd2DDataset='Rhd2DDataset',
    )
)


def rename_dataset(kind: str) -> str:
    """Return today's name of a class of 0.x."""
    return RENAMED.get(kind, kind.removeprefix(PREFIX))
