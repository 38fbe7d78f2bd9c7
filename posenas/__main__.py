"""Run commands as ``python -m posenas COMMAND``."""

import sys

from posenas.cli import main

if __name__ == '__main__':
    sys.exit(main())
