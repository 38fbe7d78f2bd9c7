import hashlib
import json

import numpy as np
import pytest

from posenas.datasets.custom import find_image_folder, split_content
from posenas.utils.errors import DataError


def content(num_images, per_image=2):
    return dict(
        info='kept',
        images=[dict(id=i) for i in range(num_images)] + [dict(id=99)],
        annotations=[
            dict(id=per_image * i + n, image_id=i)
            for i in range(num_images)
            for n in range(per_image)
        ],
    )


def ids(part, key='id', section='images'):
    return {record[key] for record in part[section]}


def test_a_split_divides_images_with_their_annotations():
    first, second = split_content(content(50), 0.2, seed=1)
    assert len(second['images']) == 10
    assert ids(first) | ids(second) == {*range(50), 99}
    assert not ids(first) & ids(second)
    assert 99 in ids(first)
    for part in (first, second):
        assert ids(part, 'image_id', 'annotations') == ids(part) - {99}
        assert part['info'] == 'kept'


def test_a_split_is_drawn_by_its_seed():
    whole = content(50)
    draws = [ids(split_content(whole, 0.2, seed)[1]) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] != set(range(10))


def test_splits_made_before_stay_what_they_are():
    second = split_content(content(200), 0.4, seed=3)[1]
    held_out = np.array([image['id'] for image in second['images']])
    assert hashlib.sha256(held_out.tobytes()).hexdigest().startswith('ed811d1ae2440eb4')


@pytest.mark.parametrize(('num_images', 'share', 'expected'), [(2, 0.01, 1), (3, 0.99, 2)])
def test_each_part_has_an_image(num_images, share, expected):
    assert len(split_content(content(num_images), share, 0)[1]['images']) == expected


def test_a_single_image_cannot_be_split():
    with pytest.raises(DataError, match='give --val'):
        split_content(content(1), 0.1, 0)


@pytest.mark.parametrize('folder', ['', 'images', '../images'])
def test_images_are_found_where_they_usually_are(tmp_path, folder):
    file = tmp_path / 'annotations' / 'people.json'
    place = (file.parent / folder).resolve()
    place.mkdir(parents=True)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({}))
    (place / 'a.jpg').write_text('')
    found = find_image_folder(file, ['a.jpg'])
    assert found.resolve() == place
    assert '..' not in found.parts
    assert find_image_folder(file, ['b.jpg']) is None
