"""The forms of a network that ``posenas benchmark runtime`` times."""

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from torch import nn

from posenas.apis.building import LoadedModel, build_model, find_input_size, load_checked
from posenas.apis.detection import PeopleDetector, init_detector
from posenas.apis.exported import read_description
from posenas.apis.exporting import export_model, find_crops, render_people
from posenas.apis.inference import inference_topdown, init_model
from posenas.deploy import Proof
from posenas.models import PersonDetector
from posenas.models.fused import fuse
from posenas.models.settling import draw_settled_weights
from posenas.runtime import (
    ENGINES,
    DetectorRuntime,
    NetworkDescription,
    PoseRuntime,
    VideoRuntime,
)
from posenas.runtime.engines import choose_engine, is_exported, list_precisions
from posenas.runtime.track_memory import Seen
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, make_generator

#: Width and height of the photo that people are cut out of, or found in.
_PHOTO = (640, 480)
#: What a file may store so that an engine can choose what it computes in.
_FLOATS = ('f32', 'f16')


@dataclass
class Form:
    """One form of a network: what is called for each task, on so many frames, and what it takes.

    Attributes:
        network: Name of the network.
        name: Engine and precision, such as 'openvino f32'.
        batch: Images, or people, of a call.
        tasks: What is called for each task; no form has all of them.
        memory_mb: See :class:`posenas.benchmarks.RuntimeCost`, as for those that follow.
        num_frames: Frames of a call.
    """

    network: str
    name: str
    batch: int
    tasks: dict[str, Callable[[], object]]
    memory_mb: float
    file_mb: float = 0.0
    difference: float = 0.0
    distance: float = 0.0
    num_frames: int = 1


@dataclass(frozen=True)
class Source:
    """An exported file, with the network that it was made of and the proof, if it was made here.

    Attributes:
        name: Name of the network.
        file: The exported file.
        network: The network, or None.
        proof: How far engines were from it, or None.
    """

    name: str
    file: Path
    network: LoadedModel | None = None
    proof: Proof | None = None


@dataclass(frozen=True)
class _Sight:
    """What all forms of a network look at.

    Attributes:
        photo: (H, W, 3) uint8, in which detectors find people.
        boxes: Of people in it, corners (B, 4), as many as a call takes.
    """

    photo: np.ndarray
    boxes: np.ndarray

    @property
    def photos(self) -> list[np.ndarray]:
        """As many photos as a call of a detector takes."""
        return [self.photo] * len(self.boxes)


def check_name(name: str | Path) -> None:
    """Require an exported file, or the config of a network.

    Raises:
        ConfigError: It is neither.
        DataError: A file was not written by ``posenas export``.
    """
    if is_exported(name):
        read_description(name)
    elif 'model' not in load_checked(name):
        raise ConfigError(f'{name} must be an exported file, or a config with a model')


def export_network(name: str | Path, title: str, folder: Path) -> Source:
    """Export a network with random weights to ``folder``; an exported file stays as it is."""
    if is_exported(name):
        return Source(title, Path(name))
    network, file = build_model(name), Path(mkdtemp(dir=folder)) / 'net.onnx'
    draw_settled_weights(network.model, find_crops(network)[0])
    made = export_model(network, file, name=title)
    return Source(title, file, network, made.proof)


def list_forms(source: Source, threads: int, batch: int, with_compile: bool) -> Iterator[Form]:
    """Yield the forms of a network, those of PyTorch first; see :func:`benchmark_runtime`."""
    width, height = _PHOTO
    box = np.array([width * 0.25, 10, width * 0.75, height - 10], np.float32)
    sight = _Sight(render_people(_PHOTO, 1)[0], np.tile(box, (batch, 1)))
    if source.network is not None:
        yield from _list_torch_forms(source.name, source.network, sight, with_compile)
    is_float = read_description(source.file).precision in _FLOATS
    for engine in ENGINES:
        if choose_engine(source.file, None if source.file.suffix == '.xml' else engine) == engine:
            for precision in list_precisions(engine) if is_float else ('f32',):
                form = _open_form(source, engine, precision, threads, sight)
                if source.proof is not None and precision == 'f32':
                    tried = [d for d in source.proof.differences if d.engine == engine]
                    form.difference = max(each.outputs for each in tried)
                    form.distance = max(each.keypoints for each in tried)
                yield form


