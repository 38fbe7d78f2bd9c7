"""Documentation site: pages in Markdown, a reference from docstrings; ``make docs`` builds it."""

import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

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

#: Pages whose text lies elsewhere, by the name of that file.
PAGES = {
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'data/README.md': 'data.md',
}


def read_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Read a page, from another file where it is that one's, and let its links lead into the site.

    Args:
        app: The build.
        docname: Name of the page.
        source: Its text, changed in place.
    """
    docs = Path(app.srcdir)
    page = docs / f'{docname}.md'
    origin = {docs / name: ROOT / file for file, name in PAGES.items()}.get(page, page)
    known = {ROOT / file: docs / name for file, name in PAGES.items()}
    known[ROOT / 'README.md'] = docs / 'index.md'

    def point(match: re.Match[str]) -> str:
        name, anchor = re.fullmatch(r'([^#]*)(#.*)?', match[1]).groups(default='')
        target = Path(os.path.normpath(origin.parent / name))
        if '://' in match[1] or not name or not target.exists():
            return match[0]
        target = known.get(target, target)
        return f']({os.path.relpath(target, page.parent)}{anchor})'

    source[0] = re.sub(r'\]\(([^)\s]+)\)', point, origin.read_text(encoding='utf-8'))


def setup(app: Sphinx) -> None:
    """Connect what reads pages."""
    app.connect('source-read', read_page)
