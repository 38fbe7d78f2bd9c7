"""Drawing of data samples, for hooks, inference and notebooks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import mmcv
import numpy as np
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer

from posenas.registry import VISUALIZERS
from posenas.skeletons import COCO, Skeleton
from posenas.structures import PoseDataSample
from posenas.utils import check_choice, check_probability
from posenas.visualization.draw import (
    draw_bboxes,
    draw_heatmaps,
    draw_keypoint_numbers,
    draw_poses,
    heatmaps_to_image,
    suitable_line_width,
)
from posenas.visualization.openpose import OPENPOSE, to_openpose
from posenas.visualization.panels import (
    enlarge,
    side_by_side,
    write_picture,
    zoom_matrix,
    zoom_points,
)

Color = tuple[int, int, int]


@VISUALIZERS.register_module()
class PoseLocalVisualizer(Visualizer):
    """Draws poses, boxes and heatmaps of data samples with OpenCV; no window unless asked for.

    Args:
        name: Name of the instance.
        image: Picture (H, W, 3) RGB to start with.
        vis_backends: Back ends that store pictures and scalars.
        save_dir: Folder of those back ends.
        bbox_color: Colour name or (red, green, blue).
        kpt_color: One colour for all keypoints; by default each joint's own, as the dataset has it.
        link_color: One colour for all limbs; by default each limb's own.
        text_color: Colour of keypoint numbers.
        skeleton: Limbs as pairs of keypoints; by default the dataset's.
        line_width: Pixels; None suits the size of each person.
        radius: Of keypoints, pixels; None suits the size of each person.
        show_keypoint_weight: Fade each person's drawing with its mean confidence.
        backend: Only 'opencv'; kept for configs written for MMPose.
        alpha: Opacity of the drawing, in [0, 1].
        min_side: Smaller images are enlarged until their longer side has so many pixels.
        **kwargs: Arguments of ``mmengine.visualization.Visualizer``.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        image: np.ndarray | None = None,
        vis_backends: Sequence[dict[str, Any]] | None = None,
        save_dir: str | None = None,
        bbox_color: str | Color = 'green',
        kpt_color: str | Color | None = None,
        link_color: str | Color | None = None,
        text_color: str | Color = (255, 255, 255),
        skeleton: Sequence[tuple[int, int]] | None = None,
        line_width: int | None = None,
        radius: int | None = None,
        show_keypoint_weight: bool = False,
        backend: str = 'opencv',
        alpha: float = 1.0,
        min_side: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            name=name, image=image, vis_backends=vis_backends, save_dir=save_dir, **kwargs
        )
        check_choice('backend', backend, ('opencv',))
        check_probability('alpha', alpha)
        self.bbox_color = _rgb(bbox_color)
        self.kpt_color = None if kpt_color is None else _rgb(kpt_color)
        self.link_color = None if link_color is None else _rgb(link_color)
        self.text_color = _rgb(text_color)
        self.skeleton = skeleton
        self.line_width = line_width
        self.radius = radius
        self.show_keypoint_weight = show_keypoint_weight
        self.alpha = alpha
        self.min_side = min_side

    @property
    def dataset_meta(self) -> Mapping[str, Any] | None:
        """Description of the dataset; unlike mmengine's it is known to every process."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: Mapping[str, Any]) -> None:
        self._dataset_meta = dataset_meta

    def set_dataset_meta(
        self, dataset_meta: Mapping[str, Any], skeleton_style: str = 'mmpose'
    ) -> None:
        """Take over the skeleton and colours of a dataset or a model's ``dataset_meta``.

        Args:
            dataset_meta: See :meth:`posenas.skeletons.Skeleton.metainfo`.
            skeleton_style: Ignored: an argument of :meth:`add_datasample`.
        """
        self.dataset_meta = dataset_meta

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: PoseDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        draw_heatmap: bool = False,
        draw_bbox: bool = False,
        show_kpt_idx: bool = False,
        skeleton_style: str = 'mmpose',
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        kpt_thr: float = 0.3,
        step: int = 0,
    ) -> np.ndarray:
        """Draw annotation and prediction, side by side if both are wanted and there.

        Args:
            name: Title, and name under which back ends store the picture.
            image: (H, W, 3) RGB uint8; not modified.
            data_sample: With ``gt_instances``, ``pred_instances`` or both.
            draw_gt: Draw the annotation.
            draw_pred: Draw the prediction.
            draw_heatmap: Lay the maps of the prediction, or of the annotation where there is no
                prediction, over one more picture.
            draw_bbox: Draw boxes too.
            show_kpt_idx: Write the index of each keypoint.
            skeleton_style: 'mmpose', or 'openpose' for COCO's skeleton.
            show: Open a window.
            wait_time: Seconds that it stays; 0 waits for a key.
            out_file: Picture to write, instead of handing it to the back ends.
            kpt_thr: Predicted keypoints are drawn if their score is greater.
            step: Number under which back ends store the picture.

        Returns:
            The picture (H', W', 3), RGB.
        """
        check_choice('skeleton_style', skeleton_style, ('mmpose', 'openpose'))
        image, zoom = enlarge(image, self.min_side)
        panels = {}
        truth = data_sample.get('gt_instances', ())
        if draw_gt and ('keypoints_visible' in truth or 'is_ignored' in truth):
            scores = np.asarray(truth.get('keypoints_visible', ()), np.float32)
            panels['annotation'] = self._draw(
                image, zoom, truth, scores, 0.0, draw_bbox, show_kpt_idx, skeleton_style
            )
        if draw_pred and 'pred_instances' in data_sample:
            prediction = data_sample.pred_instances
            scores = np.asarray(prediction.get('keypoint_scores', ()))
            panels['prediction'] = self._draw(
                image, zoom, prediction, scores, kpt_thr, draw_bbox, show_kpt_idx, skeleton_style
            )
        if draw_heatmap:
            panels.update(_heatmap_panel(image, zoom, data_sample))
        drawn = next(iter(panels.values()), image)
        if len(panels) > 1:
            drawn = side_by_side(list(panels.values()), list(panels))
        if show:
            self.show(mmcv.rgb2bgr(drawn), win_name=name, wait_time=wait_time, backend='cv2')
        if out_file is not None:
            write_picture(out_file, drawn)
        else:
            self.add_image(name, drawn, step)
        return drawn

    def _draw(
        self,
        image: np.ndarray,
        zoom: float,
        instances: InstanceData,
        scores: np.ndarray,
        score_thr: float,
        with_bbox: bool,
        with_numbers: bool,
        skeleton_style: str,
    ) -> np.ndarray:
        """Draw all instances, each with ``scores`` (N, K) of its keypoints, on the zoomed image."""
        if 'keypoints' not in instances:  # of a detector
            boxes = np.asarray(instances.bboxes)
            if 'bbox_scores' in instances:
                boxes = boxes[np.asarray(instances.bbox_scores) > score_thr]
            corners = zoom_points(boxes.reshape(-1, 2, 2), zoom)
            return draw_bboxes(image, corners.reshape(-1, 4), self.bbox_color)
        keypoints = zoom_points(np.asarray(instances.keypoints)[..., :2], zoom)
        skeleton = self._current_skeleton()
        widths = [self.line_width] * len(keypoints)
        if 'bboxes' in instances:
            corners = zoom_points(np.reshape(instances.bboxes, (-1, 2, 2)), zoom)
            widths = [self.line_width or suitable_line_width(box) for box in corners]
            if with_bbox:
                image = draw_bboxes(image, corners.reshape(-1, 4), self.bbox_color)
        if with_numbers:
            numbered = keypoints, scores
        if skeleton_style == 'openpose' and skeleton.joint_names == COCO.joint_names:
            skeleton = OPENPOSE
            keypoints, scores = to_openpose(keypoints, scores)
        for person, person_scores, width in zip(keypoints, scores, widths, strict=True):
            fading = float(person_scores.mean()) if self.show_keypoint_weight else 1.0
            image = draw_poses(
                image,
                person[None],
                person_scores[None],
                skeleton,
                score_thr,
                width,
                self.radius,
                self.alpha * min(max(fading, 0.0), 1.0),
                self.kpt_color,
                self.link_color,
            )
        if with_numbers:
            image = draw_keypoint_numbers(image, *numbered, score_thr, self.text_color)
        return image

    def _current_skeleton(self) -> Skeleton:
        """Return the dataset's skeleton, with the limbs given to the constructor if any."""
        if self.dataset_meta is None:
            raise ValueError('drawing needs a skeleton: set visualizer.dataset_meta first')
        skeleton = Skeleton.from_metainfo(self.dataset_meta)
        if self.skeleton is None:
            return skeleton
        limbs = tuple((first, second) for first, second in self.skeleton)
        colors = tuple(skeleton.joint_colors[second] for _, second in limbs)
        return replace(skeleton, limbs=limbs, limb_colors=colors)


