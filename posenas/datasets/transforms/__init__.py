"""Steps from a person's record to the network's input and target."""

from .albumentation import Albumentation
from .bbox_center_scale import GetBBoxCenterScale
from .detection import GenerateBoxTarget, Letterbox
from .frame_jitter import FrameJitter
from .generate_target import GenerateTarget
from .hsv import YOLOXHSVRandomAug
from .keypoint_converter import KeypointConverter
from .loading import LoadImage
from .occlusion import CoarseDropout, RandomJointOcclusion
from .pack import PackPoseInputs
from .photometric import PhotometricDistortion
from .pnfs import PNFSGetBox, PNFSTopdownAffine
from .random_bbox import RandomBBoxTransform
from .random_flip import RandomFlip
from .random_half_body import RandomHalfBody
from .topdown_affine import TopdownAffine

__all__ = [
    'Albumentation',
    'CoarseDropout',
    'FrameJitter',
    'GenerateBoxTarget',
    'GenerateTarget',
    'GetBBoxCenterScale',
    'KeypointConverter',
    'Letterbox',
    'LoadImage',
    'PNFSGetBox',
    'PNFSTopdownAffine',
    'PackPoseInputs',
    'PhotometricDistortion',
    'RandomBBoxTransform',
    'RandomFlip',
    'RandomHalfBody',
    'RandomJointOcclusion',
    'TopdownAffine',
    'YOLOXHSVRandomAug',
]
