"""What was found in one image, as an object."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from posenas.apis.outputs import DrawOptions, draw_people, to_instances
from posenas.apis.sources import Frame
from posenas.skeletons import Skeleton
from posenas.structures import PoseDataSample
from posenas.utils import check_choice, write_json, write_text


@dataclass(frozen=True, eq=False)
class ImageResult:
    """The N people of one image or frame; K keypoints.

    Attributes:
        frame: The image and where it came from.
        samples: One per person, with ``pred_instances``.
        skeleton: Keypoints and limbs.
        options: How it is drawn unless :meth:`plot` gets others.
        heatmap: The largest heatmap at each pixel (1, H, W), where it was asked for.
    """

    frame: Frame
    samples: Sequence[PoseDataSample]
    skeleton: Skeleton
    options: DrawOptions = field(default_factory=DrawOptions)
    heatmap: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def keypoints(self) -> np.ndarray:
        """Keypoints (N, K, 2), image pixels."""
        return self._collect('keypoints', (0, len(self.names), 2))

    @property
    def scores(self) -> np.ndarray:
        """Scores of the keypoints (N, K)."""
        return self._collect('keypoint_scores', (0, len(self.names)))

    @property
    def visibilities(self) -> np.ndarray | None:
        """How likely each keypoint is visible (N, K); None where people have no such values."""
        if not all('keypoint_visibilities' in sample.pred_instances for sample in self.samples):
            return None
        return self._collect('keypoint_visibilities', (0, len(self.names)))

    @property
    def bboxes(self) -> np.ndarray:
        """Corners of the boxes (N, 4), image pixels."""
        return self._collect('bboxes', (0, 4))

    @property
    def bbox_scores(self) -> np.ndarray:
        """Scores of the boxes (N,)."""
        return self._collect('bbox_scores', (0,))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the keypoints, K."""
        return self.skeleton.joint_names

    @property
    def track_ids(self) -> list[int | None]:
        """Identity of each person in the video, N; None where nobody was followed."""
        return [sample.metainfo.get('track_id') for sample in self.samples]

    @property
    def image(self) -> np.ndarray:
        """The image (H, W, 3) uint8 in the order blue, green, red."""
        return np.asarray(self.frame.loaded['img'])

    @property
    def image_name(self) -> str:
        """Name of the file; of what is no file a name by its number."""
        return self.frame.source.name

    @property
    def frame_id(self) -> int:
        """Number of the frame in its video, 0 of an image."""
        return self.frame.index

    def _collect(self, name: str, empty: tuple[int, ...]) -> np.ndarray:
        found = [np.asarray(sample.pred_instances[name]) for sample in self.samples]
        return np.concatenate(found) if found else np.zeros(empty, np.float32)

    def plot(self, **options: Any) -> np.ndarray:
        """Draw the people.

        Args:
            **options: Those of :class:`DrawOptions` that shall differ.

        Returns:
            Picture (H, W, 3) uint8 in the order red, green, blue.

        Raises:
            ValueError: An option has no meaning.
        """
        drawn = replace(self.options, **options)
        return draw_people(self.image, self.samples, self.skeleton, drawn, self.heatmap)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: ``image``, ``frame_id`` and ``instances`` in MMPose's form."""
        instances = to_instances(self.samples)
        return dict(image=self.image_name, frame_id=self.frame_id, instances=instances)

    def save(self, path: str | Path) -> None:
        """Write a file: .json as :meth:`to_dict`, .csv a row per person, others the picture.

        Raises:
            OutputError: It cannot be written.
            ValueError: The suffix is none of these.
        """
        suffix = Path(path).suffix.lower()
        if suffix == '.json':
            write_json(path, self.to_dict(), indent=2)
        elif suffix == '.csv':
            rows = [csv_header(self.names), *csv_rows(self)]
            write_text(path, ''.join(map(csv_line, rows)))
        else:
            from posenas.visualization import write_picture

            check_choice('suffix', suffix, ('.json', '.csv', '.jpg', '.jpeg', '.png', '.webp'))
            write_picture(Path(path), self.plot())


def csv_header(names: Sequence[str]) -> list[str]:
    """Return the columns: image, frame, person, box, then x, y and score of each keypoint."""
    columns = ['image', 'frame_id', 'person', 'track_id', 'x1', 'y1', 'x2', 'y2', 'bbox_score']
    return [*columns, *(f'{name}_{each}' for name in names for each in ('x', 'y', 'score'))]


def csv_rows(result: ImageResult) -> Iterator[list[Any]]:
    """Yield a row for each person; pixels with two digits, scores with four."""
    for number, person in enumerate(to_instances(result.samples)):
        values = [f'{each:.2f}' for each in person['bbox'][0]] + [f'{person["bbox_score"]:.4f}']
        pairs = zip(person['keypoints'], person['keypoint_scores'], strict=True)
        for (x, y), score in pairs:
            values += [f'{x:.2f}', f'{y:.2f}', f'{score:.4f}']
        place = [result.image_name, result.frame_id, number, person.get('track_id', '')]
        yield [*place, *values]


def csv_line(values: Sequence[Any]) -> str:
    """Return a row as a line of the file."""
    line = io.StringIO()
    csv.writer(line, lineterminator='\n').writerow(values)
    return line.getvalue().encode('utf-8', 'backslashreplace').decode()


def coco_records(result: ImageResult, image_id: int) -> Iterator[dict[str, Any]]:
    """Yield the people in COCO's result form, with the name of the image beside its number.

    The score of a person is the mean of its keypoint scores times that of its box.
    """
    for person in to_instances(result.samples):
        points = [
            round(float(value), 3)
            for (x, y), score in zip(person['keypoints'], person['keypoint_scores'], strict=True)
            for value in (x, y, score)
        ]
        x1, y1, x2, y2 = person['bbox'][0]
        score = float(np.mean(person['keypoint_scores'])) * person['bbox_score']
        record = dict(image_id=image_id, category_id=1, keypoints=points, score=score)
        record.update(bbox=[x1, y1, x2 - x1, y2 - y1], file_name=result.image_name)
        extras = ('track_id', 'keypoint_visibilities')
        known = {key: person[key] for key in extras if key in person}
        yield dict(record, frame_id=result.frame_id, **known)
