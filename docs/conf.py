"""Documentation site: pages in Markdown, a reference from docstrings; ``make docs`` builds it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from posenas.version import __version__  # noqa: E402

project = 'posenas'
release = version = __version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
source_suffix = {'.md': 'markdown'}
exclude_patterns = ['plans', 'images']
html_theme = 'furo'
html_title = f'posenas {__version__}'
html_copy_source = False

myst_enable_extensions = ['colon_fence']
myst_heading_anchors = 4

autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_preserve_defaults = True
autodoc_default_options = {'members': True, 'show-inheritance': False}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [('Yields', 'params_style')]
