"""Measure a checkpoint: ``tools/test.py CONFIG CHECKPOINT``; the same as ``posenas test``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works without installation too

from posenas.cli import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
