"""Architecture search: spaces, costs, archives, algorithms, evaluators, supernets, derivation."""

from .space import Arch, Choice, Decision, Logits, SearchSpace, Value

__all__ = ['Arch', 'Choice', 'Decision', 'Logits', 'SearchSpace', 'Value']
