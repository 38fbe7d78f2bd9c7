"""List layers and costs: ``tools/summary_network.py CONFIG``; the same as ``posenas summary``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works without installation too

from posenas.cli import main

if __name__ == '__main__':
    sys.exit(main(['summary', *sys.argv[1:]]))
