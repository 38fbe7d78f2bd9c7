"""Skin, hair and clothes: colours of the surface and looseness of the cloth."""

from dataclasses import dataclass

import numpy as np

from posenas.datasets.synthetic.face import paint_face
from posenas.datasets.synthetic.mesh import PARTS, RINGS, Fit

#: Skins from pale to dark, (blue, green, red).
SKINS = np.array(
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
_TROUSERS = np.array(
    [
        (35, 33, 32), (90, 65, 45), (120, 90, 65), (60, 45, 35), (110, 130, 145), (75, 85, 80),
        (130, 130, 130), (200, 205, 205),
    ],
    np.float64,
)  # fmt: skip
_STYLES = ('bald', 'short', 'long', 'cap', 'helmet')
#: Frequency of the styles among women and men.
_STYLE_SHARES = {True: (0.02, 0.3, 0.53, 0.1, 0.05), False: (0.1, 0.66, 0.04, 0.13, 0.07)}
#: Position along a limb of what is no part of it.
_NOWHERE = 9.0


@dataclass(frozen=True)
class _Places:
    """Where rings, or the rows of faces between them, lie on the body; arrays (N,).

    Args:
        part: Names of the parts.
        height: Position on the part, see the profiles of the mesh.
        arm: 0 to 1 along the upper arm, to 2 along the forearm; else ``_NOWHERE``.
        leg: The same from thigh to ankle.
    """

    part: np.ndarray
    height: np.ndarray
    arm: np.ndarray
    leg: np.ndarray

    @classmethod
    def find(cls, part: np.ndarray, height: np.ndarray) -> '_Places':
        """Work out the positions along the limbs."""
        names = np.array(PARTS)[part]
        limbs = [
            np.select(
                [np.char.startswith(names, upper), np.char.startswith(names, lower)],
                [height, 1 + np.maximum(height, 0)],
                _NOWHERE,
            )
            for upper, lower in (('upper', 'fore'), ('thigh', 'shank'))
        ]
        return cls(names, height, *limbs)

    def are(self, *prefixes: str) -> np.ndarray:
        """Mark the places on parts that begin with one of ``prefixes``, (N,)."""
        return np.any([np.char.startswith(self.part, prefix) for prefix in prefixes], axis=0)


_ON_RINGS = _Places.find(RINGS.part, RINGS.position)
_ON_ROWS = _Places.find(
    RINGS.part[RINGS.first], 0.5 * (RINGS.position[RINGS.first] + RINGS.position[RINGS.first + 1])
)


def sample_color(rng: np.random.Generator) -> np.ndarray:
    """Draw a colour as cloth and things have them, BGR in [0, 255], (3,).

    Two fifths are nearly grey, the others of any hue with a triangular saturation.
    """
    value = rng.uniform(15, 250)
    if rng.random() < 0.4:
        return np.clip(value + rng.normal(0, 8, 3), 0, 255)
    hue = rng.random() * 6 + np.array([4.0, 2.0, 0.0])
    pure = np.clip(np.abs(hue % 6 - 3) - 1, 0, 1)
    saturation = rng.triangular(0.05, 0.4, 1.0)
    return np.clip(max(value, 50) * (1 - saturation + saturation * pure), 0, 255)


@dataclass(frozen=True)
class Outfit:
    """Looks of one person; colours are BGR in [0, 255], (3,).

    Args:
        skin: Colour.
        hair: Colour.
        tops: Colour and second colour of the top, (2, 3).
        bottoms: The same of trousers or skirt, (2, 3).
        shoes: Colour.
        socks: Colour.
        hat: Colour.
        style: 'bald', 'short', 'long' (hair), 'cap' or 'helmet'.
        sleeve: Length of sleeves, 0 none to 2 the whole arm; negative without top.
        hem: Height of the top's edge over the hips, fraction of the body height.
        leg: Length of trousers, 0 none to 2 the whole leg.
        sock: Share of the shank under the socks.
        skirt: Number of rings of the skirt, 0 none.
        loose: Cloth beyond the skin of top and bottom, fraction of the height, (2,).
        folds: Relief of top and bottom, relative to the radii, (2,).
        patterns: Kind (see ``_mark_pattern``) and two numbers in [0, 1) of top and bottom, (2, 3).
        is_gloved: Whether the hands have the colour of the shoes.
        is_bearded: Whether the chin has the colour of the hair.
    """

    skin: np.ndarray
    hair: np.ndarray
    tops: np.ndarray
    bottoms: np.ndarray
    shoes: np.ndarray
    socks: np.ndarray
    hat: np.ndarray
    style: str
    sleeve: float
    hem: float
    leg: float
    sock: float
    skirt: int
    loose: np.ndarray
    folds: np.ndarray
    patterns: np.ndarray
    is_gloved: bool
    is_bearded: bool

    @classmethod
    def sample(cls, rng: np.random.Generator, is_female: bool) -> 'Outfit':
        """Draw an outfit: street clothes, sports wear, gymnasts' suits, bare chests."""
        skin = np.clip(SKINS[min(int(rng.exponential(2.6)), 9)] * rng.uniform(0.88, 1.1), 0, 255)
        tops = np.stack([sample_color(rng), sample_color(rng)])
        bottoms = np.stack([_TROUSERS[rng.integers(8)] * rng.uniform(0.6, 1.25), sample_color(rng)])
        if rng.random() < 0.35:
            bottoms[0] = sample_color(rng)
        sleeve = float(rng.choice((0.02, 0.55, 1.35, 1.9), p=(0.16, 0.42, 0.06, 0.36)))
        leg = float(rng.choice((0.12, 0.5, 0.95, 1.5, 1.97), p=(0.06, 0.17, 0.12, 0.08, 0.57)))
        loose = rng.gamma(1.6, 0.0035, 2)
        skirt = 0
        kind = rng.random()
        if kind < 0.10:  # gymnast's suit
            sleeve, leg = float(rng.choice((0.0, 0.1, 1.9))), float(rng.choice((0.05, 0.4, 1.95)))
            bottoms[0], loose = tops[0], np.zeros(2)
        elif kind < 0.18 and not is_female:
            sleeve = -1.0
        elif kind < 0.24 and is_female:
            skirt, leg = int(rng.integers(3, 7)), float(rng.choice((0.0, 1.95)))
        kinds = rng.choice(6, 2, p=(0.5, 0.14, 0.08, 0.1, 0.08, 0.1)) * (rng.random(2) < (1, 0.35))
        return cls(
            skin=skin,
            hair=_HAIRS[rng.choice(6, p=(0.34, 0.24, 0.17, 0.1, 0.08, 0.07))]
            * rng.uniform(0.7, 1.2),
            tops=tops,
            bottoms=np.clip(bottoms, 0, 255),
            shoes=skin if rng.random() < 0.22 else sample_color(rng),
            socks=sample_color(rng),
            hat=sample_color(rng),
            style=_STYLES[rng.choice(5, p=_STYLE_SHARES[is_female])],
            sleeve=sleeve + rng.normal(0, 0.03) * (sleeve > 0),
            hem=rng.uniform(-0.03, 0.06),
            leg=leg,
            sock=float(rng.choice((0.0, 0.12, 0.45), p=(0.5, 0.35, 0.15))),
            skirt=skirt,
            loose=loose,
            folds=rng.uniform(0.02, 0.09, 2),
            patterns=np.column_stack([kinds, rng.random((2, 2))]),
            is_gloved=bool(rng.random() < 0.06),
            is_bearded=bool(not is_female and rng.random() < 0.15),
        )

    def _is_covered(self, places: _Places) -> tuple[np.ndarray, np.ndarray]:
        """Mark the places under the top and under the bottom, (N,) each."""
        torso, is_above = places.are('torso'), places.height > self.hem
        top = (self.sleeve >= 0) & ((torso & is_above) | (places.arm < self.sleeve))
        bottom = (torso & ~is_above) | (places.leg < self.leg) | places.are('skirt')
        return top, bottom

    def fit(self) -> Fit:
        """Turn the clothes' cut into looseness, folds and presence of every ring."""
        top, bottom = self._is_covered(_ON_RINGS)
        loose = self.loose[0] * top + self.loose[1] * bottom * (1 + 0.4 * (_ON_RINGS.leg > 1))
        hair = dict(bald=0.0, helmet=0.014).get(self.style, 0.006)
        loose += hair * (_ON_RINGS.are('head') & (_ON_RINGS.height > 0.06))
        folds = np.select([top, bottom], self.folds, 0.012)
        scale = np.ones(len(loose))
        scale[_ON_RINGS.are('hair')] = self.style == 'long'
        skirt = _ON_RINGS.are('skirt')
        scale[skirt] = np.arange(skirt.sum()) < self.skirt
        return Fit(loose, folds, scale)

    def paint_rows(self, sides: int) -> np.ndarray:
        """Paint all faces, BGR, (F, sides, 3)."""
        rows = _ON_ROWS
        colors = np.broadcast_to(self.skin, (len(rows.part), sides, 3)).copy()
        cloths = (self.tops, self.bottoms)
        for covered, cloth, pattern in zip(
            self._is_covered(rows), cloths, self.patterns, strict=True
        ):
            mask = _mark_pattern(pattern, sides)[..., None]  # (F or 1, sides or 1, 1)
            colors[covered] = np.where(
                np.broadcast_to(mask, colors.shape)[covered], cloth[1], cloth[0]
            )
        colors[(rows.leg < _NOWHERE) & (rows.leg > 2 - self.sock)] = self.socks
        colors[rows.are('foot')] = self.shoes
        if self.is_gloved:
            colors[rows.are('hand', 'thumb')] = self.shoes
        colors[rows.are('hair')] = self.hair
        self._paint_head(colors)
        return colors

    def _paint_head(self, colors: np.ndarray) -> None:
        """Add hair, cap, helmet and beard to ``colors`` (F, sides, 3) in place."""
        sides = colors.shape[1]
        front = np.sin(2 * np.pi * (np.arange(sides) + 0.5) / sides)
        height = np.where(_ON_ROWS.are('head'), _ON_ROWS.height, np.nan)[:, None]
        if self.style == 'bald':
            scalp = (height > 0.03) & (height < 0.07) & (front < -0.2)
        else:
            scalp = ((front < 0.1) & (height > 0.03)) | ((front < 0.6) & (height > 0.07))
            scalp |= (height > 0.095) & (front < 2)
        colors[scalp] = self.hair
        if self.style == 'cap':
            colors[(height > 0.078) & (front < 2)] = self.hat
        if self.style == 'helmet':
            colors[((height > 0.062) & (front < 2)) | ((height > 0.02) & (front < 0.1))] = self.hat
        if self.is_bearded:
            colors[(height < 0.02) & (front > 0)] = 0.5 * (self.hair + self.skin)

    def paint_face(self) -> np.ndarray:
        """Paint the quads of the face, BGR, (P, 3); those that are absent are NaN."""
        return paint_face(self.skin, self.hair, self.hat if self.style == 'cap' else None)


def _mark_pattern(pattern: np.ndarray, sides: int) -> np.ndarray:
    """Mark the faces in a cloth's second colour, (F or 1, sides or 1).

    Args:
        pattern: Kind and two numbers in [0, 1). Kinds: 0 plain, 1 stripes across, 2 stripes along,
            3 two halves, 4 print on the front, 5 stripe on both sides.
        sides: Faces around a limb.
    """
    kind, phase, shift = pattern
    limb = np.minimum(_ON_ROWS.arm, _ON_ROWS.leg)
    height = np.where(_ON_ROWS.are('torso', 'skirt'), 6 * _ON_ROWS.height, limb)[:, None]
    turn = np.arange(sides)[None] / sides
    if kind == 1:
        return np.floor(height * (3 + 5 * phase) + shift) % 2 == 0
    if kind == 2:
        return np.floor(turn * sides / 2) % 2 == 0
    if kind == 3:
        return height > phase
    if kind == 4:
        return (np.abs(turn - 0.25) < 0.12) & (np.abs(height - 1.2) < 0.25 + 0.3 * phase)
    if kind == 5:
        return np.abs(np.cos(2 * np.pi * turn)) > 0.9
    return np.zeros((1, 1), bool)
