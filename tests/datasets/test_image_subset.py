import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posenas.datasets import CocoDataset
from posenas.datasets.image_subset import select_images
from posenas.utils import ConfigError


@given(count=st.integers(2, 60), seed=st.integers(0, 9), data=st.data())
def test_parts_of_one_seed_are_disjoint_and_complete(count, seed, data):
    ids = np.arange(count) * 3 + 1
    cut = data.draw(st.integers(1, count - 1))
    first = select_images(ids, dict(seed=seed, stop=cut))
    second = select_images(ids, dict(seed=seed, start=cut))
    assert len(first) == cut
    assert np.array_equal(np.sort(np.concatenate((first, second))), ids)


def test_the_choice_follows_identifiers_not_the_order_of_the_file():
    ids = np.arange(100, 200)
    chosen = select_images(ids, dict(stop=0.3))
    assert len(chosen) == 30
    assert np.array_equal(select_images(ids[::-1], dict(stop=30)), chosen)
    assert not np.array_equal(select_images(ids, dict(stop=30, seed=1)), chosen)


def test_published_subsets_stay_what_they_are():
    chosen = select_images(np.arange(200), dict(seed=3, stop=80)).astype(np.int64)
    assert hashlib.sha256(chosen.tobytes()).hexdigest().startswith('8599e67156e1640c')


@pytest.mark.parametrize('subset', [dict(stop=11), dict(start=5, stop=5), dict(end=3)])
def test_subsets_that_mean_nothing_are_refused(subset):
    with pytest.raises(ConfigError, match='image_subset must'):
        select_images(np.arange(10), subset)


def test_a_data_set_keeps_all_persons_of_the_images_chosen(tmp_path):
    names = [f'joint_{i}' for i in range(3)]
    annotations = [
        dict(
            id=i,
            image_id=i // 2,
            category_id=1,
            bbox=[1, 1, 9, 9],
            area=81,
            iscrowd=0,
            num_keypoints=3,
            keypoints=[2, 2, 2] * 3,
        )
        for i in range(20)
    ]
    file = dict(
        images=[dict(id=i, file_name=f'{i}.jpg', width=20, height=20) for i in range(10)],
        annotations=annotations,
        categories=[dict(id=1, name='person', keypoints=names, skeleton=[])],
    )
    path = tmp_path / 'ann.json'
    path.write_text(json.dumps(file))
    dataset = CocoDataset(ann_file=str(path), image_subset=dict(stop=4))
    images = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    assert len(images) == 8
    assert set(images) == set(select_images(np.arange(10), dict(stop=4)).tolist())
