import numpy as np

from posenas.datasets.transforms import PhotometricDistortion


def test_light_changes_and_type_and_shape_do_not(sample):
    before = sample()['img']
    changed = [PhotometricDistortion()(sample(seed))['img'] for seed in range(30)]
    assert all(image.shape == before.shape and image.dtype == np.uint8 for image in changed)
    differing = [np.abs(image.astype(int) - before).mean() > 1 for image in changed]
    assert sum(differing) > 20


def test_strength_zero_only_permutes_channels(sample):
    gentle = PhotometricDistortion(0, (1, 1), (1, 1), 0)
    before = sample()['img'].astype(int)
    orders = {
        tuple(
            int(np.abs(gentle_image[:, :, c] - before[:, :, d]).max() <= 2)
            for c in range(3)
            for d in range(3)
        )
        for gentle_image in (gentle(sample(seed))['img'].astype(int) for seed in range(25))
    }
    assert len(orders) > 3
    assert all(sum(order) == 3 for order in orders)


def test_older_generations_keep_the_order_of_channels(sample):
    gentle = PhotometricDistortion(0, (1, 1), (1, 1), 0, generation='0.x')
    before = sample()['img'].astype(int)
    for seed in range(10):
        assert np.abs(gentle(sample(seed))['img'].astype(int) - before).max() <= 2


def test_brightness_stays_within_its_limit(sample):
    bright = PhotometricDistortion(10, (1, 1), (1, 1), 0)
    before = np.sort(sample()['img'].astype(int), axis=2)
    for seed in range(20):
        after = np.sort(bright(sample(seed))['img'].astype(int), axis=2)
        assert np.abs(after - before).max() <= 12


def test_the_same_generator_gives_the_same_picture(sample):
    first, second = (PhotometricDistortion()(sample(3))['img'] for _ in range(2))
    np.testing.assert_array_equal(first, second)
