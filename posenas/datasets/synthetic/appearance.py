"""Skin, hair and clothes: colours of the surface and looseness of the cloth."""

from dataclasses import dataclass

import numpy as np

from posenas.datasets.synthetic.mesh import PARTS, RINGS, Fit

__all__ = ['FACE_PATCHES', 'Outfit', 'sample_color']

# sRGB (blue, green, red) from pale to dark.
_SKINS = np.array(
    [
        (180, 200, 235), (160, 185, 225), (140, 170, 215), (120, 150, 200), (105, 135, 190),
        (85, 115, 170), (65, 90, 140), (50, 70, 110), (38, 52, 85), (30, 40, 62),
    ],
    np.float64,
)  # fmt: skip
_HAIRS = np.array(
    [(20, 20, 25), (30, 38, 55), (35, 55, 90), (60, 95, 140), (110, 160, 200), (140, 140, 145)],
    np.float64,
)
_BOTTOMS = np.array(
    [(35, 33, 32), (90, 65, 45), (120, 90, 65), (60, 45, 35), (110, 130, 145), (75, 85, 80),
     (130, 130, 130), (200, 205, 205)],
    np.float64,
)  # fmt: skip
HAIR_STYLES = ('bald', 'short', 'long', 'cap', 'helmet')

_ROW_PART = np.array(PARTS)[RINGS.part[RINGS.first]]
_ROW_POSITION = 0.5 * (RINGS.position[RINGS.first] + RINGS.position[RINGS.first + 1])


def _rows(prefix: str) -> np.ndarray:
    """Mark the rows of faces on parts that begin with ``prefix``, (F,)."""
    return np.char.startswith(_ROW_PART, prefix)


_TORSO, _NECK, _HEAD, _HAIR, _SKIRT, _FOOT, _HAND, _THUMB = (
    _rows(name) for name in ('torso', 'neck', 'head', 'hair', 'skirt', 'foot', 'hand', 'thumb')
)
# Distance along a whole limb: 0 to 1 on its first bone, 1 to 2 on the second; -9 elsewhere.
_ALONG_ARM, _ALONG_LEG = (
    np.where(
        _rows(upper), _ROW_POSITION, np.where(_rows(lower), 1 + np.maximum(_ROW_POSITION, 0), 9)
    )
    for upper, lower in (('upper', 'fore'), ('thigh', 'shank'))
)
_RING_PART = np.array(PARTS)[RINGS.part]


def _ring_along(upper: str, lower: str) -> np.ndarray:
    """Distance of rings along a limb, (R,)."""
    first = np.char.startswith(_RING_PART, upper)
    second = np.char.startswith(_RING_PART, lower)
    return np.where(first, RINGS.position, np.where(second, 1 + np.maximum(RINGS.position, 0), 9))


_RING_ARM, _RING_LEG = _ring_along('upper', 'fore'), _ring_along('thigh', 'shank')
_RING_TORSO, _RING_HEAD = _RING_PART == 'torso', _RING_PART == 'head'

# Quads on the face in the frame of the head: (corners (4, 3), kind).
_PATCHES = (
    *(
        ([[s * 0.010, 0.064, 0.069], [s * 0.019, 0.067, 0.066], [s * 0.028, 0.063, 0.060], [s * 0.019, 0.059, 0.066]], kind)
        for s in (1, -1) for kind in ('white',)
    ),
    *(
        ([[s * 0.014, 0.063, 0.069], [s * 0.019, 0.067, 0.068], [s * 0.023, 0.063, 0.066], [s * 0.019, 0.058, 0.068]], 'pupil')
        for s in (1, -1)
    ),
    *(
        ([[s * 0.008, 0.073, 0.070], [s * 0.020, 0.078, 0.067], [s * 0.030, 0.073, 0.060], [s * 0.020, 0.073, 0.067]], 'brow')
        for s in (1, -1)
    ),
    *(
        ([[0.0, 0.066, 0.069], [0.0, 0.040, 0.083], [s * 0.012, 0.036, 0.067], [s * 0.006, 0.060, 0.067]], f'nose{s}')
        for s in (1, -1)
    ),
    ([[-0.009, 0.036, 0.070], [0.0, 0.040, 0.083], [0.009, 0.036, 0.070], [0.0, 0.034, 0.070]], 'nostril'),
    ([[-0.017, 0.019, 0.062], [0.0, 0.023, 0.069], [0.017, 0.019, 0.062], [0.0, 0.013, 0.067]], 'mouth'),
    ([[-0.040, 0.088, 0.045], [-0.030, 0.084, 0.098], [0.030, 0.084, 0.098], [0.040, 0.088, 0.045]], 'brim'),
)  # fmt: skip
FACE_PATCHES = np.array([corners for corners, _ in _PATCHES])  # (P, 4, 3)
_PATCH_KINDS = tuple(kind for _, kind in _PATCHES)


