import numpy as np
import pytest

from posenas.datasets.synthetic.appearance import Outfit
from posenas.datasets.synthetic.body import BodyShape
from posenas.datasets.synthetic.mesh import RINGS
from posenas.datasets.synthetic.poses import ANGLES
from posenas.datasets.synthetic.render import Camera, Canvas, Light, Person
from posenas.datasets.synthetic.scene import Actor, draw_actors
from posenas.skeletons import COCO

JOINTS = {name: index for index, name in enumerate(COCO.joint_names)}
SIZE = (240, 320)  # width, height
LIGHT = Light(np.array([0.0, 0.0, 1.0]), 0.6, 0.4, 0.5)


def make_actor(track=1, center=(120, 160), scale=220.0, distance=6.0, sides=12, **degrees):
    rng = np.random.default_rng(track)
    pose = np.zeros(len(ANGLES))
    for name, angle in degrees.items():
        pose[ANGLES.index(name)] = np.deg2rad(angle)
    person = Person(
        BodyShape(), Outfit.sample(rng, False), pose, rng.standard_normal((len(RINGS.part), sides))
    )
    camera = Camera(np.eye(3), distance, scale, np.array(center, float))
    return Actor(person, person.stand(camera), camera, track, 0.0, None, np.zeros(4))


def draw(*actors):
    width, height = SIZE
    canvas = Canvas(
        np.full((height, width, 3), 200, np.uint8),
        np.zeros((height, width), np.uint8),
        np.full((height, width), 128, np.uint8),
    )
    return canvas, draw_actors(canvas, actors, LIGHT)


def flags(annotation, *names):
    return [int(annotation.keypoints[JOINTS[name], 2]) for name in names]


def test_from_the_front_everything_but_the_ears_must_be_visible():
    _, (person,) = draw(make_actor(shoulder_abd_l=20, shoulder_abd_r=20))
    names = [name for name in JOINTS if 'ear' not in name]
    assert flags(person, *names) == [2] * len(names)


def test_from_behind_the_face_is_hidden_and_the_limbs_are_not():
    _, (person,) = draw(make_actor(yaw=180, shoulder_abd_l=20, shoulder_abd_r=20))
    assert flags(person, 'nose', 'left_eye', 'right_eye') == [1, 1, 1]
    assert flags(person, 'left_shoulder', 'right_knee', 'left_wrist') == [2, 2, 2]
    assert person.keypoints[JOINTS['left_shoulder'], 0] < person.keypoints[JOINTS['right_hip'], 0]


def test_from_the_side_the_far_half_is_hidden_by_the_near_one():
    _, (person,) = draw(make_actor(yaw=90, shoulder_flex_l=90, shoulder_flex_r=90))
    parts = ('shoulder', 'hip', 'knee', 'ear')
    assert flags(person, *(f'right_{part}' for part in parts)) == [2] * 4
    assert flags(person, *(f'left_{part}' for part in parts)) == [1] * 4


def test_a_hand_behind_the_back_is_hidden():
    bent = dict(shoulder_flex_r=-50, shoulder_twist_r=75, elbow_r=95)
    _, (person,) = draw(make_actor(**bent))
    assert flags(person, 'right_wrist', 'left_wrist') == [1, 2]


def test_a_nearer_person_hides_joints_and_shrinks_box_and_area():
    alone = draw(make_actor(1, scale=150))[1][0]
    near = make_actor(2, center=(120, 250), scale=300, shoulder_abd_l=80, shoulder_abd_r=80)
    _, people = draw(make_actor(1, scale=150), near)
    hidden = next(person for person in people if person.track == 1)
    assert flags(hidden, 'nose') == [2]
    assert flags(hidden, 'left_hip', 'right_knee') == [1, 1]
    assert hidden.area < alone.area
    assert hidden.bbox[3] < alone.bbox[3]
    np.testing.assert_allclose(hidden.keypoints[:, :2], alone.keypoints[:, :2])


def test_joints_outside_the_picture_are_not_labelled():
    _, (person,) = draw(make_actor(center=(120, 300)))
    assert flags(person, 'left_ankle', 'right_knee') == [0, 0]
    assert not person.keypoints[JOINTS['left_ankle'], :2].any()
    assert flags(person, 'nose', 'left_hip') == [2, 2]


def test_a_person_out_of_sight_is_not_annotated():
    assert draw(make_actor(center=(-400, 160)))[1] == ()


@pytest.mark.parametrize('degrees', [dict(), dict(yaw=50, roll=70), dict(pitch=180, hip_abd_l=50)])
@pytest.mark.parametrize('center', [(120, 160), (20, 300), (230, 10)])
def test_boxes_and_areas_fit_the_pixels_drawn(degrees, center):
    canvas, (person,) = draw(make_actor(center=center, **degrees))
    rows, columns = np.nonzero(canvas.owner == 1)
    x, y, w, h = person.bbox
    assert (x, y) == (columns.min(), rows.min())
    assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)
    assert person.area == len(rows)
    changed = (canvas.image != 200).any(axis=-1)
    assert changed[canvas.owner == 1].mean() > 0.9
    assert changed.sum() < 1.3 * person.area + 300


def test_visible_limb_joints_lie_on_the_body():
    canvas, (person,) = draw(make_actor(yaw=30, hip_flex_l=60, knee_l=70, shoulder_abd_r=90))
    for x, y, flag in person.keypoints[5:]:
        if flag == 2:
            assert canvas.owner[round(y), round(x)] == 1


@pytest.mark.parametrize('seed', range(6))
def test_an_outfit_paints_every_face(seed):
    rng = np.random.default_rng(seed)
    outfit = Outfit.sample(rng, is_female=bool(seed % 2))
    colors = outfit.paint_rows(8)
    assert colors.shape == (len(RINGS.first), 8, 3)
    assert ((colors >= 0) & (colors <= 255)).all()
    fit = outfit.fit()
    assert (fit.loose >= 0).all()
    assert np.isfinite(fit.folds).all()
