"""Two models side by side on the same images and videos."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posenas.apis.inferencer import PoseInferencer
from posenas.apis.results import ImageResult
from posenas.apis.sources import list_sources
from posenas.apis.writing import ResultWriter
from posenas.utils import ConfigError


def compare_models(
    first: PoseInferencer,
    second: PoseInferencer,
    inputs: Any,  # noqa: ANN401  (checked by list_sources)
    out_dir: str | Path,
    captions: tuple[str, str] = ('first', 'second'),
    **options: Any,
) -> Iterator[tuple[ImageResult, ImageResult]]:
    """Look at inputs with two models; write pictures and videos with both beside each other.

    Both get the same boxes; where a detector finds them, it is that of ``first``.

    Args:
        first: The model on the left.
        second: The model on the right.
        inputs: As of :meth:`PoseInferencer.predict`, but for what can be read once only.
        out_dir: Folder of the pictures and videos.
        captions: Above the two.
        **options: As of :meth:`PoseInferencer.predict`, but for folders.

    Yields:
        What each found in an image.

    Raises:
        ConfigError: An input can be read once only: a camera or an iterator.
    """
    from posenas.visualization import side_by_side

    sources = list_sources(inputs)
    once = [each.label for each in sources if each.is_live or each.frames is not None]
    if once:
        raise ConfigError(
            f'compared inputs must be files, got {once[0]}, which can be read only once'
        )
    own, second.detector = second.detector, first.detector
    found = (model.predict(inputs, **options) for model in (first, second))
    try:
        with ResultWriter(out_dir, None, first.model.dataset_meta) as writer:
            for pair in zip(*found, strict=False):  # the first may be stopped
                writer.write(pair[0], side_by_side([each.plot() for each in pair], captions))
                yield pair
    finally:
        second.detector = own
