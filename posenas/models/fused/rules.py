"""How modules are fused: one table, by their exact type.

A subclass may compute something else, so it never inherits the rule of its parent: it stays as it
is until it has a rule of its own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class FusedRule:
    """How modules of one exact type are fused.

    Attributes:
        make: Returns a new module with the same ``forward``, built from copies of the parameters,
            or None where the settings of the module have no fused form.
        children: Returns dotted name -> new module for children that are fused together.
        pairs: Names of convolutions among the children, each with that of the batch norm that reads
            its output and nothing else. Where a child is missing or of another kind, both stay.
    """

    make: Callable[[nn.Module], nn.Module | None] = lambda module: None
    children: Callable[[nn.Module], dict[str, nn.Module]] = lambda module: {}
    pairs: tuple[tuple[str, str], ...] = ()


#: Exact type -> rule. Packages outside add the types of their own.
FUSED_RULES: dict[type[nn.Module], FusedRule] = {}

_NO_RULE = FusedRule()


def find_rule(module: nn.Module, rules: Mapping[type, FusedRule] = FUSED_RULES) -> FusedRule:
    """Return the rule of the exact type of ``module``, or one that leaves it as it is."""
    return rules.get(type(module), _NO_RULE)


def consists_of(module: nn.Module, known: Collection[type[nn.Module]]) -> bool:
    """Tell whether every part of ``module`` is of ``torch.nn`` or exactly of a ``known`` type."""
    types = {type(part) for part in module.modules()}
    return all(kind in known or kind.__module__.startswith('torch.nn.') for kind in types)
