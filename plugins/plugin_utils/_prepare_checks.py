# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Which values the role bluegreen_prepare accepts: the modules' checks, and more for files that only it writes. Pure.

``nginx -t`` does not protect from bad values: it accepts a name that ends the directive and opens a block of its own.
In a source file of apt one more line is one more setting. So only values that are known to be harmless pass.
"""

from __future__ import annotations

import re
from typing import Any, Callable

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._validation import (
    check_app,
    check_container,
    check_nginx_file,
    check_port,
    check_server,
    check_upstream,
)

_SERVER_NAME = re.compile(r"[A-Za-z0-9*._ -]*", re.ASCII)
_LISTEN = re.compile(r"(([0-9]{1,3}\.){3}[0-9]{1,3}:|\[[0-9A-Fa-f:]+\]:)?[0-9]{1,5}( default_server)?", re.ASCII)
_URL = re.compile(r"https?://[A-Za-z0-9._~:/@%+-]+", re.ASCII)


def _check_app(option: str, value: Any) -> None:
    check_app(value, option)


def _check_port(option: str, value: Any) -> None:
    # A template of Ansible makes a text of a number.
    is_number = isinstance(value, str) and value.isascii() and value.isdigit()
    check_port(option, int(value) if is_number else value)


def _check_server_name(option: str, value: Any) -> None:
    if not isinstance(value, str) or not _SERVER_NAME.fullmatch(value):
        _refuse(option, value, "it must be host names, separated by spaces")


def _check_listen(option: str, value: Any) -> None:
    if not isinstance(value, list) or not value or not all(_LISTEN.fullmatch(str(each)) for each in value):
        _refuse(option, value, "it must be a list of ports, each with an optional address before it and an optional "
                "default_server after it, such as ['80'], ['[::]:80'] or ['80 default_server']")  # fmt: skip


def _check_repository(option: str, value: Any) -> None:
    if not isinstance(value, str) or not _URL.fullmatch(value):
        _refuse(option, value, "it must be an http or https URL of letters, digits and . _ ~ : / @ % + -")


def _check_repository_key(option: str, value: Any) -> None:
    if value != "":
        _check_repository(option, value)


def _refuse(option: str, value: Any, rule: str) -> None:
    raise BluegreenError(f"{option} is {value!r}, but {rule}.")


# Each takes the name of the option and its value, and raises a BluegreenError for a value that it refuses.
CHECKS: dict[str, Callable[[str, Any], object]] = {
    "app": _check_app,
    "upstream": check_upstream,
    "nginx_file": check_nginx_file,
    "port": _check_port,
    "server": check_server,
    "container": check_container,
    "server_name": _check_server_name,
    "listen": _check_listen,
    "repository": _check_repository,
    "repository_key": _check_repository_key,
}
