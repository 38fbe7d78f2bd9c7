# HRNet-W32 to stage 3 and five neural fabrics on COCO, 384x288, in the published pruned form. The
# authors show what is left of the fabrics but not its weights, which are even here and trained.
_base_ = 'hrnet_w32_cnfx5_coco_384x288.py'
# Part -> cell, layer and scale -> what it reads: P its own scale, A the finer, B the coarser one.
_kept = dict(
    left_arm_part={'3_1': 'AB', '3_2': 'AB', '4_1': 'PB', '5_0': 'B'},
    right_arm_part={'3_0': 'P', '3_1': 'A', '3_2': 'PAB', '4_1': 'PAB', '5_0': 'B'},
    legs_part={'3_0': 'B', '3_1': 'B', '3_2': 'AB', '4_1': 'PAB', '5_0': 'B'},
    head_shoulder_part={'3_0': 'B', '3_1': 'AB', '3_2': 'PAB', '4_1': 'PAB', '5_0': 'B'},
    hips_part={'3_1': 'PB', '3_2': 'AB', '4_1': 'PB', '5_0': 'B'},
)
_both = {'Atr_Conv_3x3': 0.5, 'Sep_Conv_3x3': 0.5}
_operators = dict.fromkeys(_kept, _both) | dict(hips_part={'Sep_Conv_3x3': 1.0})
_slots = dict(P=('parallel', 0), A=('above', -1), B=('below', 1))
_maps = {3: 'level_', 4: '{}.3_', 5: '{}.4_'}
genotype = dict(
    schema='pose-genotype/1',
    family='pnfs',
    name='hrnet_w32_cnfx5',
    space=dict(id='cnf/1'),
    macro=dict(
        skeleton='coco',
        depth=6,
        cut_layers=3,
        size_types=[4, 8, 16, 32],
        factor=16,
        hidden_states=1,
        input_gain=3.0,
        op_gain=4.0,
        overlap='sum',
        representation=dict(mode='2d', vector_dim=8),
        backbone=None,
    ),
    cells={
        f'{part}.{cell}': dict(
            kind='fabric',
            inputs=[
                {
                    'slot': _slots[slot][0],
                    'from': _maps[int(cell[0])].format(part) + str(int(cell[2]) + _slots[slot][1]),
                    'weight': 1 / len(slots),
                }
                for slot in slots
            ],
            nodes=[dict(id=1, edges=[{'from': 0, 'weights': _operators[part]}])],
            output=dict(merge='concat', nodes=[1]),
        )
        for part, cells in _kept.items()
        for cell, slots in cells.items()
    },
)
fabric = dict(genotype=genotype, finetune_arch=True)
model = dict(neck=dict(fabric=fabric), head=dict(fabric=fabric))
