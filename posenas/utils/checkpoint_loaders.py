"""Let everything in mmengine that loads a checkpoint load it safely."""

from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.model.weight_init import PretrainedInit as _PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from posenas.utils.download import fetch_checkpoint, find_in_store
from posenas.utils.errors import CheckpointError
from posenas.utils.plain_data import discard_executable
from posenas.utils.resizing import resize_weights
from posenas.utils.safe_load import load_checkpoint_file
from posenas.utils.telling import tell

# mmengine logs a loader by its name without the first ten letters, hence "load_from_..."


def load_from_local(
    filename: str | Path, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Load a local checkpoint; see :func:`posenas.utils.safe_load.load_checkpoint_file`.

    The stored config that mmengine would run on resuming is left out.
    """
    checkpoint = load_checkpoint_file(Path(filename).expanduser(), map_location or 'cpu')
    discard_executable(checkpoint)
    return checkpoint


def load_from_http(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Load a checkpoint of an address; see :func:`posenas.utils.download.fetch_checkpoint`."""
    return load_from_local(fetch_checkpoint(filename), map_location)


def load_from_store(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, object]:
    """Load weights that mmengine knows by name, checked like those of any other address.

    Raises:
        CheckpointError: The store is one that nothing here can check, or the file is refused.
    """
    address = find_in_store(filename)
    if address is None:
        raise CheckpointError(
            f'{filename}: checkpoints come from files or http(s) addresses: download it and give '
            'the path'
        )
    checkpoint = load_from_http(address, map_location)
    if filename.startswith('mmcls://'):  # whole classifiers
        weights = checkpoint.get('state_dict', checkpoint)
        prefix = 'backbone.'
        kept = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
        return dict(state_dict=kept)
    return checkpoint


class PretrainedInit(_PretrainedInit):
    """mmengine's ``Pretrained``, but a file of which nothing fits is refused.

    With ``resize`` the file may hold the same network with other widths, depths or kernels. A
    wider or deeper network without grouped convolutions, other than depthwise ones, then computes
    what the one in the file does, until it is trained.

    Source: Chen et al., Net2Net, ICLR 2016; new channels are drawn rather than copied.

    Args:
        checkpoint: File or address.
        prefix: What the names in the file begin with, such as 'backbone.'; None for nothing.
        map_location: Where the tensors go at first.
        resize: Whether to bring weights of other sizes to the network's; see
            :func:`posenas.utils.resizing.resize_weights`. Residual blocks that the file lacks begin
            as identity, where they have ``start_as_identity``.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str = 'cpu',
        resize: bool = False,
    ) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.resize = resize

    def __call__(self, module: nn.Module) -> None:
        """Load the weights that fit into ``module``.

        Raises:
            CheckpointError: None does, so they would stay random.
        """
        checkpoint = CheckpointLoader.load_checkpoint(self.checkpoint, 'cpu')
        weights = checkpoint.get('state_dict', checkpoint)
        prefix = 'module.' if self.prefix is None else self.prefix.rstrip('.') + '.'
        found = {
            name.removeprefix(prefix): weight
            for name, weight in weights.items()
            if self.prefix is None or name.startswith(prefix)
        }
        wanted = module.state_dict()
        if self.resize:
            found = resize_weights(found, module)
        fitting = [
            name
            for name, weight in wanted.items()
            if getattr(found.get(name), 'shape', None) == weight.shape
        ]
        if not fitting:
            raise CheckpointError(
                f'{self.checkpoint} must hold weights of {type(module).__name__}, but none fits; '
                f'it has {", ".join(list(weights)[:3]) or "nothing"}: choose another file or set '
                "init_cfg.prefix, such as 'backbone.' for a whole network"
            )
        tell(f'{self.checkpoint}: {len(fitting)} of {len(wanted)} weights are loaded')
        if not self.resize:
            super().__call__(module)
            return
        module.load_state_dict({name: found[name] for name in fitting}, strict=False)
        for name, part in module.named_modules():
            if hasattr(part, 'start_as_identity') and not _has_part(found, name):
                part.start_as_identity()


def _has_part(weights: Mapping[str, object], name: str) -> bool:
    return any(key.startswith(f'{name}.') for key in weights)


def register_checkpoint_loaders() -> None:
    """Replace mmengine's loaders: resuming, ``load_from``, ``Pretrained`` and all else."""
    WEIGHT_INITIALIZERS.register_module('Pretrained', module=PretrainedInit, force=True)
    stores = [scheme for scheme in CheckpointLoader._schemes if scheme]
    CheckpointLoader.register_scheme(stores, load_from_store, force=True)
    CheckpointLoader.register_scheme(['http://', 'https://'], load_from_http, force=True)
    CheckpointLoader.register_scheme('', load_from_local, force=True)
