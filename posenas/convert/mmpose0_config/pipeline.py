"""Sample pipelines of MMPose 0.x."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from posenas.convert.mmpose0_config.codec import REGRESSION
from posenas.convert.reading import Notes, Section
from posenas.utils import ConfigError

Step = dict[str, Any]
_PADDING = 1.25
#: Metainfo in 0.x -> ours; what stands for nothing here travels with the sample anyway.
_META_KEYS = {
    'image_file': 'img_path',
    'center': 'input_center',
    'scale': 'input_scale',
    'rotation': 'bbox_rotation',
    'flip_pairs': 'flip_indices',
    'bbox_id': 'id',
    'image_id': 'img_id',
    'bbox_score': None,
    'joints_3d': None,
    'joints_3d_visible': None,
    'dataset': 'dataset_name',
}
#: Metainfo that our PackPoseInputs takes along unasked.
_DEFAULT_META = (
    *('id', 'img_id', 'img_path', 'category_id', 'crowd_index', 'ori_shape', 'img_shape'),
    *('input_size', 'input_center', 'input_scale', 'flip', 'flip_direction', 'flip_indices'),
    *('raw_ann_info', 'dataset_name'),
)
_TARGETS = ('TopDownGenerateTarget', REGRESSION)
#: Largest move and its probability by which 0.x disturbed centres when it read annotations, in
#: padded boxes.
_LOAD_SHIFT = dict(shift_factor=0.16, shift_prob=0.3)


@dataclass
class Pipeline:
    """A translated pipeline and what it says of the model's input.

    Attributes:
        steps: Configs of our transforms.
        mean: Mean of the channels in [0, 1]; None without normalisation.
        std: Their standard deviation.
        is_rgb: Whether the network gets red first.
        use_udp: Whether crops are warped by UDP.
    """

    steps: list[Step] = field(default_factory=list)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    is_rgb: bool = True
    use_udp: bool | None = None


@dataclass(frozen=True)
class _Context:
    codecs: Sequence[Mapping[str, Any]]
    legacy: bool
    weighted: bool
    pipeline: Pipeline


def find_target(steps: Sequence[Mapping[str, Any]], path: str, notes: Notes) -> Section:
    """Find the transform that draws targets; an empty section without one."""
    for index, step in enumerate(steps):
        if step.get('type') in _TARGETS:
            return Section(step, f'{path}[{index}]', notes)
    return Section(None, path, notes)


def translate_pipeline(
    steps: Sequence[Mapping[str, Any]],
    path: str,
    notes: Notes,
    codecs: Sequence[Mapping[str, Any]],
    legacy: bool,
    shifts_at_load: bool = False,
    weighted: bool = False,
) -> Pipeline:
    """Translate the transforms in their order.

    Args:
        steps: Transforms of 0.x.
        path: Where they stand, for messages.
        notes: Collects what happens.
        codecs: Codec of each level of the targets.
        legacy: Whether numerics of 0.x are kept.
        shifts_at_load: Whether 0.x moves centres of these samples when it reads them, unless the
            pipeline does.
        weighted: Whether keypoints have the weights of the skeleton.

    Raises:
        ConfigError: A transform has no counterpart.
    """
    pipeline = Pipeline()
    context = _Context(codecs, legacy, weighted, pipeline)
    names = [step.get('type') for step in steps]
    if None in names:
        raise ConfigError(f'{path}[{names.index(None)}] must name the type of a transform')
    for index, step in enumerate(steps):
        section = Section(step, f'{path}[{index}]', notes)
        kind = step['type']
        section.mark('type')
        if kind not in _RULES:
            raise ConfigError(f'{section.place("type")}: {kind} has no counterpart here')
        new = _RULES[kind](section, context)
        pipeline.steps += new
        became = ', '.join(str(made['type']) for made in new) or 'data_preprocessor'
        notes.applied.append(f'{section.path} {kind} -> {became}')
        if kind not in _TARGETS:
            section.finish()
        if kind == 'LoadImageFromFile' and 'TopDownGetBboxCenterScale' not in names:
            notes.applied.append(f'{path} -> GetBBoxCenterScale after {kind}')
            pipeline.steps.append(dict(type='GetBBoxCenterScale', padding=_PADDING))
            if shifts_at_load and 'TopDownRandomShiftBboxCenter' not in names:
                pipeline.steps += _shift_at_load(context)
    if not legacy:
        pipeline.steps = _join_disturbances(pipeline.steps)
    return pipeline


def _shift_at_load(context: _Context) -> list[Step]:
    once = dict(shift_once=True) if context.legacy else {}
    return [_disturb(context, **_LOAD_SHIFT, scale_prob=0, rotate_prob=0, **once)]


def _disturb(context: _Context, **arguments: Any) -> Step:
    generation = dict(generation='0.x') if context.legacy else {}
    return dict(type='RandomBBoxTransform', **arguments, **generation)


def _join_disturbances(steps: list[Step]) -> list[Step]:
    """Let one transform move, scale and rotate, as in 1.x."""
    shifts = [step for step in steps if step.get('scale_prob') == 0]
    others = [
        step for step in steps if step['type'] == 'RandomBBoxTransform' and step not in shifts
    ]
    if not shifts or len(others) != 1:
        return steps
    moved = {key: value for key, value in shifts[0].items() if key.startswith('shift_')}
    joined = {**others[0], **moved}
    kept = [step for step in steps if step not in shifts]
    return [joined if step is others[0] else step for step in kept]


def _load(section: Section, context: _Context) -> list[Step]:
    order = section.take('channel_order', 'data_preprocessor.bgr_to_rgb', 'rgb')
    context.pipeline.is_rgb = order == 'rgb'
    step: Step = dict(type='LoadImage')
    for key in ('to_float32', 'color_type', 'file_client_args'):
        if key in section:
            step[key] = section.take(key, f'LoadImage.{key}')
    return [step]


def _center(section: Section, context: _Context) -> list[Step]:
    padding = section.take('padding', 'GetBBoxCenterScale.padding', _PADDING)
    return [dict(type='GetBBoxCenterScale', padding=padding)]


def _flip(section: Section, context: _Context) -> list[Step]:
    prob = section.take('flip_prob', 'RandomFlip.prob', 0.5)
    return [dict(type='RandomFlip', direction='horizontal', prob=prob)]


def _half_body(section: Section, context: _Context) -> list[Step]:
    count = section.take('num_joints_half_body', 'RandomHalfBody.min_total_keypoints', 8)
    prob = section.take('prob_half_body', 'RandomHalfBody.prob', 0.3)
    generation = dict(generation='0.x') if context.legacy else {}
    arguments = dict(min_total_keypoints=count + 1, prob=prob, padding=1.5)
    return [dict(type='RandomHalfBody', **arguments, **generation)]


def _scale_rotate(section: Section, context: _Context) -> list[Step]:
    rotation = section.take('rot_factor', 'RandomBBoxTransform.rotate_factor', 40)
    scale = section.take('scale_factor', 'RandomBBoxTransform.scale_factor', 0.5)
    prob = section.take('rot_prob', 'RandomBBoxTransform.rotate_prob', 0.6)
    return [
        _disturb(
            context,
            shift_prob=0,
            scale_factor=(1 - scale, 1 + scale),
            rotate_factor=2 * rotation,
            rotate_prob=prob,
        )
    ]


def _shift(section: Section, context: _Context) -> list[Step]:
    factor = section.take('shift_factor', 'RandomBBoxTransform.shift_factor', 0.16)
    prob = section.take('prob', 'RandomBBoxTransform.shift_prob', 0.3)
    arguments = dict(shift_factor=factor, shift_prob=prob, scale_prob=0, rotate_prob=0)
    return [_disturb(context, **arguments)]


def _translation(section: Section, context: _Context) -> list[Step]:
    factor = section.take('trans_factor', 'RandomBBoxTransform.shift_factor', 0.15)
    prob = section.take('trans_prob', 'RandomBBoxTransform.shift_prob', 1.0)
    arguments = dict(shift_factor=factor, shift_prob=prob, scale_prob=0, rotate_prob=0)
    return [_disturb(context, **arguments)]


def _affine(section: Section, context: _Context) -> list[Step]:
    use_udp = section.take('use_udp', 'TopdownAffine.use_udp', False)
    context.pipeline.use_udp = bool(use_udp)
    udp = dict(use_udp=True) if use_udp else {}
    return [dict(type='TopdownAffine', input_size=context.codecs[-1]['input_size'], **udp)]


def _to_tensor(section: Section, context: _Context) -> list[Step]:
    return []


def _normalize(section: Section, context: _Context) -> list[Step]:
    context.pipeline.mean = tuple(section.require('mean', 'data_preprocessor.mean, x 255'))
    context.pipeline.std = tuple(section.require('std', 'data_preprocessor.std, x 255'))
    return []


def _target(section: Section, context: _Context) -> list[Step]:
    codecs = [dict(codec) for codec in context.codecs]
    step: Step = dict(type='GenerateTarget', encoder=codecs if len(codecs) > 1 else codecs[0])
    if len(codecs) > 1:
        step['multilevel'] = True
    if context.weighted:
        step['use_dataset_keypoint_weights'] = True
    return [step]


def _same(section: Section, context: _Context) -> list[Step]:
    kind = section.content['type']
    generation = {}
    if kind == 'PhotometricDistortion' and context.legacy:
        generation = dict(generation='0.x')  # it discards its swap of channels
    return [dict(type=kind, **section.rest(kind), **generation)]


def _collect(section: Section, context: _Context) -> list[Step]:
    section.drop('inputs and data_samples', 'keys', 'meta_name')
    keys = section.take('meta_keys', 'PackPoseInputs.meta_keys', ())
    new = [_META_KEYS.get(key, key) for key in keys]
    added = tuple(key for key in new if key is not None and key not in _DEFAULT_META)
    return [dict(type='PackPoseInputs', **(dict(meta_keys=_DEFAULT_META + added) if added else {}))]


_RULES: Mapping[str, Callable[[Section, _Context], list[Step]]] = {
    'LoadImageFromFile': _load,
    'TopDownGetBboxCenterScale': _center,
    'TopDownRandomFlip': _flip,
    'TopDownHalfBodyTransform': _half_body,
    'TopDownGetRandomScaleRotation': _scale_rotate,
    'TopDownRandomShiftBboxCenter': _shift,
    'TopDownRandomTranslation': _translation,
    'TopDownAffine': _affine,
    'ToTensor': _to_tensor,
    'NormalizeTensor': _normalize,
    'TopDownGenerateTarget': _target,
    REGRESSION: _target,
    'Albumentation': _same,
    'PhotometricDistortion': _same,
    'Collect': _collect,
}
