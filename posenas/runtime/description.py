"""What an exported file says of its network, so that nothing else is needed to run it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from posenas.geometry import (
    bbox_xyxy2cs,
    fix_aspect_ratio,
    get_udp_warp_matrix,
    get_warp_matrix,
    grow_to_whole_pixels,
    letterbox_image,
    warp_image,
)
from posenas.skeletons import Skeleton
from posenas.utils.errors import DataError
from posenas.utils.value_types import describe_type, fits_type

SCHEMA = 'pose-network/1'
#: Begin of the keys under which files hold the fields.
PREFIX = 'posenas.'


@dataclass(frozen=True)
class Normalisation:
    """How pixels become the numbers that the network takes.

    Attributes:
        mean: Of each channel, pixel values 0 to 255, in the order that the network takes.
        std: Likewise.
        order: 'rgb' or 'bgr', the order that the network takes.
    """

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    order: str = 'rgb'

    def __post_init__(self) -> None:
        """Refuse what no pixel can be normalised by."""
        if not (len(self.mean) == len(self.std) == 3 and all(self.std)):
            raise ValueError(
                f'mean and std must have 3 numbers each, std none that is 0, got {self.mean} and '
                f'{self.std}'
            )
        if self.order not in ('rgb', 'bgr'):
            raise ValueError(f"order must be 'rgb' or 'bgr', got {self.order!r}")

    def apply(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Normalise crops (H, W, 3) in the order blue, green, red, to one batch (B, 3, H, W)."""
        batch = np.stack(list(crops)).transpose(0, 3, 1, 2)
        if self.order == 'rgb':
            batch = batch[:, ::-1]
        mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (self.mean, self.std))
        normalised = batch.astype(np.float32, order='C')
        normalised -= mean
        normalised /= std
        return normalised


