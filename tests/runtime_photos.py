"""Compares an exported network with its checkpoint on photos: ``python -m runtime_photos -h``.

Keypoints further apart than 0.01 pixels must be ties: two places of a heatmap whose values differ
by less than 2e-4 of the range, of which rounding chooses one.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from posenas.apis import inference_topdown, init_model
from posenas.geometry import warp_points
from posenas.runtime import PoseRuntime

DISTANCE, TIE = 0.01, 2e-4


def read_people(annotations, images, count):
    """Return paths of photos and the boxes of their people, corners, in the order of the file."""
    content = json.loads(Path(annotations).read_text(encoding='utf-8'))
    names = {image['id']: image['file_name'] for image in content['images']}
    boxes = {}
    for person in content['annotations']:
        if person.get('num_keypoints', 1):
            x, y, width, height = person['bbox']
            boxes.setdefault(names[person['image_id']], []).append([x, y, x + width, y + height])
    return [
        (str(Path(images) / name), np.float32(each)) for name, each in list(boxes.items())[:count]
    ]


def is_tie(heatmap, matrix, stride, points):
    """Say whether the values of a heatmap near two places (2, 2) in the image are all but equal."""
    places = np.round(warp_points(points, matrix) / stride).astype(int)
    height, width = heatmap.shape
    values = []
    for x, y in places:
        rows, columns = (slice(max(v - 1, 0), v + 2) for v in (y, x))
        values.append(
            heatmap[rows, columns].max() if 0 <= x < width and 0 <= y < height else np.nan
        )
    return abs(values[0] - values[1]) < TIE * np.ptp(heatmap)


def compare(model, runtime, people):
    """Return distances in pixels, and for those beyond the limit what was found."""
    model.test_cfg['output_heatmaps'] = True
    distances, far = [], []
    for path, boxes in people:
        samples = inference_topdown(model, path, boxes)
        found = runtime(path, boxes)
        for row, sample in enumerate(samples):
            wanted = sample.pred_instances.keypoints[0]
            gaps = np.linalg.norm(found.keypoints[row] - wanted, axis=-1)
            distances.append(gaps)
            for joint in np.flatnonzero(gaps > DISTANCE).tolist():
                points = np.stack([found.keypoints[row][joint], wanted[joint]])
                heatmap = np.asarray(sample.pred_fields.heatmaps[joint])
                stride = np.asarray(sample.pred_fields.heatmap_stride)
                tie = is_tie(heatmap, sample.metainfo['warp_mat'], stride, points)
                far.append((Path(path).name, row, joint, float(gaps[joint]), bool(tie)))
    return np.concatenate(distances), far


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('file')
    parser.add_argument('annotations')
    parser.add_argument('images')
    parser.add_argument('--engine', default='onnxruntime')
    parser.add_argument('--count', type=int, default=1000)
    args = parser.parse_args()
    people = read_people(args.annotations, args.images, args.count)
    runtime = PoseRuntime(args.file, args.engine, threads=1)
    distances, far = compare(init_model(args.config, args.checkpoint), runtime, people)
    share = float(np.mean(distances <= DISTANCE))
    print(
        f'{len(distances):,} keypoints in {len(people):,} photos: {share:.4%} within {DISTANCE} px'
    )
    for name, row, joint, gap, tie in far:
        print(f'{name} person {row} keypoint {joint}: {gap:.3f} px, {"tie" if tie else "NO TIE"}')
    return 0 if share >= 0.999 and all(tie for *_, tie in far) else 1


if __name__ == '__main__':
    sys.exit(main())
