"""Fused form: the same network for inference with fewer operations, and the way back.

Modules with a rule in :data:`posenas.models.fused.rules.FUSED_RULES` are replaced or folded as it
says. Elsewhere batch norms are folded into the convolutions before them in a ``Sequential`` and in
a ``ConvModule``, where the pairs are known. All plain convolutions are laid out anew, see
:func:`posenas.models.fused.folding.lay_out`.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.models.fused.folding import can_fold, fold_conv_bn, is_plain_conv, lay_out
from posenas.models.fused.rules import FUSED_RULES, FusedRule, find_rule
from posenas.utils import ConfigError

#: Name of the record among the children of a fused model.
_RECORD = '_fused_record'


class _FusedRecord(nn.Module):
    """What was replaced where; its place among the children lets it refuse training.

    The originals are no children, so they stay out of the state dict, yet follow the model to
    another device or precision.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = (model,)  # in a tuple: a plain attribute would be a child
        self.replaced: list[tuple[nn.Module, str, nn.Module]] = []

    def replace(self, parent: nn.Module, name: str, module: nn.Module) -> None:
        """Put ``module`` into a place of ``parent`` and keep the original."""
        self.replaced.append((parent, name, parent._modules[name]))
        parent._modules[name] = module

    def train(self, mode: bool = True) -> '_FusedRecord':
        """Stay in evaluation mode.

        Raises:
            ConfigError: The model is put into train mode.
        """
        if mode:
            self.model[0].eval()
            raise ConfigError(
                'a model in fused form cannot be trained: its batch norms are gone; call '
                'unfuse() first'
            )
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``: a fused ``Sequential`` calls all of its children."""
        return x

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> '_FusedRecord':
        for _, _, original in self.replaced:
            original._apply(fn, recurse)
        return super()._apply(fn, recurse)


def is_fused(model: nn.Module) -> bool:
    """Tell whether ``model`` is in fused form."""
    return _RECORD in model._modules


@torch.no_grad()
def fuse(model: nn.Module, rules: Mapping[type, FusedRule] = FUSED_RULES) -> None:
    """Give ``model`` its fused form, in place; a fused model stays as it is.

    Outputs change by rounding only. The state dict is another one meanwhile: load and save
    checkpoints before, or after :func:`unfuse`.

    Args:
        model: Network in evaluation mode.
        rules: How modules are fused, by their exact type.

    Raises:
        ConfigError: A part is in train mode, or ``model`` itself would be replaced, which has no
            parent to be placed in.
    """
    if is_fused(model):
        return
    training = [name for name, module in model.named_modules() if module.training]
    if training:
        raise ConfigError(
            'a model must be in evaluation mode for its fused form, got '
            f'{training[0] or type(model).__name__!r} in train mode: call eval() first'
        )
    if _make_form(model, rules) is not None:
        raise ConfigError(
            f'{type(model).__name__} has no parent to exchange it in: fuse the estimator that '
            'owns it, or put it into a ModuleDict'
        )
    record = _FusedRecord(model).eval()
    try:
        _rewrite(model, record, {}, rules)
    except BaseException:
        _restore(record)
        raise
    model.add_module(_RECORD, record)


def unfuse(model: nn.Module) -> None:
    """Put the original modules back, exactly as they were; other models stay as they are."""
    if is_fused(model):
        record = model._modules.pop(_RECORD)
        _restore(record)


def _restore(record: _FusedRecord) -> None:
    """Undo all replacements, the last one first."""
    while record.replaced:
        parent, name, original = record.replaced.pop()
        parent._modules[name] = original


def _rewrite(
    module: nn.Module,
    record: _FusedRecord,
    forms: dict[nn.Module, nn.Module | None],
    rules: Mapping[type, FusedRule],
) -> None:
    """Replace what can be replaced below ``module``.

    Args:
        module: Where to begin; itself it stays.
        record: Keeps what is replaced.
        forms: What replaces each module met before, which may have several places, or None; new
            modules stay.
        rules: As in :func:`fuse`.
    """
    for path, form in find_rule(module, rules).children(module).items():
        parent, _, name = path.rpartition('.')
        record.replace(module.get_submodule(parent), name, form.eval())
    for conv, norm in _conv_bn_pairs(module, rules):
        folded = lay_out(fold_conv_bn(module._modules[conv], module._modules[norm]))
        forms[folded] = None
        record.replace(module, conv, folded)
        record.replace(module, norm, nn.Identity().eval())
    # Not named_children(), which leaves out the further places of a shared module.
    for name, child in list(module._modules.items()):
        if child is None:
            continue
        if child not in forms:
            forms[child] = _make_form(child, rules)
            _rewrite(child if forms[child] is None else forms[child], record, forms, rules)
        if forms[child] is not None:
            record.replace(module, name, forms[child])


def _make_form(module: nn.Module, rules: Mapping[type, FusedRule]) -> nn.Module | None:
    """Return a new module to put in the place of ``module``; None if it stays."""
    if is_plain_conv(module):
        return lay_out(copy.deepcopy(module))
    form = find_rule(module, rules).make(module)
    return None if form is None else form.eval()


def _conv_bn_pairs(module: nn.Module, rules: Mapping[type, FusedRule]) -> Iterator[tuple[str, str]]:
    """Yield the names of convolutions and norms of ``module`` that can become one."""
    for conv, norm in _declared_pairs(module, rules):
        if can_fold(module._modules.get(conv), module._modules.get(norm)):
            yield conv, norm


def _declared_pairs(
    module: nn.Module, rules: Mapping[type, FusedRule]
) -> tuple[tuple[str, str], ...]:
    """Return the names of children of which the second reads exactly what the first one makes."""
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        return tuple(pairwise(module._modules))
    if isinstance(module, ConvModule) and type(module).forward is ConvModule.forward:
        adjacent = ('conv', 'norm') in pairwise(module.order)
        return (('conv', module.norm_name),) if adjacent and module.with_norm else ()
    return find_rule(module, rules).pairs