def _list_torch_forms(
    title: str, network: LoadedModel, sight: _Sight, with_compile: bool
) -> Iterator[Form]:
    """Yield the forms of PyTorch; the published one comes first."""
    batch, (width, height) = len(sight.boxes), find_input_size(network.cfg)
    images = torch.randn(batch, 3, height, width)
    is_detector = isinstance(network.model, PersonDetector)
    model = (init_detector if is_detector else init_model)(network.cfg, device='cpu')
    model.load_state_dict(network.model.state_dict())
    last = torch.channels_last

    def make(label: str, net: nn.Module, inputs: torch.Tensor) -> Form:
        before = read_memory_mb()
        tasks, num_frames = _list_torch_tasks(net, inputs, sight)
        with torch.inference_mode():
            tasks['forward']()
        memory = read_memory_mb() - before
        return Form(title, label, batch, tasks, memory, num_frames=num_frames)

    yield make('torch eval', model, images)
    yield make(
        'torch channels last',
        copy.deepcopy(model).to(memory_format=last),
        images.to(memory_format=last),
    )
    fused = copy.deepcopy(model)
    fuse(fused)
    yield make('torch fused', fused, images)
    if with_compile:
        compiled = copy.deepcopy(fused)
        compiled.forward = torch.compile(compiled.forward)
        yield make('torch compile', compiled, images)


def _list_torch_tasks(
    net: nn.Module, inputs: torch.Tensor, sight: _Sight
) -> tuple[dict[str, Callable[[], object]], int]:
    """Return what a network in PyTorch is called for, and on how many frames."""
    period = getattr(net, 'period', None)
    if period is not None:
        frames, walk = [inputs] * period, _walk(period, len(inputs))
        return {'forward': lambda: net.run_clip(frames, walk)}, period
    if isinstance(net, PersonDetector):
        find = PeopleDetector(net)
        whole = {'end to end': lambda: list(find(sight.photos, len(inputs)))}
        return {'forward': lambda: net(inputs)} | whole, 1

    def find_keypoints(flip: bool) -> object:
        net.test_cfg['flip_test'] = flip
        return inference_topdown(net, sight.photo, sight.boxes, batch_size=len(inputs))

    tasks = {
        'forward': lambda: net(inputs),
        'end to end': partial(find_keypoints, flip=False),
        'end to end, flip': partial(find_keypoints, flip=True),
    }
    return tasks, 1


def _open_form(source: Source, engine: str, precision: str, threads: int, sight: _Sight) -> Form:
    """Open a file in an engine."""
    before, batch, file = read_memory_mb(), len(sight.boxes), source.file
    found = read_description(file)
    shape = (batch, *found.input_shape)
    images = make_generator(Stream.MEASURED_IMAGES, 0).standard_normal(shape, np.float32)
    label = f'{engine} {precision if found.precision in _FLOATS else found.precision}'
    options = (file, engine, threads, precision)
    if found.video is not None:
        video = VideoRuntime(*options)
        tasks: dict[str, Callable[[], object]] = {'forward': partial(_run_period, video, images)}
        files, num_frames = [network.session.path for network in video.networks], found.video.period
    else:
        tasks, files, num_frames = _list_engine_tasks(found, options, images, sight), [file], 1
    tasks['forward']()
    memory, size = read_memory_mb() - before, _sum_sizes(files)
    return Form(source.name, label, batch, tasks, memory, size, num_frames=num_frames)


def _list_engine_tasks(
    found: NetworkDescription,
    options: tuple[Path, str, int, str],
    images: np.ndarray,
    sight: _Sight,
) -> dict[str, Callable[[], object]]:
    """Return what a network for single images is called for in an engine."""
    if found.crop.pad_value is not None:
        detector = DetectorRuntime(*options, batch_size=len(images))
        return {
            'forward': lambda: detector.session.run(images),
            'end to end': lambda: list(detector(sight.photos)),
        }
    runtime = PoseRuntime(*options, batch_size=len(images))
    return {
        'forward': lambda: runtime.session.run(images),
        'end to end': lambda: runtime(sight.photo, sight.boxes, flip_test=False),
        'end to end, flip': lambda: runtime(sight.photo, sight.boxes, flip_test=True),
    }


def _sum_sizes(files: Sequence[Path]) -> float:
    """Return the size of files in MiB; an .xml counts with the .bin beside it."""
    weights = [file.with_suffix('.bin') for file in files if file.suffix == '.xml']
    return sum(each.stat().st_size for each in (*files, *weights)) / 2**20


def _walk(period: int, batch: int) -> list[list[np.ndarray]]:
    """Return matrices (2, 3) to heatmap pixels for the frames of a period: people move on."""
    return [[np.array([[1.0, 0, 1.5 * frame], [0, 1.0, 0]])] * batch for frame in range(period)]


def _run_period(video: VideoRuntime, images: np.ndarray) -> None:
    """Look at people (B, 3, H, W) in every frame of a period."""
    box = np.array([0.0, 0.0, 100.0, 100.0])
    video.clear()
    for frame, matrices in enumerate(_walk(len(video.networks), len(images))):
        seen = [Seen(('video', i), frame, box, matrix) for i, matrix in enumerate(matrices)]
        video.infer(images, seen, flip_test=False)


def read_memory_mb() -> float:
    """Return the memory of this process in MiB; not a number where the system does not tell."""
    try:
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
    except OSError:
        return float('nan')
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20
