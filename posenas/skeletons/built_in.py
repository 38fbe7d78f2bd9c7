"""Skeletons of the data sets that have readers of their own; all lie in data files."""

from collections.abc import Mapping
from types import MappingProxyType

from posenas.skeletons.base import Skeleton
from posenas.skeletons.stored import read_stored

#: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014; 17 keypoints, 19 limbs.
COCO = read_stored('coco')
#: Johnson and Everingham, Learning Effective Human Pose Estimation from Inaccurate Annotation,
#: CVPR 2011; 14 keypoints. The authors give no sigmas; these are COCO's, neck and head top as a
#: shoulder.
LSP = read_stored('lsp')
#: Andriluka et al., 2D Human Pose Estimation: New Benchmark and State of the Art Analysis, CVPR
#: 2014; 16 keypoints, sigmas as MMPose sets them (MPII itself is judged by PCKh, which needs none).
MPII = read_stored('mpii')
#: The 15 keypoints of PoseTrack 2017, in the order in which the official tool evaluates both
#: releases; its neck is the later release's head bottom.
POSETRACK17 = read_stored('posetrack17')
#: Andriluka et al., PoseTrack: A Benchmark for Human Pose Estimation and Tracking, CVPR 2018;
#: COCO's keypoints with head bottom and top in place of the eyes, and COCO's sigmas by position.
#: The ears are never labelled.
POSETRACK18 = read_stored('posetrack18')
#: Li et al., CrowdPose: Efficient Crowded Scenes Pose Estimation and a New Benchmark, CVPR 2019; 14
#: keypoints. The limbs inside its annotation files are COCO's, left there by mistake.
CROWDPOSE = read_stored('crowdpose')
#: Jhuang et al., Towards Understanding Action Recognition, ICCV 2013; 15 keypoints. Sigmas as
#: MMPose sets them after COCO's (JHMDB itself is judged by PCK, which needs none).
JHMDB = read_stored('jhmdb')

#: The built-in skeletons by name.
SKELETONS: Mapping[str, Skeleton] = MappingProxyType(
    {each.name: each for each in (COCO, LSP, MPII, POSETRACK17, POSETRACK18, CROWDPOSE, JHMDB)}
)
