"""What reading keypoints from heatmaps costs."""

import time
from dataclasses import dataclass
from statistics import median

import numpy as np

from posenas.apis.building import load_checked
from posenas.benchmarks.forward import benchmark_forward
from posenas.codecs.msra_heatmap import MSRAHeatmap
from posenas.codecs.udp_heatmap import UDPHeatmap
from posenas.utils.randomness import Stream, make_generator
from posenas.utils.timing import use_threads

_INPUT_SIZE, _HEATMAP_SIZE = (192, 256), (48, 64)
#: Keypoints of a person.
_NUM_JOINTS = 17
#: Deviation of the noise on the heatmaps.
_NOISE = 0.01


@dataclass(frozen=True)
class DecodingCost:
    """Processor time of decoding on one thread.

    Attributes:
        seconds: By refinement, for all people.
        bound: Seconds of the forward passes that make the heatmaps.
    """

    seconds: dict[str, float]
    bound: float


def measure_decoding(num_samples: int, repeat: int) -> dict[str, float]:
    """Decode heatmaps (num_samples, 17, 64, 48) of noisy Gaussians with each refinement.

    Returns:
        Seconds of processor time by refinement, medians of ``repeat`` interleaved runs.
    """
    codecs = {
        'quarter shift': MSRAHeatmap(_INPUT_SIZE, _HEATMAP_SIZE, sigma=2),
        'DARK': MSRAHeatmap(_INPUT_SIZE, _HEATMAP_SIZE, sigma=2, unbiased=True),
        'UDP': UDPHeatmap(_INPUT_SIZE, _HEATMAP_SIZE),
    }
    rng = make_generator(Stream.MEASURED_DECODING, 0)
    joints = rng.uniform(4, (188, 252), (num_samples, 1, _NUM_JOINTS, 2)).astype(np.float32)
    encoder = codecs['quarter shift']
    maps = np.stack([encoder.encode(person)['heatmaps'] for person in joints])
    maps += rng.normal(0, _NOISE, maps.shape).astype(np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in codecs}
    for _ in range(repeat):
        for name, codec in codecs.items():
            start = time.process_time()
            codec.batch_decode(maps)
            seconds[name].append(time.process_time() - start)
    return {name: median(values) for name, values in seconds.items()}


def benchmark_decoding(
    num_samples: int = 1000, num_runs: int = 5, network: str = 's_vipnas_mbv3_coco_256x192'
) -> DecodingCost:
    """Compare decoding with the forward passes of a network, whose heatmaps it reads.

    Args:
        num_samples: People.
        num_runs: Interleaved runs; medians count.
        network: Config or name of the network.

    Raises:
        ConfigError: There is no such network.
    """
    load_checked(network)  # before minutes of work
    with use_threads(1):
        seconds = measure_decoding(num_samples, num_runs)
    (cost,) = benchmark_forward([network], num_rounds=num_runs)
    return DecodingCost(seconds, cost.forward.eval_ms * num_samples / 1e3)
