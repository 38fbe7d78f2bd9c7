# Search of PoseNAS cells: rates, depths and epochs that the release lists, on split images.
# The weights train alone for 10 epochs, then in turn with the architecture.
max_epochs = 40
train_cfg = dict(
    type='ArchSearchLoop',
    max_epochs=max_epochs,
    val_interval=10,
    strategy='first_order',
    arch_ratio=0.5,
    arch_begin_epoch=10,
    unroll='precond',
    arch_objective=dict(normalise=True, entropy_weight=[(0, -0.01), (1 / 3, 0.0), (2 / 3, 0.05)]),
    temperature=dict(start=1.0, end=0.2, begin=0.5),
)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    constructor='ArchOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=5),
    arch=dict(optimizer=dict(type='AdamW', lr=4e-4, betas=(0.5, 0.999), weight_decay=1e-4)),
)
param_scheduler = dict(
    weights=[
        dict(
            type='MultiStepLR',
            begin=0,
            end=max_epochs,
            milestones=[20, 30],
            gamma=0.2,
            by_epoch=True,
        )
    ],
    arch=[],
)
auto_scale_lr = dict(base_batch_size=32)
