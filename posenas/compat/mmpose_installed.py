"""Importing this, as configs can by ``custom_imports``, installs :mod:`posenas.compat.mmpose`."""

from posenas.compat.mmpose import install

install()
