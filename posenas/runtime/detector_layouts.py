"""Detectors that other projects exported: files that say nothing of themselves."""

from collections.abc import Mapping
from types import MappingProxyType

from posenas.codecs import ListedBoxes, YOLOXBoxes
from posenas.runtime.description import CropRule, NetworkDescription, Normalisation
from posenas.runtime.engines import Session
from posenas.utils.checks import check_choice
from posenas.utils.errors import DataError

#: Name of a layout -> how it normalises pixels. Either may list boxes that the network has chosen
#: (MMDeploy's ``dets`` and ``labels``), YOLOX also rows of three grids.
DETECTOR_LAYOUTS: Mapping[str, Normalisation] = MappingProxyType(
    {
        'yolox': Normalisation(order='bgr'),
        'rtmdet': Normalisation((103.53, 116.28, 123.675), (57.375, 57.12, 58.395), 'bgr'),
    }
)
#: Grey around images, of both.
_PAD_VALUE = 114


def describe_foreign(
    session: Session, layout: str
) -> tuple[NetworkDescription, ListedBoxes | YOLOXBoxes]:
    """Say of a detector what its file does not.

    Args:
        session: The opened file.
        layout: One of :data:`DETECTOR_LAYOUTS`.

    Returns:
        Its description, and what reads its boxes.

    Raises:
        ConfigError: There is no such layout.
        DataError: Inputs or outputs are others than those of the layout.
    """
    check_choice('layout', layout, tuple(DETECTOR_LAYOUTS))
    shape, names = session.image_shape, session.output_names
    if len(shape) != 4 or shape[0] not in (None, 1) or shape[1] != 3 or None in shape[2:]:
        raise DataError(
            f'{session.path} must take one image or any number, of 3 channels and a fixed height '
            f'and width, got an input of {shape}: export it with a fixed size'
        )
    height, width = (int(side or 0) for side in shape[2:])
    codec: ListedBoxes | YOLOXBoxes
    if {'dets', 'labels'} <= set(names):
        codec, used = ListedBoxes(), ListedBoxes.output_names
    elif layout == 'yolox' and len(names) == 1:
        codec, used = YOLOXBoxes((width, height)), names
    else:
        raise DataError(
            f'{session.path} must make dets and labels{" or one array" * (layout == "yolox")} as '
            f'exports of {layout} do, got {names}'
        )
    return NetworkDescription(
        name=session.path.stem,
        output_names=used,
        codec=dict(type=type(codec).__name__),
        crop=CropRule((width, height), pad_value=_PAD_VALUE),
        normalisation=DETECTOR_LAYOUTS[layout],
    ), codec
