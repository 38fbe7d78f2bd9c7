"""Faults provoked on purpose, counted: ``PYTHONPATH=tests python -m faults`` (``make faults``)."""
