"""The page of ``posenas web`` in a real browser: its keypoints are those of the runtime."""

import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from posenas.apis import open_server, write_web_page
from posenas.apis.exporting import render_people
from posenas.apis.web_page import RELEASE, RUNTIME
from posenas.codecs import CenterBox, build_codec
from posenas.geometry import bbox_iou
from posenas.runtime import CropRule, DetectorRuntime, PoseRuntime
from posenas.weights import DEFAULT_DETECTOR, DEFAULT_POSE, require_shipped

pytestmark = pytest.mark.slow
POSE, DETECTOR = (require_shipped(name).onnx for name in (DEFAULT_POSE, DEFAULT_DETECTOR))
SIZES = dict(input_size=[48, 64], heatmap_size=[12, 16])
CODECS = {
    'quarter': dict(SIZES, type='MSRAHeatmap'),
    'dark': dict(SIZES, type='MSRAHeatmap', unbiased=True, blur_kernel_size=7),
    'old': dict(SIZES, type='MSRAHeatmap', generation='hrnet'),
    'megvii': dict(SIZES, type='MegviiHeatmap', kernel_size=5),
    'pnfs': dict(SIZES, type='PNFSHeatmap'),
    'udp': dict(SIZES, type='UDPHeatmap'),
    'udp 0.x': dict(SIZES, type='UDPHeatmap', generation='0.x'),
    'combined': dict(SIZES, type='UDPHeatmap', heatmap_type='combined', generation='0.x'),
    'simcc': dict(type='SimCCLabel', input_size=[48, 64], sigma=[2.0, 3.0], use_dark=True),
    'coordinates': dict(type='RegressionLabel', input_size=[48, 64]),
}
FLIPS = {
    'combined': dict(flip_mode='udp_combined'),
    'quarter': dict(shift_heatmap=True),
    'coordinates': dict(shift_coords=True),
}


@pytest.fixture(scope='module')
def package(tmp_path_factory):
    """The runtime's package of npm: the folder that POSENAS_ORT_WEB names, or a download."""
    given = os.environ.get('POSENAS_ORT_WEB')
    if given:
        return Path(given)
    if shutil.which('npm') is None:
        pytest.skip('neither POSENAS_ORT_WEB nor npm says where onnxruntime-web is')
    folder = tmp_path_factory.mktemp('npm')
    words = ['npm', 'pack', '--silent', f'{RUNTIME}@{RELEASE}']
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f'onnxruntime-web cannot be had: {done.stderr.strip()[-200:]}')
    with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as archive:
        archive.extractall(folder, filter='data')
    return folder / 'package'


@pytest.fixture(scope='module')
def browser():
    playwright = pytest.importorskip('playwright.sync_api')
    names = ('chromium', 'chromium-browser', 'google-chrome')
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f'none of {names} is installed')
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=found, args=['--no-sandbox'])
        yield opened
        opened.close()


