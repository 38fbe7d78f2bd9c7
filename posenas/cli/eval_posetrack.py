"""The report of ``posenas eval posetrack``."""

import argparse

import numpy as np
from numpy.typing import NDArray

from posenas.cli.eval_reports import find_intervals, print_joints, print_scores
from posenas.evaluation.functional import (
    collect_detections,
    count_tracks,
    joint_precision,
    track_scores,
)
from posenas.evaluation.posetrack import (
    pair_frames,
    read_video_results,
    read_videos,
    summarise,
)
from posenas.skeletons import POSETRACK17

__all__ = ['report_posetrack']


def report_posetrack(args: argparse.Namespace) -> dict:
    """Print the published columns, their intervals, and all scores of each joint.

    Intervals come from whole videos drawn with replacement: frames of one video are much alike.
    """
    videos = read_videos(args.gt, args.tracking)
    results = read_video_results(args.results, videos, args.tracking)
    frames = pair_frames(videos, results)
    detections = collect_detections(frames, len(videos))
    counts = count_tracks(frames, len(videos)) if args.tracking else None
    scores = summarise(detections, counts)

    def score(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array(list(summarise(detections, counts, weights).values()))

    intervals = find_intervals(args, score, list(scores), len(videos))
    title = f'{len(frames):,} frames of {len(videos):,} videos, {args.results}'
    print_scores(title, scores, intervals)
    columns = dict(zip(('AP', 'Precision', 'Recall'), joint_precision(detections), strict=True))
    if counts is not None:
        columns |= track_scores(counts)
    joints = print_joints(
        POSETRACK17.joint_names, list(columns), np.stack(list(columns.values()), axis=1)
    )
    return dict(scores=scores, intervals=intervals, joints=joints)
