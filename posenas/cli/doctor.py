"""Check this installation: versions, known conflicts, devices, configs."""

import argparse
from collections.abc import Sequence

from posenas.cli.args import CommandParser
from posenas.cli.printing import print_table
from posenas.utils.errors import ConfigError
from posenas.utils.installation import Finding, check_installation
from posenas.version import __version__

_STYLES = {'ok': 'green', 'note': 'cyan', 'problem': 'bold red'}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas doctor``."""
    return CommandParser('doctor', 'Check versions, known conflicts, devices and configs.')


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas doctor``; the exit code is 1 if there is a problem."""
    build_parser().parse_args(argv)
    findings = [Finding('posenas', 'ok', __version__), *check_installation()]
    if not any(finding.state == 'problem' for finding in findings):
        findings += _check_configs()
    rows = [(subject, (state, _STYLES[state]), text) for subject, state, text in findings]
    print_table(('subject', 'state', 'finding'), rows, title='posenas doctor', is_wrapped=True)
    return int(any(finding.state == 'problem' for finding in findings))


def _check_configs() -> list[Finding]:
    from posenas.apis import list_models

    try:
        models = list_models()
    except ConfigError as error:
        return [Finding('configs', 'problem', str(error))]
    missing = [m.name for m in models if m.config and not m.config.is_file()]
    if missing:
        return [Finding('configs', 'problem', f'files are missing for {missing}: install again')]
    return [Finding('configs', 'ok', f'{len(models)} models')]
