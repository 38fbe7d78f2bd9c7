"""Search space of T-ViPNAS: a spatial network, a fusion stage and an operation for each frame."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from posenas.genotype import FUSION_OPS, Genotype, read_frames
from posenas.registry import TASK_UTILS
from posenas.search.space import Arch, Choice, SearchSpace
from posenas.search.vipnas.space import ViPNASSpace
from posenas.utils import ConfigError, check_choice

#: Probability that a child takes whole frames from its parents, not groups of genes.
_WHOLE_FRAMES = 0.5


@TASK_UTILS.register_module()
class TViPNASSpace(SearchSpace):
    """Networks of the frames between two key frames, all decided together.

    Xu et al., ViPNAS: Efficient Video Pose Estimation via Neural Architecture Search, CVPR 2021,
    section 3: fusion stage, fusion operation and the share of the computation are searched for
    each frame. How genes are inherited is ours: half of the children take whole frames.

    Args:
        space: Config of the :class:`ViPNASSpace` of each frame, or the space.
        period: Frames from one key frame to the next; all but the first are searched.
        stages: Fusion stages to choose from, of 1 to 4.
        ops: Fusion operations to choose from.
        key: The network of key frames, which is not searched: choices of a spatial genotype of the
            same backbone, or a name.
        name: Identity of the space; None makes one of that of ``space``.

    Raises:
        ConfigError: There are no frames, stages or operations to choose from.
    """

    def __init__(
        self,
        space: Mapping | ViPNASSpace,
        period: int = 4,
        stages: Sequence[int] = (1, 2, 3, 4),
        ops: Sequence[str] = FUSION_OPS,
        key: Mapping | str = 'key',
        name: str | None = None,
    ) -> None:
        self.spatial = TASK_UTILS.build(dict(space)) if isinstance(space, Mapping) else space
        if period < 2 or not stages or not ops:
            raise ConfigError(
                f'a period must be 2 or longer, with stages and ops to choose from, got {period}, '
                f'{tuple(stages)} and {tuple(ops)}'
            )
        for stage in stages:
            check_choice('stages', stage, (1, 2, 3, 4))
        for op in ops:
            check_choice('ops', op, FUSION_OPS)
        self.period = period
        # early stages have the largest maps, so that fusion costs most there
        self.stages = tuple(sorted(stages, reverse=True))
        self.ops = tuple(sorted(ops, key=FUSION_OPS.index))
        self.key = dict(key) if isinstance(key, Mapping) else key
        self.name = name or f't_{self.spatial.name}'

    @cached_property
    def decisions(self) -> tuple[Choice, ...]:
        """Fusion and network of each frame; groups of the spatial space are inherited as such."""
        decisions: list[Choice] = []
        for frame in self.frames:
            group = f'{frame}.fusion'
            decisions += [
                Choice(f'{frame}.fuse_stage', self.stages, group),
                Choice(f'{frame}.fuse_op', self.ops, group),
            ]
            decisions += [
                Choice(f'{frame}.{d.name}', d.options, f'{frame}.{d.group or d.name}')
                for d in self.spatial.decisions
            ]
        return tuple(decisions)

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames after a key frame, with which those of their decisions begin."""
        return tuple(f'frames.{i}' for i in range(1, self.period))

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Decisions frame by frame: a frame depends on earlier ones alone."""
        names = [decision.name for decision in self.decisions]
        return tuple(
            tuple(name for name in names if name.startswith(f'{frame}.')) for frame in self.frames
        )

    def of_frame(self, arch: Arch, position: int) -> tuple[Arch, int, str]:
        """Return network, fusion stage and operation of the frame ``position``, from 1."""
        frame = f'frames.{position}'
        spatial = Arch({d.name: arch[f'{frame}.{d.name}'] for d in self.spatial.decisions})
        return spatial, int(arch[f'{frame}.fuse_stage']), str(arch[f'{frame}.fuse_op'])

    def to_genotype(self, arch: Arch) -> Genotype:
        """Write ``arch`` as a genotype.

        Raises:
            ConfigError: It lies outside the space.
        """
        self.require(arch)
        frames = []
        for position in range(1, self.period):
            spatial, stage, op = self.of_frame(arch, position)
            net = self.spatial.to_genotype(spatial).choices
            frames.append(dict(fuse_stage=stage, fuse_op=op, net=net))
        choices = dict(period=self.period, key=self.key, frames=frames)
        named, macro = self.name.replace('/', '-'), dict(backbone=self.spatial.backbone)
        return Genotype.of_choices('t_vipnas', named, self.name, macro, choices)

    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find the architecture of ``genotype``; see :meth:`SearchSpace.from_genotype`."""
        values = {}
        for frame, shape in zip(self.frames, self._read(genotype), strict=True):
            values |= {f'{frame}.fuse_stage': shape.fuse_stage, f'{frame}.fuse_op': shape.fuse_op}
            spatial = self.spatial.from_genotype(shape.net)
            values |= {f'{frame}.{name}': value for name, value in spatial.items()}
        arch = Arch(values)
        self.require(arch, f'{genotype.name!r} does not lie in {self.name}')
        return arch

    def _read(self, genotype: Genotype) -> list:
        """Return the frames of ``genotype``, as many as a period here has."""
        frames = read_frames(genotype)
        if len(frames) != self.period - 1 or genotype.choices['key'] != self.key:
            raise ConfigError(
                f'{genotype.name!r} must have the period and the key network of {self.name}, '
                f'{self.period} frames, got {len(frames) + 1}: search with those, or take another'
            )
        return frames

    def repair(self, arch: Arch) -> Arch:
        """Bring the network of each frame to one form; see :meth:`ViPNASSpace.repair`."""
        changes = {}
        for position, frame in enumerate(self.frames, 1):
            spatial = self.spatial.repair(self.of_frame(arch, position)[0])
            changes |= {f'{frame}.{name}': value for name, value in spatial.items()}
        return arch | changes

    def crossover(self, a: Arch, b: Arch, rng: np.random.Generator) -> Arch:
        """Take whole frames from two parents, or groups of genes within each frame."""
        if rng.random() >= _WHOLE_FRAMES:
            return super().crossover(a, b, rng)
        parents = dict(zip(self.frames, rng.integers(2, size=len(self.frames)), strict=True))
        owners = {d.name: '.'.join(d.name.split('.')[:2]) for d in self.decisions}
        values = {name: (a, b)[parents[frame]][name] for name, frame in owners.items()}
        return Arch(values)

    def vary(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Draw the fusion of every frame anew: no stage or operation is the largest."""
        changes: dict[str, int | str] = {}
        for frame in self.frames:
            changes[f'{frame}.fuse_stage'] = self.stages[int(rng.integers(len(self.stages)))]
            changes[f'{frame}.fuse_op'] = self.ops[int(rng.integers(len(self.ops)))]
        return arch | changes
