"""Networks in PyTorch and in inference engines, forward and end to end, in turn."""

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import torch
from torch import nn

from posenas.apis.building import LoadedModel, build_model, load_checked
from posenas.apis.exported import read_description
from posenas.apis.exporting import export_model, find_crops, render_people
from posenas.apis.inference import inference_topdown, init_model
from posenas.deploy import Proof
from posenas.models.fused import fuse
from posenas.models.settling import draw_settled_weights
from posenas.runtime import ENGINES, PoseRuntime, VideoRuntime
from posenas.runtime.engines import choose_engine, is_exported, list_precisions
from posenas.runtime.track_memory import Seen
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.timing import take_turns, use_threads

#: Width and height of the photo that people are cut out of.
_PHOTO = (640, 480)


@dataclass(frozen=True)
class RuntimeCost:
    """Times per image of one network in one form; in each round all forms take their turn.

    A network for videos sees people in the frames of a period, who move on by a heatmap pixel and a
    half, and times are the mean of the frames.

    Attributes:
        network: Name of the network.
        form: Engine and precision, such as 'openvino f32'.
        task: 'forward', 'end to end' (photo and boxes in, keypoints out) or 'end to end, flip'.
        threads: Threads of one call.
        batch: Images, or people, of a call.
        median_ms: Median of the rounds.
        p95_ms: Their 95th percentile.
        ratio: Time of the first form of this number of images / time of this one, median of the
            rounds' own ratios.
        single_rate: Images per second, relative to the same form image by image, likewise; None
            where that is not timed.
        memory_mb: Memory that the process gains by the network and its first call; what several
            forms share counts for the first of them.
        file_mb: Size of the file; 0 for PyTorch.
        difference: Largest difference of outputs from PyTorch, relative to their range; 0 where it
            is not known.
        distance: Largest distance of a keypoint from that of PyTorch, pixels of the crop, likewise.
    """

    network: str
    form: str
    task: str
    threads: int
    batch: int
    median_ms: float
    p95_ms: float
    ratio: float
    single_rate: float | None
    memory_mb: float
    file_mb: float
    difference: float = 0.0
    distance: float = 0.0


@dataclass
class _Form:
    """One form of a network: what is called for each task, on so many frames, and what it takes."""

    name: str
    batch: int
    tasks: dict[str, Callable[[], object]]
    memory_mb: float
    file_mb: float = 0.0
    difference: float = 0.0
    distance: float = 0.0
    num_frames: int = 1


def benchmark_runtime(
    names: Sequence[str | Path],
    threads: int = 1,
    batches: Sequence[int] = (1,),
    num_rounds: int = 20,
    with_compile: bool = False,
    end_to_end: bool = True,
    progress: Callable[[Iterable[str | Path]], Iterable[str | Path]] = iter,
) -> list[RuntimeCost]:
    """Time networks in every form.

    Args:
        names: Configs or names of networks, which get random weights and are exported, or exported
            files, which are timed in engines only.
        threads: Threads of one call.
        batches: Images of a call, each of these numbers in turn.
        num_rounds: Rounds.
        with_compile: Whether ``torch.compile`` is a form, which takes minutes and a compiler.
        end_to_end: Whether finding people in a photo is timed besides the forward pass.
        progress: Wraps the names to show where the benchmark is.

    Raises:
        ConfigError: A name is unknown, a network cannot be exported, or none can be compiled.
        DataError: A file was not written by ``posenas export``.
    """
    if with_compile and all(map(is_exported, names)):
        raise ConfigError(
            '--compile needs a config, got exported files only: PyTorch cannot compile them'
        )
    for name in names:  # before minutes of work for those before it
        _check_name(name)
    found: list[RuntimeCost] = []
    for name in progress(names):
        with TemporaryDirectory() as folder, use_threads(threads):
            source = _export(name, Path(folder))
            forms = [
                form
                for batch in batches
                for form in _list_forms(name, source, threads, batch, with_compile)
            ]
            for task in forms[0].tasks if end_to_end else ['forward']:
                found += _measure(forms, task, Path(name).stem, threads, num_rounds)
    return found


def _measure(
    forms: Sequence[_Form], task: str, network: str, threads: int, num_rounds: int
) -> Iterator[RuntimeCost]:
    """Time one task in all forms, for all numbers of images."""
    clock = process_time if threads == 1 else perf_counter
    with torch.inference_mode():
        calls = [form.tasks[task] for form in forms]
        seconds = np.array(take_turns(calls, num_rounds, clock))  # (rounds, forms)
    images = np.array([form.batch * form.num_frames for form in forms])
    rounds = 1e3 / images * seconds
    batches = [form.batch for form in forms]
    first = [batches.index(batch) for batch in batches]
    ratios = np.median(rounds[:, first] / rounds, axis=0)
    rates = [_single_rate(forms, i, rounds) for i in range(len(forms))]
    for i, form in enumerate(forms):
        yield RuntimeCost(
            network,
            form.name,
            task,
            threads,
            form.batch,
            float(np.median(rounds[:, i])),
            float(np.quantile(rounds[:, i], 0.95)),
            float(ratios[i]),
            rates[i],
            form.memory_mb,
            form.file_mb,
            form.difference,
            form.distance,
        )


