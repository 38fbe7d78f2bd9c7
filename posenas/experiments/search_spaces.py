"""Spaces that ``posenas search run`` knows, by name: one entry of a table for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from posenas.utils.errors import ConfigError
from posenas.utils.spelling import find_nearest

#: Figures that networks of any space have.
_COUNTS = ('macs', 'params', 'size')


@dataclass(frozen=True)
class RunSpace:
    """What one command needs to know of a space.

    Attributes:
        supernets: Width -> shipped config of a supernet, or of a search by gradients; the
            narrowest first.
        training: Shipped config whose runtime and schedule the networks found take.
        counter: Registered class that counts parameters and multiply-accumulates of its networks;
            '' where architectures are not evaluated one by one, but searched by gradients alone.
        counts_model: Whether the counter takes the model of the supernet.
        inherits: Whether networks found train on from the weights of the supernet, which learnt
            one architecture at a time, and not in mixtures; others start from scratch.
        limits: What networks can be limited by: 'latency', 'macs', 'params', 'size'.
        has_parts: Whether its networks divide keypoints into parts of the body, so that each
            supernet is of one skeleton; ``supernets`` are not widths then.
    """

    supernets: Mapping[str, str]
    training: str
    counter: str = ''
    counts_model: bool = False
    inherits: bool = False
    limits: Sequence[str] = _COUNTS
    has_parts: bool = False

    @property
    def has_latency(self) -> bool:
        """Whether latencies of its networks can be predicted by a table."""
        return 'latency' in self.limits

    def make_counter(self, cfg: Config) -> dict[str, Any]:
        """Return the config of the counter, for the supernet of ``cfg``."""
        model = dict(model=cfg.model.to_dict()) if self.counts_model else {}
        return dict(type=self.counter, **model)


#: The spaces by name. To add one: ship configs of its supernet, and list them here.
SPACES: dict[str, RunSpace] = {
    'edge': RunSpace(
        supernets=dict(
            tiny='edge_supernet_tiny_synthetic_128x96',
            half='edge_supernet_half_lspet_s_128x96',
            full='edge_supernet_lspet_s_128x96',
        ),
        training='s_vipnas_res50_lspet_128x96',
        counter='EdgeCounter',
        inherits=True,
        limits=('latency', *_COUNTS),
    ),
    'vipnas-res50': RunSpace(
        supernets=dict(
            tiny='vipnas_supernet_tiny_synthetic_128x96',
            half='vipnas_supernet_res50_half_lspet_s_128x96',
            full='vipnas_supernet_res50_coco_256x192',
        ),
        training='s_vipnas_res50_lspet_128x96',
        counter='ViPNASCounter',
        inherits=True,
        limits=('latency', *_COUNTS),
    ),
    'vipnas-mbv3': RunSpace(
        supernets=dict(full='vipnas_supernet_mbv3_coco_256x192'),
        training='s_vipnas_res50_lspet_128x96',
        counter='ViPNASCounter',
        inherits=True,
        limits=('latency', *_COUNTS),
    ),
    'posenas': RunSpace(
        supernets=dict(l8_c16='posenas_search_l8_c16_lspet_s_128x96'),
        training='posenas_l8_c16_1stage_lspet_s_128x96',
        counter='PoseNASCounter',
        counts_model=True,
    ),
    'fabrics': RunSpace(
        supernets=dict(
            lsp='cnf_cnfx3_search_lspet_s_128x96', coco='cnf_cnfx3_search_tiny_synthetic_128x96'
        ),
        training='cnf_cnfx3_lspet_s_128x96',
        limits=(),
        has_parts=True,
    ),
}
#: Taken where none is named: the first of these that is listed.
_PREFERRED = ('edge', 'vipnas-res50')


def default_space() -> str:
    """Return the name of the space that is searched unless another one is named."""
    return next(name for name in _PREFERRED if name in SPACES)


def find_space(name: str, limits: Mapping[str, float]) -> RunSpace:
    """Look up a space whose networks can keep to limits.

    Args:
        name: Name of the space.
        limits: Figure -> its upper bound.

    Raises:
        ConfigError: There is no such space, it cannot keep to a limit, or it needs one.
    """
    if name not in SPACES:
        near = find_nearest(name, SPACES)
        meant = f': did you mean {near}?' if near else ''
        raise ConfigError(f'space must be one of {sorted(SPACES)}, got {name!r}{meant}')
    space = SPACES[name]
    beyond = [limit for limit in limits if limit not in space.limits]
    if beyond:
        able = [other for other, each in SPACES.items() if set(limits) <= set(each.limits)]
        raise ConfigError(
            f'the space {name} must be searched without a limit of {", ".join(beyond)}, which it '
            f'does not support: choose one of {able}, or leave out the limit'
        )
    if space.limits and not limits:
        raise ConfigError(
            f'a search in {name} must have a limit, got none: give one or more of '
            f'{", ".join(f"--{limit}" for limit in space.limits)}'
        )
    return space