def _heatmap_panel(image: np.ndarray, zoom: float, sample: PoseDataSample) -> dict[str, np.ndarray]:
    """Lay a sample's maps over the place of its crop in the image."""
    fields = [name for name in ('pred_fields', 'gt_fields') if name in sample]
    if not fields:
        return {}
    placed = place_heatmaps(sample, fields[0], image.shape[1::-1], zoom)
    return {'heatmaps': draw_heatmaps(image, placed)}


def place_heatmaps(
    sample: PoseDataSample, fields: str, image_size: Sequence[int], zoom: float = 1.0
) -> np.ndarray:
    """Lay the largest of a sample's maps at the place of its crop in the image.

    Args:
        sample: With ``warp_mat`` and the fields.
        fields: 'pred_fields' or 'gt_fields'; if they lack ``heatmap_stride``, it is the crop's size
            divided by theirs.
        image_size: (width, height) of the image, enlarged by ``zoom``.
        zoom: As :func:`enlarge` returns it.

    Returns:
        (1, height, width), 0 outside of the crop.
    """
    data = getattr(sample, fields)
    maps = np.asarray(data.heatmaps.float().cpu()).max(axis=0, keepdims=True)
    stride = data.metainfo.get('heatmap_stride')
    if stride is None:
        stride = np.divide(sample.input_size, maps.shape[:0:-1])
    return heatmaps_to_image(maps, zoom_matrix(np.array(sample.warp_mat), zoom), stride, image_size)


def _rgb(color: str | Color) -> Color:
    """Turn a colour name into (red, green, blue), 0 to 255."""
    if isinstance(color, str):
        from matplotlib.colors import to_rgb

        red, green, blue = (round(255 * value) for value in to_rgb(color))
        return red, green, blue
    red, green, blue = color
    return int(red), int(green), int(blue)
