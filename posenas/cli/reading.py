"""What commands read from their options."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config


def read_config(args: argparse.Namespace) -> 'Config':
    """Load and verify ``args.config`` as the options of ``add_config_options`` say.

    Raises:
        ConfigError: It does not exist, has an unknown key or contradicts itself.
    """
    from posenas.apis import load_checked

    return load_checked(args.config, args.cfg_options, args.legacy, args.strict)
