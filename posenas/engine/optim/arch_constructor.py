"""Optimizers of a search: one of the weights, one of the architecture parameters."""

from collections.abc import Mapping

from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from torch import nn

from posenas.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from posenas.utils import ConfigError


class SearchOptimWrapper(OptimWrapperDict):
    """The wrappers ``weights`` and, where the architecture has an optimizer of its own, ``arch``.

    Differs from mmengine's dictionary: accumulation of gradients is counted from a resumed
    position on, and a state of other optimizers is a ValueError.
    """

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Set where accumulation stands: ``init_counts`` of ``max_counts`` iterations done."""
        self['weights'].initialize_count_status(model, init_counts, max_counts)

    def load_state_dict(self, state_dict: dict) -> None:
        """Restore what ``state_dict`` of such a wrapper gave.

        Raises:
            ValueError: It is the state of other optimizers.
        """
        if state_dict.keys() != set(self.keys()):
            raise ValueError(f'states of {sorted(state_dict)}, not of {sorted(self.keys())}')
        super().load_state_dict(state_dict)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ArchOptimWrapperConstructor:
    """Part the parameters of a supernet between optimizers, by ``model.arch_parameters()``.

    Args:
        optim_wrapper_cfg: Wrapper of the weights with its ``optimizer``, and ``arch``: a wrapper
            with an optimizer for the architecture parameters, 'weights' to train them like
            weights, or None (as if missing) to leave them as they are.
        paramwise_cfg: Must be None.

    Raises:
        ConfigError: ``arch`` is nothing of these, or there is a ``paramwise_cfg``.
    """

    def __init__(self, optim_wrapper_cfg: Mapping, paramwise_cfg: Mapping | None = None) -> None:
        if paramwise_cfg:
            raise ConfigError(
                f'paramwise_cfg must be None in a search, got {paramwise_cfg}: remove it'
            )
        cfg = dict(optim_wrapper_cfg)
        self.arch_cfg = cfg.pop('arch', None)
        self.weights_cfg = cfg
        is_wrapper = isinstance(self.arch_cfg, Mapping) and 'optimizer' in self.arch_cfg
        if not is_wrapper and self.arch_cfg not in (None, 'weights'):
            raise ConfigError(
                "optim_wrapper.arch must be a wrapper with an optimizer, 'weights' or None, got "
                f'{self.arch_cfg!r}'
            )

    def __call__(self, model: nn.Module) -> SearchOptimWrapper:
        """Build the wrappers for the parameters of ``model`` that are trained."""
        model = model.module if is_model_wrapper(model) else model
        arch = list(model.arch_parameters().values())
        apart = {id(parameter) for parameter in arch}
        weights = [parameter for parameter in model.parameters() if id(parameter) not in apart]
        wrappers = {}
        if isinstance(self.arch_cfg, Mapping):
            wrappers['arch'] = _build(self.arch_cfg, arch)
        elif self.arch_cfg == 'weights':
            weights = list(model.parameters())
        return SearchOptimWrapper(weights=_build(self.weights_cfg, weights), **wrappers)


def _build(cfg: Mapping, parameters: list[nn.Parameter]) -> object:
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    optimizer = OPTIMIZERS.build(dict(cfg['optimizer'], params=trained))
    return OPTIM_WRAPPERS.build({'type': 'OptimWrapper', **cfg, 'optimizer': optimizer})
