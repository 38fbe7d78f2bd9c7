"""Names of the PoseNAS project: encoder, decoder stages and their final layers side by side."""

from collections.abc import Iterable

from posenas.convert.naming import Naming, find_indices
from posenas.convert.rules import Rename


def _make_rules(names: Iterable[str]) -> list[Rename]:
    names = list(names)
    stages = find_indices(names, r'stage(\d+)\.final_layer\.')
    stages += [i + 1 for i in find_indices(names, r'head\.final_layers\.(\d+)\.')]
    finals = [
        Rename(f'stage{stage}.final_layer.{{leaf}}', f'head.final_layers.{stage - 1}.{{leaf}}')
        for stage in stages
    ]
    return [*finals, Rename('{rest}', 'backbone.{rest}')]


POSENAS = Naming(
    key='posenas',
    title='the PoseNAS project',
    modules=r'stem[0-2]|cells|refine_cells|stage[1-9]|reduce_channel_prev|reduce_channel[0-9]',
    marks=r'stem[0-2]|cells|refine_cells|reduce_channel_prev|reduce_channel[0-9]',
    make_rules=_make_rules,
)
