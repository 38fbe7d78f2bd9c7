"""The smallest config of every registered class; tests/test_registry.py needs one for each.

Add yours where it belongs: to ``MODELS`` with a function that runs the module, else to ``PARTS``.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from tiny_data import write_mpii_people, write_people, write_posetrack_people
from torch import Tensor, nn
from torch.utils.data import ConcatDataset

from posenas.datasets import ClipDataset
from posenas.structures import PoseDataSample

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2)
TINY_BACKBONE = dict(type='TinyConvNet', channels=(8, 16), out_indices=(1,))
TINY_HEAD = dict(
    type='HeatmapHead',
    in_channels=16,
    out_channels=17,
    deconv_out_channels=None,
    deconv_kernel_sizes=None,
    decoder=CODEC,
)
TINY_MODEL = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
    backbone=TINY_BACKBONE,
    head=TINY_HEAD,
)


@dataclass(frozen=True)
class ModelCase:
    """How to build and run a module.

    Attributes:
        cfg: Arguments beside ``type``.
        run: Calls the module on fixed input and returns all its outputs.
    """

    cfg: dict
    run: Callable[[nn.Module], Sequence[Tensor]]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def on_images(module: nn.Module) -> Sequence[Tensor]:
    return module(noise(2, 3, 64, 48))


def on_images_of(height: int, width: int) -> Callable[[nn.Module], Sequence[Tensor]]:
    return lambda module: module(noise(2, 3, height, width))


def on_features(channels: int) -> Callable[[nn.Module], Sequence[Tensor]]:
    return lambda module: [module((noise(2, channels, 4, 3),))]


def on_stages(channels: int) -> Callable[[nn.Module], Sequence[Tensor]]:
    return lambda module: module((noise(2, channels, 4, 3), noise(2, channels, 4, 3, seed=1)))


def on_two_scales(module: nn.Module) -> Sequence[Tensor]:
    return module((noise(2, 4, 8, 6), noise(2, 8, 4, 3, seed=1)))


def on_heatmaps(num_maps: int = 17) -> Callable[[nn.Module], Sequence[Tensor]]:
    def run(module: nn.Module) -> Sequence[Tensor]:
        heatmaps = noise(2, num_maps, 16, 12).requires_grad_()
        return [module(heatmaps, noise(2, num_maps, 16, 12, seed=1), torch.ones(2, 17))]

    return run


def on_vectors(module: nn.Module) -> Sequence[Tensor]:
    logits = [noise(2, 17, bins).requires_grad_() for bins in (96, 128)]
    targets = [noise(2, 17, bins, seed=1).softmax(-1) for bins in (96, 128)]
    return [module(logits, targets, torch.ones(2, 17))]


def on_last_feature(channels: int) -> Callable[[nn.Module], Sequence[Tensor]]:
    return lambda module: module((noise(2, channels, 4, 3),))


def on_means(module: nn.Module) -> Sequence[Tensor]:
    feats, values = (noise(2, 8),), noise(2, 17, 2, seed=1)
    points, logits = module._regress(feats).split(2, dim=-1)
    return [module(feats), module.loss_module(points, logits, values, torch.ones(2, 17))]


def on_coordinate_means(module: nn.Module) -> Sequence[Tensor]:
    feats, targets = (noise(2, 8),), noise(2, 17, 2, seed=1)
    return [module(feats), module.loss_module(module(feats), targets, torch.ones(2, 17))]


def on_two_coordinates(module: nn.Module) -> Sequence[Tensor]:
    output = noise(2, 17, 2).requires_grad_()
    return [module(output, noise(2, 17, 2, seed=1), torch.ones(2, 17))]


def on_coordinates(module: nn.Module) -> Sequence[Tensor]:
    points, logits, targets = (noise(2, 17, 2, seed=i) for i in range(3))
    return [module(points, logits, targets)]


def on_pictures(module: nn.Module) -> Sequence[Tensor]:
    pictures = [torch.full((3, 64, 48), level, dtype=torch.uint8) for level in (10, 200)]
    return [module(dict(inputs=pictures, data_samples=None), module.training)['inputs']]


def pose_samples(
    num: int = 2, num_joints: int = 17, heatmap_size: tuple[int, int] = (12, 16)
) -> list[PoseDataSample]:
    """Data samples as the pipeline packs them, with targets."""
    width, height = heatmap_size
    samples = []
    for i in range(num):
        sample = PoseDataSample(
            metainfo=dict(
                id=i,
                img_id=i,
                input_size=(48, 64),
                warp_mat=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
                flip_indices=list(range(num_joints)),
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=np.array([[0.0, 0.0, 48.0, 64.0]]), bbox_scores=np.ones(1)
        )
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, num_joints))
        sample.gt_fields = PixelData(heatmaps=noise(num_joints, height, width, seed=i))
        samples.append(sample)
    return samples


def on_samples(module: nn.Module) -> Sequence[Tensor]:
    if module.training:
        return [module(noise(2, 3, 64, 48), pose_samples(), mode='loss')['loss_kpt']]
    predictions = module(noise(2, 3, 64, 48), pose_samples(), mode='predict')
    return [torch.as_tensor(p.pred_instances.keypoints) for p in predictions]


def clip_samples(num: int = 2, length: int = 2) -> list[PoseDataSample]:
    """Data samples of ``num`` clips, frame after frame, whose crops move by a heatmap pixel."""
    samples = []
    for frame in range(length):
        for i, sample in enumerate(pose_samples(num)):
            place = dict(video_id=0, track_id=i, frame_id=frame, clip_frame=frame)
            sample.set_metainfo(dict(place, warp_mat=((1.0, 0.0, 4.0 * frame), (0.0, 1.0, 0.0))))
            samples.append(sample)
    return samples


def on_clips(module: nn.Module) -> Sequence[Tensor]:
    inputs, samples = noise(4, 3, 64, 48), clip_samples()
    if module.training:
        return [module(inputs, samples, mode='loss')['loss_kpt']]
    predictions = module.train().eval()(inputs, samples, mode='predict')
    return [torch.as_tensor(p.pred_instances.keypoints) for p in predictions]


def on_supernet_clips(module: nn.Module) -> Sequence[Tensor]:
    """Run every fusion once: one alone leaves the others without gradient."""
    if not module.training:
        return [module(noise(2, 3, 64, 64))]
    outputs = []
    for stage in module.space.stages:
        for op in module.space.ops:
            fusion = {'frames.1.fuse_stage': stage, 'frames.1.fuse_op': op}
            module.set_arch(module.space.extremes()[1] | fusion)
            outputs += module.path_outputs(noise(4, 3, 64, 64), clip_samples())
    return outputs


def on_two_frames(module: nn.Module) -> Sequence[Tensor]:
    return [module(noise(2, 3, 64, 48), noise(2, 17, 16, 12, seed=1).requires_grad_())]


def on_taught_samples(module: nn.Module) -> Sequence[Tensor]:
    """Run a distiller that has got a teacher of random weights."""
    from posenas.models.estimators.teacher import FrozenTeacher
    from posenas.registry import MODELS as MODEL_REGISTRY

    if not module.training:
        return on_samples(module)
    module.teachers.add(FrozenTeacher(MODEL_REGISTRY.build(TINY_MODEL)))
    return [module.parse_losses(module(noise(2, 3, 64, 48), pose_samples(), mode='loss'))[0]]


def on_distilled_heatmaps(module: nn.Module) -> Sequence[Tensor]:
    outputs = [noise(2, 17, 16, 12).requires_grad_() for _ in range(2)]
    targets, teacher = noise(2, 17, 16, 12, seed=1), noise(2, 17, 16, 12, seed=2)
    losses = module(outputs, targets, torch.ones(2, 17), teacher, alpha=[0.3, 1.0])
    return [losses['loss_fpd'] + losses['loss_kd']]


def on_lesson(module: nn.Module) -> Sequence[Tensor]:
    """Compare maps, features and logits of two keypoints."""
    from posenas.models.losses.extensions import Lesson

    maps = [noise(2, 2, 4, 4).requires_grad_(), noise(2, 2, 4, 4, seed=1)]
    features = [
        dict(head=noise(2, c, 4, 4, seed=c), axes=[noise(2, 2, 9, seed=c)] * 2) for c in (3, 5)
    ]
    lesson = Lesson(maps[:1], maps[1:], torch.ones(2, 2), *features, 0.5)
    return list(module(lesson).values())


#: Network of the frames between key frames, the sibling of TINY_MODEL.
TINY_LIGHT = dict(
    type='TViPNASNet',
    backbone=TINY_BACKBONE,
    head=TINY_HEAD,
    fusion=dict(stage=1, op='mul', in_channels=8),
)

SIMCC = dict(in_channels=8, out_channels=17, input_size=(48, 64), in_featuremap_size=(3, 4))
DITE_EXTRA = dict(
    stem=dict(stem_channels=32, out_channels=32),
    num_stages=2,
    stages_spec=dict(
        num_modules=(1, 1),
        num_branches=(2, 3),
        num_blocks=(1, 1),
        with_fuse=(True, True),
        num_channels=((40, 80), (40, 80, 160)),
    ),
)


SIMCC_MODEL = dict(
    TINY_MODEL,
    backbone=dict(type='TinyConvNet', channels=(8, 8, 8, 8), out_indices=(3,)),
    head=dict(
        SIMCC,
        type='RTMCCHead',
        gau_cfg=dict(hidden_dims=16, s=8),
        decoder=dict(type='SimCCLabel', input_size=(48, 64)),
    ),
)


def on_vector_samples(module: nn.Module) -> Sequence[Tensor]:
    """Run a distiller of vectors that has got a teacher of random weights."""
    from posenas.codecs import SimCCLabel
    from posenas.models.estimators.teacher import FrozenTeacher
    from posenas.registry import MODELS as MODEL_REGISTRY

    samples = pose_samples()
    if not module.training:
        return on_samples(module)
    module.teachers.add(FrozenTeacher(MODEL_REGISTRY.build(SIMCC_MODEL)))
    labels = SimCCLabel((48, 64)).encode(np.full((1, 17, 2), 20.0))
    labels = {name: torch.from_numpy(value) for name, value in labels.items()}
    for sample in samples:
        sample.gt_instance_labels = InstanceData(**labels)
    return [module.parse_losses(module(noise(2, 3, 64, 48), samples, mode='loss'))[0]]


LITE_EXTRA = dict(
    DITE_EXTRA,
    stages_spec=dict(
        DITE_EXTRA['stages_spec'], module_type=('LITE', 'naive'), reduce_ratios=(8, 8)
    ),
    with_head=False,
)


def on_squares(module: nn.Module) -> Sequence[Tensor]:
    return module(noise(2, 3, 64, 64))


def on_square_samples(module: nn.Module) -> Sequence[Tensor]:
    samples = pose_samples(heatmap_size=(16, 16))
    if module.training:
        return [module(noise(2, 3, 64, 64), samples, mode='loss')['loss_kpt']]
    return module(noise(2, 3, 64, 64))


#: PoseNAS with one cell of each size.
#: Of a network with bottlenecks.
ONE_STAGE = dict(depth=50, num_stages=1, out_indices=(0,))
TINY_POSENAS = dict(layers=4, init_channels=8, reductions=(1, 2, 3))
TINY_REFINE = dict(layers=4, channels=16, reductions=(1, 2, 3))
#: Operations of a supernet; PoseNASSearchBackbone runs all of them.
FEW = ('none', 'skip_connect', 'std_conv_1x1')
TINY_SUPERNET = dict(
    backbone=dict(
        type='PoseNASSearchBackbone', num_stages=1, encoder_ops=FEW, decoder_ops=FEW, **TINY_POSENAS
    ),
    head=dict(type='PoseNASHead', in_channels=16, out_channels=17, num_stages=1),
)

FABRIC = dict(depth=3, cut_layers=1, factor=2, operators=['Zero', 'skip_connect', 'Sep_Conv_3x3'])


#: Fabrics all through, a backbone of one layer in front.
TINY_FABRICS = dict(
    backbone=dict(type='CNFBackbone', fabric=FABRIC | dict(cut_layers=0), reserve_layers=1),
    head=dict(
        type='CNFHead', fabric=FABRIC, parts=dict(type='BodyParts', dataset='coco', num_parts=3)
    ),
)


def fabric_levels() -> list[Tensor]:
    """Pyramid levels of two images, 64 x 96, for FABRIC."""
    return [noise(2, 8 << i, 24 >> i, 16 >> i, seed=i) for i in range(2)]


def on_last_map(module: nn.Module) -> Sequence[Tensor]:
    torch.manual_seed(0)  # the layers belong to the part
    return [module(noise(2, 8, 4, 3).requires_grad_(), module.make_layers(8, 5))]


#: HRNet of one narrow block per branch.
TINY_HRNET = dict(
    stage1=dict(
        num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(8,)
    ),
    **{
        f'stage{n}': dict(
            num_modules=1,
            num_branches=n,
            block='BASIC',
            num_blocks=(1,) * n,
            num_channels=tuple(8 * 2**i for i in range(n)),
        )
        for n in (2, 3, 4)
    },
)
#: ViPNAS supernet of stages of few, narrow blocks.
TINY_VIPNAS_SPACE = dict(
    type='ViPNASSpace',
    stem=dict(width=(8, 16), kernel=(3, 5)),
    stages=[
        dict(width=w, depth=(1, 2), kernel=(3, 5), groups=('dw', 8, 4), attention=(False, True))
        for w in ((16, 24), (24, 32), (32, 40), (40, 48))
    ],
    head=dict(width=(16, 24), kernel=(2, 4), groups=('dw', 8)),
)
_EDGE_GENES = dict(
    kind=('inverted', 'dense', 'fused'), depth=(1, 2), expand=(1, 2, 3), kernel=(3, 5)
)
#: Networks for inference engines of few, narrow blocks.
TINY_EDGE_SPACE = dict(
    type='EdgeSpace',
    stem=(8, 12),
    stages=[dict(_EDGE_GENES, width=w) for w in ((8, 12), (12, 16), (16, 20))],
    fusion=(8, 12),
    head=dict(kind=('shuffle', 'simcc', 'deconv'), width=(4, 8)),
)
EDGE_STAGE = dict(kind='inverted', width=8, depth=1, expand=2, kernel=5)
TINY_VIPNAS = dict(space=TINY_VIPNAS_SPACE, head=dict(out_channels=17, decoder=CODEC))

#: Registered class -> how to build and run it.
MODELS = dict(
    CSPNeXt=ModelCase(dict(deepen_factor=0.1, widen_factor=0.125), on_images),
    HRNet=ModelCase(dict(extra=TINY_HRNET), on_images_of(64, 96)),
    HRNetPyramid=ModelCase(dict(extra=TINY_HRNET), on_images_of(64, 96)),
    MobileNetV2Pyramid=ModelCase({}, on_images),
    MobileNetV3=ModelCase(dict(out_indices=(3, -1)), on_images),
    MobileNetV2=ModelCase(dict(widen_factor=0.5), on_images),
    ShuffleNetV1=ModelCase({}, on_images),
    ShuffleNetV2=ModelCase(dict(widen_factor=0.5), on_images),
    ResNetV1d=ModelCase(ONE_STAGE, on_images),
    ResNeXt=ModelCase(ONE_STAGE, on_images),
    SEResNet=ModelCase(ONE_STAGE, on_images),
    ResNet=ModelCase(dict(depth=18, out_indices=(0, 3)), on_images),
    CellFabric=ModelCase(FABRIC, lambda module: module(fabric_levels())),
    CNFBackbone=ModelCase(dict(fabric=FABRIC | dict(cut_layers=0), reserve_layers=2), on_images),
    FeatureMapProcessor=ModelCase(
        dict(select_index=(0, 1), concat=True),
        lambda module: module([noise(2, 3, 8, 6).requires_grad_(), noise(2, 5, 4, 3)]),
    ),
    PartReduceNeck=ModelCase(
        dict(in_channels=[8, 8], fabric=FABRIC | dict(factor=4), parts=dict(a=[0, 2], b=[1])),
        lambda module: sum(module([noise(2, 8, 4, 4), noise(2, 8, 2, 2)]), start=()),
    ),
    CNFHead=ModelCase(
        dict(fabric=FABRIC, parts=dict(type='BodyParts', dataset='coco', num_parts=8)),
        lambda module: [module(fabric_levels())],
    ),
    ScalarRepresentation=ModelCase({}, on_last_map),
    VectorRepresentation=ModelCase({}, on_last_map),
    LiteHRNet=ModelCase(dict(extra=LITE_EXTRA), on_images),
    DiteHRNet=ModelCase(dict(extra=DITE_EXTRA), on_images),
    PoseNAS=ModelCase(dict(TINY_POSENAS, refine=TINY_REFINE), on_squares),
    PoseNASSearchBackbone=ModelCase(dict(TINY_POSENAS, num_stages=1), on_squares),
    CNFSupernet=ModelCase(TINY_FABRICS, lambda module: [on_images(module)]),
    PoseNASSupernet=ModelCase(TINY_SUPERNET, on_square_samples),
    TViPNASSupernet=ModelCase(
        dict(
            space=dict(type='TViPNASSpace', space=TINY_VIPNAS_SPACE, period=2),
            key=TINY_MODEL,
            head=TINY_VIPNAS['head'],
        ),
        on_supernet_clips,
    ),
    ViPNASSupernet=ModelCase(TINY_VIPNAS, lambda module: [on_images(module)]),
    EdgeSupernet=ModelCase(
        dict(space=TINY_EDGE_SPACE, head=dict(out_channels=17, heatmap_size=(12, 16))),
        lambda module: [on_images(module)],
    ),
    PrunedModelSupernet=ModelCase(
        dict(backbone=TINY_BACKBONE, head=TINY_HEAD), lambda module: [on_images(module)]
    ),
    EdgeNet=ModelCase(dict(stem_width=8, stages=[EDGE_STAGE, EDGE_STAGE]), on_images),
    EdgeHead=ModelCase(
        dict(in_channels=8, out_channels=17, kind='simcc', heatmap_size=(6, 8)), on_features(8)
    ),
    LightResNet=ModelCase({}, on_images),
    TopDownFusion=ModelCase(dict(in_channels=(4, 8), channels=(6, 8)), on_two_scales),
    CenterBoxHead=ModelCase(
        dict(in_channels=8, upsample=2, decoder=dict(type='CenterBox')), on_features(8)
    ),
    PersonDetector=ModelCase(
        dict(
            backbone=dict(TINY_BACKBONE, channels=(8, 16)),
            head=dict(type='CenterBoxHead', in_channels=16, decoder=dict(type='CenterBox')),
        ),
        lambda module: [module(noise(2, 3, 64, 48))],
    ),
    TinyConvNet=ModelCase({}, on_images),
    Hourglass=ModelCase(dict(num_stacks=2, num_features=16), on_images_of(64, 128)),
    ViPNASMobileNetV3=ModelCase({}, on_images),
    ViPNASResNet=ModelCase(dict(ONE_STAGE, num_stages=2, out_indices=(1,)), on_images),
    HeatmapHead=ModelCase(dict(in_channels=8, out_channels=17), on_features(8)),
    RTMCCHead=ModelCase(dict(SIMCC, gau_cfg=dict(hidden_dims=32, s=16)), on_last_feature(8)),
    SimCCHead=ModelCase(
        dict(SIMCC, deconv_out_channels=(16,), deconv_kernel_sizes=(4,)), on_last_feature(8)
    ),
    PoseNASHead=ModelCase(dict(in_channels=(8, 8), out_channels=17), on_stages(8)),
    StackedHourglassHead=ModelCase(dict(out_channels=17), on_stages(17)),
    ViPNASHead=ModelCase(dict(in_channels=16, out_channels=17), on_features(16)),
    KeypointMSELoss=ModelCase(dict(use_target_weight=True), on_heatmaps()),
    GlobalAveragePooling=ModelCase({}, lambda module: module([noise(2, 3, 4, 4)])),
    RegressionHead=ModelCase(dict(in_channels=8, num_joints=17), on_coordinate_means),
    SmoothL1Loss=ModelCase(dict(use_target_weight=True), on_two_coordinates),
    WingLoss=ModelCase(dict(use_target_weight=True), on_two_coordinates),
    SoftWingLoss=ModelCase({}, on_two_coordinates),
    AdaptiveWingLoss=ModelCase(dict(use_target_weight=True), on_heatmaps()),
    RLEHead=ModelCase(dict(in_channels=8, num_joints=17), on_means),
    RLELoss=ModelCase({}, on_coordinates),
    KLDiscretLoss=ModelCase(dict(beta=10.0), on_vectors),
    JointsMSELoss=ModelCase(dict(use_target_weight=True), on_heatmaps()),
    KeypointOHKMMSELoss=ModelCase(dict(use_target_weight=True), on_heatmaps()),
    CombinedTargetMSELoss=ModelCase(dict(use_target_weight=True), on_heatmaps(51)),
    PoseDataPreprocessor=ModelCase(dict(mean=[0.0] * 3, std=[255.0] * 3), on_pictures),
    TopdownPoseEstimator=ModelCase(
        dict(backbone=TINY_BACKBONE, head=TINY_HEAD, test_cfg=dict(flip_test=True)), on_samples
    ),
    TemporalFusion=ModelCase(
        dict(in_channels=8, num_keypoints=17, op='cat'),
        lambda module: [module(noise(2, 8, 4, 3), noise(2, 17, 16, 12))],
    ),
    TViPNASNet=ModelCase({k: v for k, v in TINY_LIGHT.items() if k != 'type'}, on_two_frames),
    HeatmapCopy=ModelCase(dict(num_keypoints=17), on_two_frames),
    OnlinePoseEstimator=ModelCase(dict(key=TINY_MODEL, frames=[TINY_LIGHT]), on_clips),
    FPDDistiller=ModelCase(dict(student=TINY_MODEL), on_taught_samples),
    DWPoseDistiller=ModelCase(
        dict(teacher_cfg=SIMCC_MODEL, student_cfg=SIMCC_MODEL), on_vector_samples
    ),
    FeaLoss=ModelCase(
        dict(name='loss_fea', use_this=True, student_channels=3, teacher_channels=5),
        lambda module: [module(noise(2, 3, 4, 4), noise(2, 5, 4, 4))],
    ),
    KDLoss=ModelCase(
        dict(name='loss_logit', use_this=True),
        lambda module: [module([noise(2, 3, 9).requires_grad_()], [noise(2, 3, 9, seed=1)], 1.0)],
    ),
    FPDLoss=ModelCase(dict(), on_distilled_heatmaps),
    FeatureDistill=ModelCase(
        dict(student_key='head', teacher_key='head', student_channels=3, teacher_channels=5),
        on_lesson,
    ),
    LogitDistill=ModelCase(dict(student_key='axes', teacher_key='axes'), on_lesson),
    HeatmapKL=ModelCase(dict(tau=2.0), on_lesson),
    SelfDistillHead=ModelCase(dict(), on_lesson),
    ExpMomentumEMA=ModelCase(
        dict(model=nn.Conv2d(3, 4, 1)), lambda module: [module(noise(2, 3, 64, 48))]
    ),
)


def posetrack_clips(folder: Path) -> dict:
    return dict(
        dataset=dict(type='PoseTrack18Dataset', ann_file=str(write_posetrack_people(folder)))
    )


def coco_people(folder: Path) -> dict:
    return dict(type='posenas.CocoDataset', ann_file=str(write_people(folder)))


def tiny_experiment(folder: Path) -> Config:
    """A training of seconds: 4 pictures, one epoch."""
    annotations = write_people(folder)
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=CODEC['input_size']),
    ]
    dataset = dict(type='CocoDataset', ann_file=str(annotations), data_prefix=dict(img=str(folder)))
    train = [*pipeline, dict(type='GenerateTarget', encoder=CODEC), dict(type='PackPoseInputs')]
    test = [*pipeline, dict(type='PackPoseInputs')]
    test_dataloader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(dataset, pipeline=test, test_mode=True),
    )
    return Config(
        dict(
            default_scope='posenas',
            work_dir=str(folder / 'work'),
            model=TINY_MODEL,
            train_cfg=dict(by_epoch=True, max_epochs=1),
            val_cfg=dict(),
            test_cfg=dict(),
            train_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=dict(dataset, pipeline=train),
            ),
            val_dataloader=test_dataloader,
            test_dataloader=test_dataloader,
            val_evaluator=dict(type='PCKAccuracy'),
            test_evaluator=dict(type='PCKAccuracy'),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
            log_level='ERROR',
            randomness=dict(seed=0),
            visualizer=None,
            experiment_name=folder.name,
        ),
        format_python_code=False,  # formatting is slow
    )


def build_runner(folder: Path) -> object:
    from posenas.engine import PoseRunner

    return PoseRunner.from_cfg(tiny_experiment(folder))


def build_loop(**cfg: object) -> Callable[[Path], object]:
    return lambda folder: build_runner(folder).build_train_loop(cfg)


def build_optim_wrapper(kind: str) -> Callable[[Path], object]:
    def build(folder: Path) -> object:
        from posenas.registry import OPTIM_WRAPPERS

        optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
        return OPTIM_WRAPPERS.build(dict(type=kind, optimizer=optimizer))

    return build


def build_scheduler(folder: Path) -> object:
    from posenas.registry import PARAM_SCHEDULERS

    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    return PARAM_SCHEDULERS.build(dict(type='ExpWarmupLR', optimizer=optimizer))


def build_data_parallel(folder: Path) -> object:
    from torch import distributed

    from posenas.engine.distributed import leave_gloo
    from posenas.registry import MODEL_WRAPPERS

    store = distributed.FileStore(str(folder / 'store'), 1)
    distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    try:
        module = nn.Linear(2, 2)
        wrapper = MODEL_WRAPPERS.build(dict(type='MMDistributedDataParallel', module=module))
        wrapper(torch.ones(1, 2)).sum().backward()
        assert module.weight.grad is not None
        return wrapper
    finally:
        leave_gloo()


def build_albumentation(folder: Path) -> object:
    pytest.importorskip('albumentations')
    from posenas.registry import TRANSFORMS

    return TRANSFORMS.build(dict(type='Albumentation', transforms=[dict(type='Blur', p=0.1)]))


def people(skeleton: str) -> Callable[[Path], dict]:
    return lambda folder: dict(ann_file=str(write_people(folder, skeleton=skeleton)))


def write_taught(folder: Path) -> Path:
    path = write_people(folder)
    content = json.loads(path.read_text())
    for annotation in content['annotations']:
        annotation['keypoint_scores'] = [0.5] * 17
    path.write_text(json.dumps(content))
    return path


def build_ratio_sampler(folder: Path) -> object:
    from posenas.registry import DATA_SAMPLERS, DATASETS

    unlabelled = dict(coco_people(folder), type='posenas.UnlabelledTopdownDataset')
    mixed = DATASETS.build(dict(type='ConcatDataset', datasets=[coco_people(folder), unlabelled]))
    return DATA_SAMPLERS.build(
        dict(type='LabelledRatioSampler', dataset=mixed, labelled_per_batch=1, seed=0)
    )


def build_latency_table(folder: Path) -> dict:
    from posenas.search import CostContext, LatencyTable

    LatencyTable('none', CostContext((64, 64), 17), {}, {}).save(folder / 'table.json')
    return dict(table=str(folder / 'table.json'))


CNF_OPERATORS = (
    *('Zero', 'SkipConnect', 'SepConv3x3', 'SepConv5x5', 'AtrConv3x3', 'AtrConv5x5'),
    *('AvgPool3x3', 'MaxPool3x3', 'BasicConv3x3', 'BottleConv3x3', 'Conv3x3'),
)
ALGORITHMS = ('RandomSearch', 'RegularizedEvolution', 'EvolutionSearch', 'BeamSearch', 'NSGA2')
COSTS = ('ParamsCost', 'MacsCost', 'ActivationMemoryCost')
SPACE = dict(type='ViPNASSpace')
#: Registered class -> arguments beside ``type``, or a function of a folder that returns them or
#: the object itself.
PARTS = dict(
    BodyParts=dict(dataset='coco', num_parts=3),
    CNFSpace=dict(fabric=FABRIC, parts=dict(type='BodyParts', dataset='coco', num_parts=3)),
    PoseNASSpace={},
    PoseNASCounter=dict(model=TINY_SUPERNET),
    **{name: dict(space=SPACE, objectives=dict(AP='greater')) for name in ALGORITHMS},
    IntegerProgram=dict(
        space=TINY_VIPNAS_SPACE,
        objectives=dict(AP='greater'),
        budget=dict(
            costs=[dict(type='MacsCost', counter=dict(type='ViPNASCounter'))],
            limits=dict(macs=1e9),
        ),
    ),
    Budget={},
    TViPNASSpace=dict(space=TINY_VIPNAS_SPACE),
    CostBins=dict(
        space=TINY_VIPNAS_SPACE,
        cost=dict(type='MacsCost', counter=dict(type='ViPNASCounter')),
        input_size=(64, 64),
    ),
    NetworkCounter=dict(model=TINY_MODEL),
    **{name: dict(counter=dict(type='NetworkCounter', model=TINY_MODEL)) for name in COSTS},
    TableEvaluator=dict(space=SPACE, table={}),
    SupernetEvaluator=dict(space=SPACE),
    TrainEvaluator=lambda folder: dict(space=SPACE, config=tiny_experiment(folder).to_dict()),
    LatencyCost=build_latency_table,
    EdgeCounter={},
    EdgeSpace={},
    PrunedModelCounter=dict(model=TINY_MODEL),
    PrunedModelSpace=dict(model=TINY_MODEL),
    ViPNASCounter={},
    ViPNASSpace={},
    EigenvalueRule={},
    EntropyRule={},
    ParameterFreeRule={},
    SkipRule={},
    StabilityRule={},
    **{name: dict(channels=4) for name in CNF_OPERATORS},
    PoseRunner=build_runner,
    EpochBasedTrainLoop=build_loop(type='EpochBasedTrainLoop', max_epochs=1),
    ArchSearchLoop=build_loop(type='ArchSearchLoop', max_epochs=1, arch_ratio=0.5),
    SupernetLoop=build_loop(type='SupernetLoop', max_epochs=1),
    SearchLoop=build_loop(
        type='SearchLoop',
        algorithm=dict(type='RandomSearch', objectives=dict(AP='greater')),
        evaluator=dict(type='TableEvaluator', table={}),
        space=SPACE,
        wave=1,
        num_waves=1,
    ),
    IterBasedTrainLoop=build_loop(type='IterBasedTrainLoop', max_iters=2),
    OptimWrapper=build_optim_wrapper('OptimWrapper'),
    AmpOptimWrapper=build_optim_wrapper('AmpOptimWrapper'),
    ArchOptimWrapperConstructor=dict(
        optim_wrapper_cfg=dict(optimizer=dict(type='Adam', lr=0.1), arch='weights')
    ),
    MMDistributedDataParallel=build_data_parallel,
    ExpWarmupLR=build_scheduler,
    ArchValueHook={},
    CheckInvalidLossHook={},
    MemoryForecastHook={},
    NanGuardHook={},
    CollapseGuardHook={},
    SkipDropoutHook={},
    AuxiliarySkipHook={},
    PerturbationHook={},
    PlainCheckpointHook={},
    PipelineSwitchHook=dict(switch_epoch=1, switch_pipeline=[dict(type='LoadImage')]),
    RunReportHook={},
    CheckpointHook={},
    DistillStateHook={},
    EMATeacherHook={},
    EarlyStoppingHook=dict(monitor='AP', rule='greater'),
    StopSignalHook={},
    SubnetScoresHook={},
    PoseVisualizationHook={},
    InputPicturesHook={},
    BadCaseAnalysisHook={},
    ClipDataset=posetrack_clips,
    CocoDataset=people('coco'),
    CrowdPoseDataset=people('crowdpose'),
    JhmdbDataset=people('jhmdb'),
    LspDataset=people('lsp'),
    MpiiDataset=lambda folder: dict(ann_file=str(write_mpii_people(folder))),
    PoseTrack18Dataset=people('posetrack18'),
    UnlabelledTopdownDataset=people('coco'),
    TeacherCache=lambda folder: dict(path=str(folder / 'cache')),
    ConcatDataset=lambda folder: dict(datasets=[coco_people(folder)] * 2),
    CombinedDataset=lambda folder: dict(
        metainfo=dict(dataset_name='coco'), datasets=[coco_people(folder)] * 2
    ),
    MosaicDataset=lambda folder: dict(
        dataset=dict(coco_people(folder), type='posenas.PersonBoxDataset'), canvas_size=(64, 64)
    ),
    PersonBoxDataset=people('coco'),
    TaughtDataset=lambda folder: dict(ann_file=str(write_taught(folder))),
    RepeatDataset=lambda folder: dict(dataset=coco_people(folder), times=2),
    DefaultSampler=dict(dataset=range(4), seed=0),
    InfiniteSampler=dict(dataset=range(4), seed=0),
    LabelledRatioSampler=build_ratio_sampler,
    MultiSourceSampler=lambda folder: dict(
        dataset=ConcatDataset([range(4), range(2)]), source_ratio=[2, 1], seed=0
    ),
    VideoSampler=lambda folder: dict(dataset=ClipDataset(**posetrack_clips(folder))),
    Albumentation=build_albumentation,
    CoarseDropout={},
    FrameJitter={},
    GetBBoxCenterScale={},
    PNFSGetBox={},
    PNFSTopdownAffine=dict(input_size=(48, 64)),
    RandomJointOcclusion=dict(joints=(9, 10)),
    GenerateBoxTarget=dict(encoder=dict(type='CenterBox')),
    Letterbox=dict(size=(64, 64)),
    GenerateTarget=dict(encoder=CODEC),
    KeypointConverter=dict(num_keypoints=2, mapping=[(5, 0), (6, 1)]),
    LoadImage={},
    PackPoseInputs={},
    PhotometricDistortion={},
    RandomBBoxTransform={},
    RandomFlip={},
    RandomHalfBody={},
    TopdownAffine=dict(input_size=(48, 64)),
    CenterBox={},
    YOLOXHSVRandomAug={},
    MegviiHeatmap=dict(input_size=(48, 64), heatmap_size=(12, 16), kernel_size=5),
    MSRAHeatmap=dict(input_size=(48, 64), heatmap_size=(12, 16), sigma=2),
    PNFSHeatmap=dict(input_size=(48, 64), heatmap_size=(12, 16)),
    RegressionLabel=dict(input_size=(48, 64)),
    SimCCLabel=dict(input_size=(48, 64)),
    UDPHeatmap=dict(input_size=(48, 64), heatmap_size=(12, 16)),
    CocoBoxMetric=people('coco'),
    CocoMetric={},
    AUC={},
    EPE={},
    NME=dict(norm_mode='keypoint_distance'),
    FrameCost={},
    JhmdbPCKAccuracy={},
    LspPCKMetric=people('lsp'),
    MpiiPCKAccuracy={},
    PCKAccuracy={},
    PoseTrack18Metric=lambda folder: dict(ann_file=str(write_posetrack_people(folder))),
    ResultFile=dict(out_file='results.json'),
    Evaluator=dict(metrics=[]),
    PoseLocalVisualizer=dict(name='registry walk'),
    PoseInferencer=lambda folder: dict(pose2d=tiny_experiment(folder), device='cpu'),
)