@dataclass(frozen=True)
class CropRule:
    """How a person's box, or for detectors the whole image, becomes an input.

    Attributes:
        input_size: Width and height of the crop, pixels.
        padding: Factor by which the crop exceeds the box.
        use_udp: Whether pixel centres at the borders of crop and input coincide.
        whole_pixels: Whether boxes are cut to whole pixels first, as PNFS does.
        pad_value: For detectors, grey level around the image, which lies in the upper left of the
            input; None for crops of boxes.
    """

    input_size: tuple[int, int]
    padding: float = 1.25
    use_udp: bool = False
    whole_pixels: bool = False
    pad_value: int | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that no crop has."""
        if not (min(self.input_size) > 0 and self.padding > 0):
            raise ValueError(
                f'input_size and padding must be greater than 0, got {self.input_size} and '
                f'{self.padding}'
            )
        if self.pad_value is not None and not 0 <= self.pad_value <= 255:
            raise ValueError(f'pad_value must be a grey level of 0 to 255, got {self.pad_value}')

    def find_matrix(self, bbox: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the matrix (2, 3) from the image to the crop of a box (4,), corners."""
        box = grow_to_whole_pixels(bbox) if self.whole_pixels else bbox
        center, scale = bbox_xyxy2cs(box, self.padding)
        width, height = self.input_size
        get_matrix = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        return get_matrix(center, fix_aspect_ratio(scale, width / height), 0.0, self.input_size)

    def cut(
        self, image: NDArray[np.uint8], bbox: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the crop (H, W, 3) of a box and its matrix; see :meth:`find_matrix`."""
        matrix = self.find_matrix(bbox)
        return warp_image(image, matrix, self.input_size), matrix

    def fit(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the input (H, W, 3) of a detector for a whole image, and its matrix (2, 3)."""
        return letterbox_image(image, self.input_size, self.pad_value or 0)


@dataclass(frozen=True)
class VideoRole:
    """Which frames of a video a network sees, when people are followed.

    Attributes:
        period: Frames from one key frame to the next.
        position: Frames since the key frame of those that it sees; 0 for the key network.
        frames: Names of the files of the networks of the further frames, in order, beside the file
            of the key network; empty in theirs.
        min_overlap: Intersection over union of the boxes of two frames, below which the key network
            looks again.
        max_gap: Difference of the numbers of two frames that follow each other, at most.
    """

    period: int
    position: int = 0
    frames: tuple[str, ...] = ()
    min_overlap: float = 0.3
    max_gap: int = 1

    def __post_init__(self) -> None:
        """Refuse roles that nobody can play."""
        if not 0 <= self.position < self.period or self.max_gap < 1:
            raise ValueError(
                f'position must be from 0 to period - 1 and max_gap at least 1, got {self}'
            )
        wanted = 0 if self.position else self.period - 1
        if len(self.frames) != wanted or any(set(name) & set('/\\') for name in self.frames):
            raise ValueError(f'frames must be {wanted} names of files, got {self.frames}')


@dataclass(frozen=True)
class NetworkDescription:
    """What a file says of its network.

    Attributes:
        name: Name of its config.
        output_names: What it makes, in this order, as its codec takes it.
        codec: ``type`` and arguments of the codec that decodes its outputs.
        crop: How a box becomes its input.
        normalisation: How pixels become numbers.
        skeleton: What its keypoints are, as :meth:`Skeleton.metainfo` tells; empty where the
            outputs are no keypoints.
        flip: ``flip_test`` and the options of the codec's ``flip_back``.
        score_thr: Least score of a box that counts, of a detector.
        keypoint_indices: Keypoints that predictions keep, in this order; None: all.
        precision: 'f32', 'f16' or 'int8'.
        params: Parameters.
        macs: Multiply-accumulates of one image, in published form.
        checkpoint_sha256: SHA-256 of the checkpoint; empty for initial weights.
        video: Of a network that sees frames of videos, see :class:`VideoRole`; None of others.
        version: Release of posenas that wrote the file.
        schema: Version of this form.
    """

    name: str
    output_names: tuple[str, ...]
    codec: Mapping[str, Any]
    crop: CropRule
    normalisation: Normalisation
    skeleton: Mapping[str, Any] = field(default_factory=dict)
    flip: Mapping[str, Any] = field(default_factory=dict)
    score_thr: float = 0.3
    keypoint_indices: tuple[int, ...] | None = None
    precision: str = 'f32'
    params: int = 0
    macs: int = 0
    checkpoint_sha256: str = ''
    video: VideoRole | None = None
    version: str = ''
    schema: str = SCHEMA

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an input."""
        width, height = self.crop.input_size
        return 3, height, width

    @property
    def is_udp(self) -> bool:
        """Whether crops and heatmaps span the same length, from the first to the last pixel."""
        return self.crop.use_udp and self.codec.get('type') == 'UDPHeatmap'

    @property
    def input_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Shapes of all inputs: of an image, and where it is needed of heatmaps."""
        heatmaps = self.find_heatmap_shape()
        return (self.input_shape,) if heatmaps is None else (self.input_shape, heatmaps)

    def find_heatmap_shape(self) -> tuple[int, int, int] | None:
        """Return the shape (K, H, W) of heatmaps that the network needs of the frame before.

        Returns:
            None where it needs none.
        """
        if self.video is None or self.video.position == 0:
            return None
        width, height = self.codec['heatmap_size']
        return len(self.skeleton['sigmas']), height, width

    def find_skeleton(self) -> Skeleton:
        """Return the skeleton.

        Raises:
            DataError: The file names none.
        """
        if not self.skeleton:
            raise DataError(
                f'{self.name} must find keypoints, got a network of {self.output_names}'
            )
        return Skeleton.from_metainfo(self.skeleton)

    def to_metadata(self) -> dict[str, str]:
        """Write the fields as JSON texts under prefixed keys, in a fixed order."""
        plain = json.loads(json.dumps(asdict(self)))  # numbers as keys sort as texts from now on
        texts = {name: json.dumps(value, sort_keys=True) for name, value in plain.items()}
        return {f'{PREFIX}{name}': texts[name] for name in sorted(texts)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], source: str) -> 'NetworkDescription':
        """Read what :meth:`to_metadata` wrote.

        Args:
            metadata: Texts by key; others than ours are left alone.
            source: Name of the file, for messages.

        Raises:
            DataError: Something is missing or of another kind.
        """
        found = {
            key.removeprefix(PREFIX): text
            for key, text in metadata.items()
            if key.startswith(PREFIX)
        }
        try:
            names = [entry.name for entry in fields(cls)]
            held = [name for name in names if name in found or name not in _LATER]
            values = {name: json.loads(found[name]) for name in held}
            if values['schema'] != SCHEMA:
                raise ValueError(f'schema {values["schema"]!r}')
            for name, part in _PARTS.items():
                if values.get(name) is not None:
                    values[name] = part(**_read_fields(part, values[name]))
            if values['skeleton']:
                Skeleton.from_metainfo(values['skeleton'])
            return cls(**_read_fields(cls, values))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DataError(
                f'{source} must hold the description {SCHEMA} of a network that posenas export '
                f'wrote, got {type(error).__name__}: {error}'
            ) from error


#: Fields that older files lack, and that have their default there.
_LATER = frozenset({'score_thr', 'video'})
#: Fields that are records themselves.
_PARTS: Mapping[str, type] = MappingProxyType(
    dict(crop=CropRule, normalisation=Normalisation, video=VideoRole)
)


def _read_fields(record: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the types of the fields of a record, and turn lists to tuples.

    Raises:
        TypeError: One has another type.
    """
    wanted = get_type_hints(record)
    for name, value in values.items():
        if not fits_type(value, wanted.get(name, object)):
            raise TypeError(f'{name} must be {describe_type(wanted[name])}, got {value!r:.80}')
    return {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
