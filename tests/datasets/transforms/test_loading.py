import cv2
import numpy as np
import pytest

from posenas.datasets.transforms import LoadImage
from posenas.utils.errors import DataError


@pytest.fixture(scope='module')
def picture():
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


@pytest.fixture(scope='module')
def jpeg(picture):
    return cv2.imencode('.jpg', picture)[1].tobytes()


def _load(path, content, **kwargs):
    path.write_bytes(content)
    return LoadImage(**kwargs)(dict(img_path=str(path)))


@pytest.mark.parametrize('kind', ['.jpg', '.png', '.bmp', '.webp'])
def test_images_are_read_with_their_shape(tmp_path, picture, kind):
    results = _load(tmp_path / f'a{kind}', cv2.imencode(kind, picture)[1].tobytes())
    assert results['img'].shape == (90, 120, 3)
    assert results['img'].dtype == np.uint8
    assert results['img_shape'] == results['ori_shape'] == (90, 120)
    assert np.abs(results['img'].astype(int) - picture).mean() < 5


@pytest.mark.parametrize('share', [0.02, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_jpeg_cut_short_is_an_error(tmp_path, jpeg, share):
    with pytest.raises(DataError, match=r'a\.jpg'):
        _load(tmp_path / 'a.jpg', jpeg[: int(len(jpeg) * share)])


def test_a_jpeg_cut_short_after_an_embedded_preview_is_an_error(tmp_path, jpeg):
    preview = b'Exif\0\0' + jpeg
    segment = b'\xff\xe1' + (len(preview) + 2).to_bytes(2, 'big') + preview
    whole = jpeg[:2] + segment + jpeg[2:]
    assert _load(tmp_path / 'a.jpg', whole)['img'].shape == (90, 120, 3)
    with pytest.raises(DataError, match='cut short'):
        _load(tmp_path / 'a.jpg', whole[:-40])


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(tmp_path, jpeg):
    assert _load(tmp_path / 'a.jpg', jpeg + b'\0' * 50)['img'].shape == (90, 120, 3)


@pytest.mark.parametrize(
    ('content', 'text'),
    [(b'', 'empty'), (b'not an image', 'no image'), (b'\xff\xd8', r'broken|cut short')],
)
def test_a_file_without_image_is_an_error(tmp_path, content, text):
    with pytest.raises(DataError, match=text):
        _load(tmp_path / 'a.jpg', content)


def test_a_missing_file_and_a_folder_are_errors(tmp_path):
    for path in (tmp_path / 'absent.jpg', tmp_path):
        with pytest.raises(DataError, match='readable'):
            LoadImage()(dict(img_path=str(path)))


def test_a_png_cut_short_is_an_error(tmp_path, picture):
    content = cv2.imencode('.png', picture)[1].tobytes()
    with pytest.raises(DataError, match=r'a\.png'):
        _load(tmp_path / 'a.png', content[: len(content) // 2])


def test_a_bad_image_can_be_passed_over(tmp_path):
    assert _load(tmp_path / 'a.jpg', b'', ignore_empty=True) is None


def test_grey_and_float_images_are_read_on_request(tmp_path, jpeg):
    grey = _load(tmp_path / 'a.jpg', jpeg, color_type='grayscale')['img']
    assert grey.shape == (90, 120, 3)  # what networks take
    assert (grey == grey[..., :1]).all()
    assert _load(tmp_path / 'a.jpg', jpeg, to_float32=True)['img'].dtype == np.float32


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(backend_args=dict(backend='local')),
        dict(file_client_args=dict(backend='disk')),
        dict(imdecode_backend='pillow'),
    ],
)
def test_other_readers_give_the_same_picture(tmp_path, jpeg, kwargs):
    expected = _load(tmp_path / 'a.jpg', jpeg)['img'].astype(int)
    assert np.abs(_load(tmp_path / 'a.jpg', jpeg, **kwargs)['img'] - expected).mean() < 1


def test_transparency_is_left_out_and_16_bits_are_refused(tmp_path, picture):
    transparent = cv2.imencode('.png', np.dstack([picture, picture[..., :1]]))[1].tobytes()
    image = _load(tmp_path / 'a.png', transparent, color_type='unchanged')['img']
    np.testing.assert_array_equal(image, picture)
    deep = cv2.imencode('.png', picture.astype(np.uint16) * 257)[1].tobytes()
    with pytest.raises(DataError, match='8 bits per channel, got uint16'):
        _load(tmp_path / 'a.png', deep, color_type='unchanged')
    with pytest.raises(ValueError, match='color_type must be one of'):
        LoadImage(color_type='gray')


def test_an_unknown_decoder_is_no_fault_of_the_image():
    with pytest.raises(ValueError, match=r"imdecode_backend must be one of .*got 'PIL'"):
        LoadImage(imdecode_backend='PIL')


def test_a_given_image_is_not_read_again(picture):
    results = LoadImage()(dict(img=picture, img_path='absent.jpg'))
    assert results['img'] is picture
    assert results['ori_shape'] == (90, 120)
