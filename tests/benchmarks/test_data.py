from pathlib import Path

import pytest
from tiny_data import write_people

from posenas.benchmarks.data import measure_loading, measure_samples
from posenas.datasets import CocoDataset
from posenas.utils.errors import ConfigError, DataError

PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip'),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='PackPoseInputs'),
]


@pytest.fixture
def people(tmp_path):
    write_people(tmp_path, num_images=6)
    return tmp_path


def test_costs_are_measured_and_shown(people):
    def build():
        return CocoDataset('people.json', data_root=str(people), pipeline=PIPELINE)

    dataset, loading = measure_loading(build)
    assert loading.num_persons == 6
    assert loading.seconds > 0
    shown = []

    def progress(runs):
        for run in runs:
            shown.append(run)
            yield run

    cost = measure_samples(dataset, num_samples=4, num_runs=3, progress=progress)
    assert (cost.num_samples, cost.num_runs, shown) == (4, 3, [0, 1, 2, 3])
    assert cost.sample_ms > 0
    assert cost.bound_ms > 0
    assert cost.ratio > 0


def test_a_pipeline_without_crop_has_no_bound(people):
    dataset = CocoDataset('people.json', data_root=str(people), pipeline=PIPELINE[:2])
    with pytest.raises(ConfigError, match='TopdownAffine'):
        measure_samples(dataset)


def test_samples_that_cannot_be_read_are_left_out(people):
    dataset = CocoDataset('people.json', data_root=str(people), pipeline=PIPELINE)
    paths = [dataset.get_data_info(index)['img_path'] for index in range(6)]
    Path(paths[0]).write_bytes(b'')
    assert measure_samples(dataset, num_samples=6, num_runs=1).num_samples == 5
    for path in paths:
        Path(path).write_bytes(b'')
    with pytest.raises(DataError, match='at least one of 6 samples must be readable'):
        measure_samples(dataset, num_samples=6, num_runs=1)
