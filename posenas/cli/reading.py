"""What commands read from their options."""

import argparse
from typing import TYPE_CHECKING

from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config


def read_config(args: argparse.Namespace) -> 'Config':
    """Load and verify ``args.config`` as the options of ``add_config_options`` say.

    Raises:
        ConfigError: It does not exist, has an unknown key or contradicts itself.
    """
    from posenas.apis import load_checked

    return load_checked(args.config, args.cfg_options, args.legacy, args.strict)


def check_numbers(args: argparse.Namespace, *names: str) -> None:
    """Require options that are numbers, or lists of them, to be at least 1 where they are given.

    Raises:
        ConfigError: One is not.
    """
    for name in names:
        value = getattr(args, name, None)
        values = value if isinstance(value, list) else [value]
        if any(number is not None and number < 1 for number in values):
            raise ConfigError(f'--{name.replace("_", "-")} must be at least 1, got {value}')
