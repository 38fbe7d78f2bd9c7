"""Leeds Sports Pose and its extension."""

from collections.abc import Mapping
from typing import ClassVar

from posenas.datasets.base import BaseTopdownDataset
from posenas.registry import DATASETS


@DATASETS.register_module()
class LspDataset(BaseTopdownDataset):
    """Persons of LSP or LSP Extended in COCO's layout; takes the base class's arguments.

    Source: Johnson and Everingham, Learning Effective Human Pose Estimation from Inaccurate
    Annotation, CVPR 2011.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'lsp'}