def sample_color(rng: np.random.Generator) -> np.ndarray:
    """Draw a colour as cloth and things have them, BGR in [0, 255], (3,).

    A third are nearly grey, the others of any hue with a triangular saturation.
    """
    value = rng.uniform(20, 250)
    if rng.random() < 0.35:
        return np.clip(value + rng.normal(0, 7, 3), 0, 255)
    hue = rng.random() * 6 + np.array([4.0, 2.0, 0.0])
    pure = np.clip(np.abs(hue % 6 - 3) - 1, 0, 1)
    saturation = rng.triangular(0.1, 0.55, 1.0)
    return np.clip(max(value, 60) * (1 - saturation + saturation * pure), 0, 255)


@dataclass(frozen=True)
class Outfit:
    """Looks of one person.

    Args:
        colors: Albedo of skin, hair, top, second top colour, bottom, shoes, socks, brim, BGR, (8, 3).
        style: One of ``HAIR_STYLES``.
        sleeve: Length of sleeves, 0 none to 2 the whole arm; -1 without top.
        hem: Height of the top's edge over the hips, fraction of the body height.
        leg: Length of trousers, 0 none to 2 the whole leg.
        sock: Share of the shank under the socks.
        skirt: Number of rings of the skirt, 0 none.
        loose: Cloth beyond the skin of top and bottom, fraction of the height, (2,).
        folds: Relief of the clothes, relative to the radii, (2,).
        pattern: Kind of the top's pattern, 0 (plain) to 5, and of the bottom's, (2,).
        pattern_phase: Position of the patterns in [0, 1), (4,).
        is_gloved: Whether the hands have the colour of the shoes.
        is_bearded: Whether the chin has the colour of the hair.
    """

    colors: np.ndarray
    style: str
    sleeve: float
    hem: float
    leg: float
    sock: float
    skirt: int
    loose: np.ndarray
    folds: np.ndarray
    pattern: np.ndarray
    pattern_phase: np.ndarray
    is_gloved: bool
    is_bearded: bool

    @classmethod
    def sample(cls, rng: np.random.Generator, is_female: bool) -> 'Outfit':
        """Draw an outfit: street clothes, sports wear, gymnasts' suits, bare chests."""
        skin = _SKINS[min(int(rng.exponential(2.6)), 9)] * rng.uniform(0.88, 1.1)
        hair = _HAIRS[rng.choice(6, p=(0.34, 0.24, 0.17, 0.1, 0.08, 0.07))] * rng.uniform(0.7, 1.2)
        top, accent, shoes, sock, brim = (sample_color(rng) for _ in range(5))
        bottom = _BOTTOMS[rng.integers(8)] * rng.uniform(0.6, 1.25)
        if rng.random() < 0.35:
            bottom = sample_color(rng)
        sleeve = float(rng.choice((0.02, 0.55, 1.9, 1.35), p=(0.16, 0.42, 0.36, 0.06)))
        leg = float(rng.choice((0.12, 0.5, 0.95, 1.5, 1.97), p=(0.06, 0.17, 0.12, 0.08, 0.57)))
        loose = rng.gamma(1.6, 0.0035, 2)
        kind = rng.random()
        skirt = 0
        if kind < 0.10:  # gymnast's suit
            leg, sleeve = rng.choice((0.05, 0.4, 1.95)), rng.choice((0.0, 0.1, 1.9))
            bottom, loose = top.copy(), np.zeros(2)
        elif kind < 0.16 and not is_female:
            sleeve = -1.0
        elif kind < 0.24 and is_female:
            skirt = int(rng.integers(3, 7))
            leg = rng.choice((0.0, 1.95))
        style = rng.choice(
            5, p=(0.02, 0.3, 0.53, 0.1, 0.05) if is_female else (0.1, 0.66, 0.04, 0.13, 0.07)
        )
        if rng.random() < 0.22:
            shoes = skin.copy()
        colors = np.stack([skin, hair, top, accent, bottom, shoes, sock, brim])
        return cls(
            colors=np.clip(colors, 0, 255),
            style=HAIR_STYLES[style],
            sleeve=float(sleeve) + rng.normal(0, 0.03) * (sleeve > 0),
            hem=rng.uniform(-0.03, 0.06),
            leg=float(leg),
            sock=float(rng.choice((0.0, 0.12, 0.45), p=(0.5, 0.35, 0.15))),
            skirt=skirt,
            loose=loose,
            folds=rng.uniform(0.02, 0.09, 2),
            pattern=rng.choice(6, 2, p=(0.5, 0.14, 0.08, 0.1, 0.08, 0.1))
            * (rng.random(2) < (1, 0.35)),
            pattern_phase=rng.random(4),
            is_gloved=bool(rng.random() < 0.06),
            is_bearded=bool(not is_female and rng.random() < 0.15),
        )

    def fit(self) -> Fit:
        """Turn the clothes' cut into looseness, folds and presence of every ring."""
        top = (_RING_TORSO & (RINGS.position > self.hem)) | (_RING_ARM < self.sleeve)
        top &= self.sleeve >= 0
        bottom = (_RING_TORSO & (RINGS.position <= self.hem)) | (_RING_LEG < self.leg)
        loose = self.loose[0] * top + self.loose[1] * bottom
        loose += 0.4 * self.loose[1] * (bottom & (_RING_LEG > 1))
        loose += (
            0.006 if self.style in ('short', 'long', 'cap') else 0.014 * (self.style == 'helmet')
        ) * (_RING_HEAD & (RINGS.position > 0.06))
        folds = np.where(top, self.folds[0], np.where(bottom, self.folds[1], 0.012))
        scale = np.ones(len(RINGS.part))
        scale[_RING_PART == 'hair'] = self.style == 'long'
        scale[_RING_PART == 'skirt'] = np.arange(6) < self.skirt
        return Fit(loose, folds, scale)

    def face_colors(self, sides: int) -> np.ndarray:
        """Paint all faces, BGR, (F, sides, 3)."""
        skin, hair, top, accent, bottom, shoes, sock, brim = self.colors
        colors = np.broadcast_to(skin, (len(_ROW_PART), sides, 3)).copy()
        covered_top = (_TORSO & (_ROW_POSITION > self.hem)) | (_ALONG_ARM < self.sleeve)
        covered_top &= self.sleeve >= 0
        covered_bottom = (_TORSO & (_ROW_POSITION <= self.hem)) | (_ALONG_LEG < self.leg) | _SKIRT
        colors[covered_top] = self._paint(0, top, accent, sides)[covered_top]
        colors[covered_bottom] = self._paint(1, bottom, accent, sides)[covered_bottom]
        colors[(_ALONG_LEG < 9) & (_ALONG_LEG > 2 - self.sock)] = sock
        colors[_FOOT] = shoes
        if self.is_gloved:
            colors[_HAND | _THUMB] = shoes
        colors[_HAIR] = hair
        self._paint_head(colors, hair, brim)
        return colors

    def _paint(self, which: int, base: np.ndarray, accent: np.ndarray, sides: int) -> np.ndarray:
        """Paint a cloth's pattern over all rows, (F, sides, 3)."""
        phase, shift = self.pattern_phase[2 * which : 2 * which + 2]
        height = np.where(_TORSO | _SKIRT, 6 * _ROW_POSITION, np.minimum(_ALONG_ARM, _ALONG_LEG))[
            :, None
        ]
        turn = np.arange(sides)[None] / sides
        kind = self.pattern[which]
        masks = (
            np.zeros((1, 1), bool),
            (np.floor(height * (3 + 5 * phase) + shift) % 2 == 0) & (turn >= 0),
            np.floor(turn * sides / 2 + height * 0) % 2 == 0,
            (height > phase) & (turn >= 0),
            (np.abs(turn - 0.25) < 0.12) & (np.abs(height - 1.2) < 0.25 + 0.3 * phase),
            (np.abs(np.cos(2 * np.pi * turn)) > 0.9) & (height > -9),
        )
        return np.where(np.broadcast_to(masks[kind], (len(height), sides))[..., None], accent, base)

    def _paint_head(self, colors: np.ndarray, hair: np.ndarray, brim: np.ndarray) -> None:
        """Add hair, cap, helmet and beard to ``colors`` (F, sides, 3) in place."""
        sides = colors.shape[1]
        front = np.sin(2 * np.pi * (np.arange(sides) + 0.5) / sides)[None]
        height = _ROW_POSITION[:, None]
        head = _HEAD[:, None]
        scalp = head & (
            (height > 0.095) | ((front < 0.1) & (height > 0.03)) | ((front < 0.6) & (height > 0.07))
        )
        if self.style == 'bald':
            scalp &= (height < 0.07) & (front < -0.2)
        colors[scalp] = hair
        if self.style in ('cap', 'helmet'):
            low = 0.078 if self.style == 'cap' else 0.062
            colors[head & (height > low) & (front > -2)] = brim
            if self.style == 'helmet':
                colors[head & (height > 0.02) & (front < 0.1)] = brim
        if self.is_bearded:
            colors[head & (height < 0.02) & (front > 0)] = 0.5 * hair + 0.5 * self.colors[0]

    def patch_colors(self) -> np.ndarray:
        """Paint the quads of the face, BGR, (P, 3); those without a place are NaN."""
        skin, hair, brim = self.colors[0], self.colors[1], self.colors[7]
        palette = {
            'white': np.clip(skin * 0.5 + 110, 0, 235),
            'pupil': np.array([30.0, 32.0, 35.0]),
            'brow': 0.6 * hair + 0.25 * skin,
            'nose1': skin * 1.06,
            'nose-1': skin * 0.92,
            'nostril': skin * 0.55,
            'mouth': skin * np.array([0.62, 0.55, 0.85]),
            'brim': brim * 0.8 if self.style == 'cap' else np.full(3, np.nan),
        }
        return np.clip(np.stack([palette[kind] for kind in _PATCH_KINDS]), 0, 255)
