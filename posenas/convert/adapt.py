"""Published checkpoints, brought to the names of a model while they are loaded."""

from collections.abc import Mapping

from posenas.convert.describe import describe_network
from posenas.convert.naming import top_names
from posenas.convert.state_dicts import convert_state_dict, unwrap_state_dict
from posenas.utils import CheckpointError

_PARTS = {'backbone', 'neck', 'head'}


def adapt_checkpoint(
    checkpoint: Mapping[str, object], wanted: Mapping[str, object], strict: bool = True
) -> dict[str, object]:
    """Bring a checkpoint of any known project to the names of a model.

    Args:
        checkpoint: Checkpoint, or a bare state dict.
        wanted: State dict of the model. Models that do not consist of backbone, neck and head get
            the checkpoint as it is.
        strict: Whether at least half of the model's entries must be there; else one.

    Returns:
        The checkpoint with the converted entries under 'state_dict'.

    Raises:
        CheckpointError: The names are of no known project, or the network is another one.
    """
    if not top_names(wanted) <= _PARTS:
        return dict(checkpoint)
    converted = convert_state_dict(checkpoint, keep=wanted)
    shared = len(converted.keys() & wanted.keys())
    if shared < (len(wanted) / 2 if strict else 1):
        raise CheckpointError(
            f'the checkpoint must be of the network of the config, {describe_network(wanted)}, got '
            f'{describe_network(converted)}: only {shared} of {len(wanted)} weights are there; '
            'choose the config of that network (posenas models lists them)'
        )
    is_bare = unwrap_state_dict(checkpoint) is checkpoint
    return dict({} if is_bare else checkpoint, state_dict=converted)
