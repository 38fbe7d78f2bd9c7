"""Features of the face: small quads on the head, so that front and back differ."""

import numpy as np

# Corners (x outward, y up, z forward) in the frame of the head, thousandths of the body's height;
# first those that both halves of the face have, here the left one's.
_PAIRS = dict(
    white=((10, 64, 69), (19, 67, 66), (28, 63, 60), (19, 59, 66)),
    pupil=((14, 63, 69), (19, 67, 68), (23, 63, 66), (19, 58, 68)),
    brow=((8, 73, 70), (20, 78, 67), (30, 73, 60), (20, 73, 67)),
    nose=((0, 66, 69), (0, 40, 83), (12, 36, 67), (6, 60, 67)),
)
_MIDDLE = dict(
    nostril=((-9, 36, 70), (0, 40, 83), (9, 36, 70), (0, 34, 70)),
    mouth=((-17, 19, 62), (0, 23, 69), (17, 19, 62), (0, 13, 67)),
    brim=((-40, 88, 45), (-30, 84, 98), (30, 84, 98), (40, 88, 45)),
)


def _list_quads() -> tuple[tuple[str, ...], np.ndarray]:
    """List the names and the corners (P, 4, 3) of both halves and the middle."""
    mirror = np.array([-1.0, 1.0, 1.0])
    quads = [
        (name, np.array(corners) * side) for name, corners in _PAIRS.items() for side in (1, mirror)
    ]
    quads += [(name, np.array(corners)) for name, corners in _MIDDLE.items()]
    names, corners = zip(*quads, strict=True)
    return names, np.stack(corners) / 1000


def _find_signs(quads: np.ndarray) -> np.ndarray:
    """Tell for quads (P, 4, 3) whether their corners run so that normals leave the head, (P,)."""
    normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    outward = quads.mean(axis=1) - (0, 0.055, 0.01)
    return np.where(np.einsum('pi,pi->p', normals, outward) > 0, 1.0, -1.0)


_NAMES, FACE_QUADS = _list_quads()
FACE_SIGNS = _find_signs(FACE_QUADS)


def paint_face(skin: np.ndarray, hair: np.ndarray, brim: np.ndarray | None) -> np.ndarray:
    """Paint the quads in the order of ``FACE_QUADS``.

    Args:
        skin: Colour of the skin, BGR in [0, 255], (3,).
        hair: Colour of the hair, (3,).
        brim: Colour of a cap's brim, (3,), or None without a cap.

    Returns:
        Colours (P, 3); NaN for quads that are absent.
    """
    palette = dict(
        white=np.clip(0.5 * skin + 110, 0, 235),
        pupil=np.array([30.0, 32.0, 35.0]),
        brow=0.6 * hair + 0.25 * skin,
        nose=skin * 1.03,
        nostril=skin * 0.55,
        mouth=skin * (0.62, 0.55, 0.85),
        brim=np.full(3, np.nan) if brim is None else 0.8 * brim,
    )
    return np.clip(np.stack([palette[name] for name in _NAMES]), 0, 255)
