"""Search strategies of PNFS."""

from typing import Any

from posenas.convert.reading import Section
from posenas.utils import check_choice

#: Published name of a strategy -> ours.
_STRATEGIES = {
    'None': 'none',
    'random': 'random',
    'sync': 'sync',
    'first_order_gradient': 'first_order',
    'second_order_gradient': 'second_order',
}
_ONLY_SEARCHES = 'only searches by gradients read it'


def add_search(new: dict[str, Any], train: Section, cells: Section) -> None:
    """Make a translated training search as its strategy says.

    Differs from the original: 'sync' stays an ordinary training, which trains the architecture
    like weights, as it does there.

    Args:
        new: The translated config; changed.
        train: Section ``train`` of the original.
        cells: Its section ``model.subnetwork_config.cell_config``.

    Raises:
        ValueError: There is no such strategy.
    """
    name = str(train.take('arch_search_strategy', 'train_cfg.strategy', 'sync'))
    check_choice('train.arch_search_strategy', name, tuple(_STRATEGIES))
    strategy = _STRATEGIES[name]
    is_bilevel = strategy.endswith('_order')
    if strategy != 'sync':
        new['model']['type'] = 'CNFSupernet'
        for key in ('search_alpha', 'search_beta'):
            if not cells.take(key, f'model.{key}', True):
                new['model'][key] = False
        loop = {key: new['train_cfg'][key] for key in ('max_epochs', 'val_interval')}
        new['train_cfg'] = dict(loop, type='ArchSearchLoop', strategy=strategy)
        new['optim_wrapper'] |= dict(constructor='ArchOptimWrapperConstructor', arch=None)
        new['custom_hooks'] = [*new['custom_hooks'], dict(type='ArchValueHook')]
    if strategy == 'random':
        new['train_cfg']['random_seed'] = train.take('random_seed', 'train_cfg.random_seed', 2)
    if is_bilevel:
        _split(new, train)
        new['optim_wrapper']['arch'] = dict(
            optimizer=dict(
                type='Adam',
                lr=train.take('arch_lr', 'optim_wrapper.arch.optimizer.lr', 0.03),
                weight_decay=train.take(
                    'arch_weight_decay', 'optim_wrapper.arch.optimizer.weight_decay', 0.01
                ),
            )
        )
    cells.drop('searches choose what they train', 'search_alpha', 'search_beta')
    train.drop(_ONLY_SEARCHES, 'arch_search_epoch', 'split_for_train', 'split_for_archvalid')
    train.drop(_ONLY_SEARCHES, 'arch_lr', 'arch_weight_decay')
    train.drop('only random searches read it', 'random_seed')
    train.drop('the original never comes to read it', 'arch_search_weight_optimization_flag')
    train.drop('Adam has no such momentum', 'w_momentum')


def _split(new: dict[str, Any], train: Section) -> None:
    """Give weights and architecture their images, batches and first epoch, as published."""
    for_weights = train.take('split_for_train', 'train_cfg.arch_ratio', 2)
    for_arch = train.take('split_for_archvalid', 'train_cfg.arch_ratio', 1)
    batch = new['train_dataloader']['batch_size']
    new['train_dataloader']['batch_size'] = batch * max(for_weights // for_arch, 1)
    new['train_cfg'] |= dict(
        arch_ratio=for_arch / (for_weights + for_arch),
        contiguous=True,
        arch_dataloader=dict(batch_size=batch),
        arch_begin_epoch=train.take('arch_search_epoch', 'train_cfg.arch_begin_epoch', 0),
        warmup_on_arch_split=True,
    )
