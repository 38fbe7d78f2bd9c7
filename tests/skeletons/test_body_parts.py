"""Joints of body parts."""

import json

import pytest

from posenas.skeletons import COCO, MPII, BodyParts

#: Place of each keypoint in the order that the published code gave MPII -> place in the data set.
FROM_INTERNAL = (9, 8, 7, 13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0, 6)
DIVISIONS = [(dataset, number) for dataset in ('coco', 'mpii') for number in (1, 3, 5, 8)]


@pytest.mark.parametrize(('dataset', 'number'), DIVISIONS)
def test_divisions_are_the_recorded_ones_in_the_order_of_the_data_set(golden_dir, dataset, number):
    record = golden_dir / 'pnfs' / 'pipeline' / 'expected.json'
    groups = json.loads(record.read_text(encoding='utf-8'))['parts'][dataset][str(number)]
    order = FROM_INTERNAL if dataset == 'mpii' else range(17)
    wanted = {name: tuple(order[joint] for joint in group) for name, group in groups.items()}
    ours = BodyParts(dataset, number)
    assert dict(ours) == wanted
    assert list(ours) == list(wanted)


@pytest.mark.parametrize(('dataset', 'number'), DIVISIONS)
def test_parts_cover_the_body_and_mirror_each_other(dataset, number):
    skeleton = dict(coco=COCO, mpii=MPII)[dataset]
    parts = BodyParts(dataset, number)
    assert {joint for group in parts.values() for joint in group} == set(range(skeleton.num_joints))
    for name, group in parts.items():
        mirrored = {skeleton.flip_indices[joint] for joint in group}
        side = dict(left='right', right='left').get(name.split('_')[0])
        twin = name if side is None else side + name[name.index('_') :]
        assert mirrored == set(parts[twin])


@pytest.mark.parametrize(('dataset', 'number'), [('coco', 4), ('mpii', 2), ('lsp', 3)])
def test_other_divisions_are_refused(dataset, number):
    with pytest.raises(ValueError, match='must be one of'):
        BodyParts(dataset, number)