@pytest.fixture(scope='module')
def site(package, tmp_path_factory):
    """Folder and address of a page with the networks that come with the library."""
    folder = tmp_path_factory.mktemp('site')
    page = write_web_page(folder / 'page', POSE, DETECTOR, package)
    with open_server(page.folder, port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{server.server_address[1]}/'
        server.shutdown()


def draw_outputs(name, codec):
    """Draw outputs with peaks of all kinds: wide and narrow, near borders, none, broken."""
    rng = np.random.default_rng(len(name))
    if name == 'coordinates':
        return [rng.random((2, 3, 4)).astype(np.float32)]
    if name == 'simcc':
        bins = [96, 128]
        centers = [rng.uniform(0, length, (2, 3, 1)) for length in bins]
        drawn = zip(bins, centers, strict=True)
        return [np.exp(-((np.arange(n) - c) ** 2) / 18).astype(np.float32) * 0.9 for n, c in drawn]
    count = 3 * getattr(codec, 'channels_per_keypoint', 1)
    centers = rng.uniform(-1, (12, 16), (2, count, 2))[..., None, None]
    columns, rows = np.arange(12), np.arange(16)[:, None]
    square = (columns - centers[:, :, 0]) ** 2 + (rows - centers[:, :, 1]) ** 2
    maps = np.exp(-square / 8) + 0.02 * rng.random((2, count, 16, 12))
    maps[1, -1] = 0
    maps[0, 0, 3, 3] = np.nan
    return [maps.astype(np.float32)]


def check_decoding(page):
    for name, settings in CODECS.items():
        codec, flip = build_codec(settings), FLIPS.get(name, {})
        outputs = draw_outputs(name, codec)
        settings = json.loads(json.dumps({'refine': 'auto', 'generation': '1.x', **settings}))
        defaults = {'blur_kernel_size': 11, 'radius_factor': 0.0546875, 'heatmap_type': 'gaussian'}
        wish = dict(
            outputs=[_plain(each) for each in outputs],
            codec={**defaults, 'simcc_split_ratio': 2, **settings},
            flip=flip,
        )
        found, flipped = page.evaluate(
            """async ({outputs, codec, flip}) => {
              const {decode, flipBack} = await import('/js/codecs.js');
              const read = (data) => Float32Array.from(data, Number);
              const given = outputs.map(({data, dims}) => ({data: read(data), dims}));
              const people = [0, 1].map((person) => decode(given, codec, person));
              return [people, flipBack(given, codec, [0, 2, 1], flip).map(({data}) => [...data])];
            }""",
            wish,
        )
        points, scores = codec.batch_decode(*outputs)
        made = np.array([[each['point'] for each in person] for person in found])
        np.testing.assert_allclose(made, points, atol=2e-3, err_msg=name)
        made = np.array([[each['score'] for each in person] for person in found])
        np.testing.assert_allclose(made, scores, atol=1e-5, err_msg=name)
        wanted = codec.flip_back([each.copy() for each in outputs], [0, 2, 1], **flip)
        for one, other in zip(flipped, wanted, strict=True):
            one = np.array([np.nan if x is None else x for x in one])
            np.testing.assert_allclose(one, other.ravel(), atol=1e-6, err_msg=name)


def check_boxes(page):
    codec = CenterBox(with_half=True)
    rng = np.random.default_rng(0)
    outputs = []
    for height, width in ((24, 32), (12, 16)):
        maps = rng.uniform(10, 60, (5, height, width)).astype(np.float32)
        maps[0] = cv2.GaussianBlur(rng.random((height, width), np.float32), (0, 0), 1)
        maps[2, 5, 5] = np.nan
        outputs.append(maps)
    found = page.evaluate(
        """async ({outputs, codec}) => {
          const {decodeBoxes} = await import('/js/detection.js');
          const read = ({data, dims}) => ({data: Float32Array.from(data, Number), dims});
          return decodeBoxes(outputs.map(read), codec, 0.5);
        }""",
        dict(outputs=[_plain(maps[None]) for maps in outputs],
             codec=dict(stride=codec.stride, max_people=codec.max_people, nms_thr=codec.nms_thr)),
    )  # fmt: skip
    boxes, scores = codec.decode(*outputs, score_thr=0.5)
    assert len(boxes) > 5
    np.testing.assert_allclose([each['score'] for each in found], scores, atol=1e-6)
    np.testing.assert_allclose([each['box'] for each in found], boxes, atol=1e-3)


def _plain(array):
    """Write an array as the page reads it, where JSON has no NaN."""
    return dict(data=['nan' if x != x else x for x in array.ravel().tolist()], dims=array.shape)


def check_crops(page):
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3), np.uint8), (0, 0), 1.5)
    rules = [
        CropRule((48, 64)),
        CropRule((48, 64), 1.0, use_udp=True),
        CropRule((40, 40), 1.1, whole_pixels=True),
        CropRule((64, 48), pad_value=114),
        CropRule((200, 160), pad_value=100),
    ]
    pixels = np.dstack([image[..., ::-1], np.full((90, 120), 255, np.uint8)])
    wish = dict(
        image=dict(data=pixels.ravel().tolist(), width=120, height=90),
        rules=[dict(vars(rule)) for rule in rules],
        box=[10.5, 7.25, 70.0, 99.5],
    )
    found = page.evaluate(
        """async ({image, rules, box}) => {
          const {findCropMatrix, warpImage, letterbox} = await import('/js/geometry.js');
          return rules.map((rule) => rule.pad_value === null
            ? [...warpImage(image, findCropMatrix(box, rule), rule.input_size)]
            : [...letterbox(image, rule.input_size, rule.pad_value).canvas]);
        }""",
        wish,
    )
    for made, rule in zip(found, rules, strict=True):
        is_crop = rule.pad_value is None
        cut = rule.cut(image, np.float32(wish['box']))[0] if is_crop else rule.fit(image)[0]
        gaps = np.abs(np.reshape(made, cut.shape)[..., ::-1].astype(int) - cut)
        assert gaps.max() <= 1
        # OpenCV enlarges whole photos in fixed-point numbers
        assert (gaps > 0).mean() < (1e-3 if is_crop else 0.3), rule


