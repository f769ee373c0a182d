# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""In a job of AWX sentences name the template to launch in place of a command, which nobody can type there. Pure.

``awx/configure.yml`` names the templates: ``shop deploy``, ``shop finish`` and so on. A job whose own template has
another kind of name keeps the commands, because the names of the other templates are not known then.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

_OWN = re.compile(r"(.*)\b(?:deploy|finish|rollback|recover|status|needs approval|not approved)", re.DOTALL)
_COMMAND = re.compile(
    r"ansible-playbook smallfleet\.bluegreen\.(deploy|finish|rollback|recover|status)"
    # Up to a blank, or the end of the sentence.
    r"(?: -e bluegreen_release=(\S+?)(?=[.,;:)]*(?:\s|$)))?"
    r"(?: --limit (\S+?)(?=[.,;:)]*(?:\s|$)))?"
)
# What results of modules say to people.
_SAID = ("msg", "message", "plan", "summary", "warnings")


def named(text: str, template: str) -> str:
    """The text with templates of AWX in place of commands.

    :param template: name of the job's own template; empty outside of AWX.
    """
    own = _OWN.fullmatch(template)
    if not own:
        return text

    def launched(found: re.Match[str]) -> str:
        playbook, release, limit = found.groups()
        if playbook == "rollback" and release:
            # That template asks for no release, so this takes the command.
            return found[0]
        # The workflow deploys.
        name = f'the template "{own[1]}{"release" if playbook == "deploy" else playbook}"'
        given = [f"release {release}"] if release else []
        given += [f"the limit {limit}"] if limit else []
        return f"{name} with {' and '.join(given)}" if given else name

    return _COMMAND.sub(launched, text)


def in_result(result: Mapping[str, Any], template: str) -> dict[str, Any]:
    """The result of a module, whose sentences name templates of AWX in place of commands."""
    return {key: _in_all(value, template) if key in _SAID else value for key, value in result.items()}


def _in_all(value: Any, template: str) -> Any:
    if isinstance(value, str):
        return named(value, template)
    if isinstance(value, list):
        return [_in_all(each, template) for each in value]
    return value