def _single_rate(forms: Sequence[_Form], i: int, rounds: np.ndarray) -> float | None:
    """Return the images per second of a form relative to those of the same one image by image."""
    single = [k for k, f in enumerate(forms) if (f.name, f.batch) == (forms[i].name, 1)]
    return float(np.median(rounds[:, single[0]] / rounds[:, i])) if single else None


@dataclass(frozen=True)
class _Source:
    """An exported file, with the network that it was made of and the proof, if it was made here."""

    file: Path
    network: LoadedModel | None = None
    proof: Proof | None = None


def _check_name(name: str | Path) -> None:
    """Require an exported file, or the config of a network."""
    if is_exported(name):
        read_description(name)
    elif 'model' not in load_checked(name):
        raise ConfigError(f'{name} must be an exported file, or a config with a model')


def _export(name: str | Path, folder: Path) -> _Source:
    """Export a network with random weights; an exported file stays as it is."""
    if is_exported(name):
        return _Source(Path(name))
    network, file = build_model(name), folder / 'net.onnx'
    draw_settled_weights(network.model, find_crops(network)[0])
    made = export_model(network, file, name=Path(name).stem)
    return _Source(file, network, made.proof)


def _list_forms(
    name: str | Path, source: _Source, threads: int, batch: int, with_compile: bool
) -> Iterator[_Form]:
    """Yield the forms of a network, those of PyTorch first."""
    photo, file = render_people(_PHOTO, 1)[0], source.file
    width, height = _PHOTO
    boxes = np.tile(
        np.array([[width * 0.25, 10, width * 0.75, height - 10]], np.float32), (batch, 1)
    )
    if source.network is not None:
        yield from _list_torch_forms(name, source.network, photo, boxes, with_compile)
    for engine in ENGINES:
        if choose_engine(file, None if file.suffix == '.xml' else engine) == engine:
            for precision in list_precisions(engine):
                form = _open_form(file, engine, precision, threads, photo, boxes)
                if source.proof is not None and precision == 'f32':
                    tried = [d for d in source.proof.differences if d.engine == engine]
                    form.difference = max(each.outputs for each in tried)
                    form.distance = max(each.keypoints for each in tried)
                yield form


def _list_torch_forms(
    name: str | Path,
    network: LoadedModel,
    photo: np.ndarray,
    boxes: np.ndarray,
    with_compile: bool,
) -> Iterator[_Form]:
    """Yield the forms of PyTorch; the published one comes first."""
    width, height = network.model.head.decoder.input_size
    images = torch.randn(len(boxes), 3, height, width)
    model = init_model(network.cfg, device='cpu')
    model.load_state_dict(network.model.state_dict())
    last = torch.channels_last
    period = getattr(model, 'period', None)

    def make(label: str, net: nn.Module, inputs: torch.Tensor) -> _Form:
        before = read_memory_mb()
        if period is not None:
            frames, walk = [inputs] * period, _walk(period, len(boxes))
            tasks = {'forward': lambda: net.run_clip(frames, walk)}
            with torch.inference_mode():
                net.run_clip(frames, walk)
            return _Form(label, len(boxes), tasks, read_memory_mb() - before, num_frames=period)

        def find(flip: bool) -> Callable[[], object]:
            def call() -> object:
                net.test_cfg['flip_test'] = flip
                return inference_topdown(net, photo, boxes, batch_size=len(boxes))

            return call

        tasks = {
            'forward': lambda: net(inputs),
            'end to end': find(flip=False),
            'end to end, flip': find(flip=True),
        }
        with torch.inference_mode():
            net(inputs)
        return _Form(label, len(boxes), tasks, read_memory_mb() - before)

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


def _open_form(
    file: Path, engine: str, precision: str, threads: int, photo: np.ndarray, boxes: np.ndarray
) -> _Form:
    """Open a file in an engine."""
    before = read_memory_mb()
    runtime = PoseRuntime(file, engine, threads, precision, batch_size=len(boxes))
    shape = (len(boxes), *runtime.description.input_shape)
    images = make_generator(Stream.MEASURED_IMAGES, 0).standard_normal(shape, np.float32)
    if runtime.description.video is not None:
        video = VideoRuntime(file, engine, threads, precision)
        run = partial(_run_period, video, images)
        run()
        files = [network.session.path for network in video.networks]
        return _Form(
            f'{engine} {_name_precision(runtime, precision)}',
            len(boxes),
            {'forward': run},
            read_memory_mb() - before,
            _sum_sizes(files),
            num_frames=len(video.networks),
        )
    runtime.session.run(images)
    tasks = {
        'forward': lambda: runtime.session.run(images),
        'end to end': lambda: runtime(photo, boxes, flip_test=False),
        'end to end, flip': lambda: runtime(photo, boxes, flip_test=True),
    }
    label = f'{engine} {_name_precision(runtime, precision)}'
    return _Form(label, len(boxes), tasks, read_memory_mb() - before, _sum_sizes([file]))


def _name_precision(runtime: PoseRuntime, precision: str) -> str:
    """Name what a file is computed in: what it stores decides where that is no float."""
    stored = runtime.description.precision
    return precision if stored in ('f32', 'f16') else stored


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