def look_at(page, file):
    """Open a photo, and return the people that the page lets one save."""
    from playwright.sync_api import expect

    page.set_input_files('#photo', str(file))
    pattern = re.compile(f'^{Path(file).name}: .* in .* pixels')
    expect(page.locator('#status')).to_have_text(pattern, timeout=60_000)
    return save(page)


def save(page):
    with page.expect_download() as download:
        page.click('#json')
    return json.loads(Path(download.value.path()).read_text())


def compare(people, runtime, image):
    """Return distances (M,) to what the runtime finds in the same boxes, in pixels and in boxes."""
    boxes = np.array([person['bbox'][0] for person in people])
    found = runtime(image, boxes)
    points = np.array([person['keypoints'] for person in people])
    scores = np.array([person['keypoint_scores'] for person in people])
    np.testing.assert_allclose(scores, found.scores, atol=0.02)
    gaps = np.linalg.norm(points - found.keypoints, axis=2)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)[:, None]
    return gaps.ravel(), (gaps / sides).ravel()


def list_photos(folder):
    """List a rendered photo, and real ones where they are."""
    (picture,) = render_people((640, 480), 1)
    cv2.imwrite(str(folder / 'rendered.jpg'), picture)
    shared = os.environ.get('POSENAS_SHARED')
    real = sorted(Path(shared, 'data', 'people', 'images').glob('coco_*.jpg'))[:8] if shared else []
    return [folder / 'rendered.jpg', *real]


def test_the_page_in_chromium(site, browser):
    from playwright.sync_api import expect

    folder, address = site
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    check_decoding(page)
    check_boxes(page)
    check_crops(page)
    context.close()
    runtime = PoseRuntime(POSE, 'onnxruntime')
    detector = DetectorRuntime(DETECTOR, 'onnxruntime')
    page = browser.new_page(color_scheme='dark', viewport=dict(width=390, height=800))
    asked, errors = [], []
    page.on('request', lambda request: asked.append(request.url))
    page.on('pageerror', lambda error: errors.append(str(error)))
    page.goto(address)
    expect(page.locator('#status')).to_have_text(re.compile('^Ready, with'), timeout=60_000)
    same, decoded = [], []
    for photo in list_photos(folder):
        image = cv2.imread(str(photo))
        cv2.imwrite(str(folder / 'same.png'), image)
        people = look_at(page, folder / 'same.png')
        (boxes,) = detector([image])
        made = np.array([person['bbox'][0] for person in people]).reshape(-1, 4)
        if len(boxes.bboxes):  # resized photos differ by single grey levels
            assert np.mean(bbox_iou(boxes.bboxes, made).max(axis=1) > 0.9) >= 0.95
        if people:
            same.append(compare(people, runtime, image)[0])
        page.click('#add')  # a box that the keys move
        page.keyboard.press('ArrowLeft')
        page.keyboard.press('Shift+ArrowDown')
        expect(page.locator('#status')).to_have_text(re.compile('^1 person in'), timeout=60_000)
        same.append(compare(save(page), runtime, image)[0])
        people = look_at(page, photo)
        if people:
            decoded.append(compare(people, runtime, image)[1])
    assert len(np.concatenate(same)) > 50
    assert np.concatenate(same).max() <= 0.5
    assert np.mean(np.concatenate(decoded) <= 0.01) >= 0.95
    page.click('#theme')
    expect(page.locator('html')).to_have_attribute('data-theme', 'light')
    assert not errors
    assert all(url.startswith((address, 'blob:')) for url in asked)
    page.close()
