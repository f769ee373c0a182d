# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Which names, addresses and paths are accepted.

What passes here is written into files of Nginx and systemd, and handed to programs. Nginx itself is no protection:
``nginx -t`` accepts a server address that closes the block and opens one of its own. So only what is known to be
harmless passes, and every refusal names the option, the value and the way out.

Every ``check_`` function returns the value that it accepted, and refuses what is no text as it refuses a wrong one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ._errors import BluegreenError

COLORS = ("blue", "green")

LOWEST_PORT = 1024
HIGHEST_PORT = 65535

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}", re.ASCII)
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_CONTAINER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}", re.ASCII)
_SERVER = re.compile(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})", re.ASCII)
_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+", re.ASCII)
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}", re.ASCII)
_DEPLOYMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(/[!-~]*)?", re.ASCII)
_DOCKER_HOST = re.compile(r"unix://((?:/[A-Za-z0-9._-]+)+)", re.ASCII)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(:[0-9]{1,5})?", re.ASCII)
_URL_PATH = re.compile(r"/[!-~]*", re.ASCII)

LOOPBACK = ("127.0.0.1", "[::1]")

LONGEST_PATH = 1024
LONGEST_URL = 2048
LONGEST_HOST = 255
LONGEST_NAME = 255


class Url(NamedTuple):
    """The parts of a URL; an IPv6 address stands in ``host`` without its brackets."""

    scheme: str
    host: str
    port: int
    path: str


def check_app(value, option="app"):
    return _check_name(option, value)


def check_upstream(option, value):
    return _check_name(option, value)


def _check_name(option, value):
    if not _is(_NAME, value):
        _refuse(option, value, "it must be a lower-case letter and then up to 47 lower-case letters, digits, - or _")
    if value == "localhost":
        # As the name of an upstream it would capture every proxy_pass http://localhost of the whole Nginx.
        _refuse(option, value, "that name means this machine to other programs. Choose another one")
    return value


def check_project(option, value):
    """A Compose project name."""
    if not _is(_PROJECT, value):
        _refuse(option, value, "a Compose project is named with lower-case letters, digits, - and _, at most 63 of them, "
                "and begins with a letter or a digit")
    return value


def check_service(option, value):
    """The name of a service of a Compose file."""
    if not _is(_SERVICE, value):
        _refuse(option, value, "a service is named with letters, digits, . _ and -, at most 128 of them, and does not begin "
                "with . or -")
    return value


def check_reference(option, value):
    """The id or the name of a container, as the engine takes it in a path of its own."""
    if not _is(_REFERENCE, value):
        _refuse(option, value, "a container goes by letters, digits, _, . and -, and begins with a letter or a digit")
    return value


def check_color(option, value):
    if not isinstance(value, str) or value not in COLORS:
        _refuse(option, value, "it must be blue or green")
    return value


def check_port(option, value):
    """A TCP port of this host that needs no privilege, as an int."""
    if isinstance(value, bool) or not isinstance(value, int) or not LOWEST_PORT <= value <= HIGHEST_PORT:
        _refuse(option, value, f"it must be a port from {LOWEST_PORT} to {HIGHEST_PORT}")
    return value


def check_container(option, value):
    """The name of a container; empty for none."""
    if value != "" and not _is(_CONTAINER, value):
        _refuse(option, value, "a container is named with letters, digits, _, . and -, and begins with a letter")
    return value


def _is_address(value):
    return value in LOOPBACK or (_CONTAINER.fullmatch(value) is not None and value != "localhost")


def check_server(option, value):
    """``address:port`` of a color as Nginx sees it; returns the pair."""
    match = _is(_SERVER, value)
    if not match or not _is_address(match.group(1)):
        _refuse(option, value, "it must be 127.0.0.1, [::1] or the name of a container, and a port, such as "
                "127.0.0.1:18001 or web-blue:8000")
    address, port = match.group(1), int(match.group(2))
    # Behind a container's name lies that container's own port, and images do listen on port 80.
    lowest = LOWEST_PORT if address in LOOPBACK else 1
    if not lowest <= port <= HIGHEST_PORT:
        _refuse(option, value, f"its port must be from {lowest} to {HIGHEST_PORT}")
    return address, port


def check_path(option, value):
    """An absolute path of a file or a folder."""
    if not _is(_PATH, value, LONGEST_PATH) or ".." in value:
        _refuse(option, value, "it must be an absolute path of letters, digits, . _ / and -, without .. and without "
                "a / at its end", LONGEST_PATH)
    return value


def check_release(value, option="release"):
    """A label of a release; empty where releases have none."""
    if value != "" and (not _is(_RELEASE, value) or ".." in value):
        _refuse(option, value, "it must begin with a letter or a digit, and go on with letters, digits and . _ : / @ + -, "
                "128 at most and without ..")
    return value


def release_label(release: str) -> str:
    """A release as a sentence names it: one without a label has none to name."""
    return release or "(none)"


def check_deployment_id(option, value):
    if not _is(_DEPLOYMENT_ID, value):
        _refuse(option, value, "it must be letters, digits and . _ -, 64 at most")
    return value


def check_env_name(option, value):
    """The name of an environment variable."""
    if not _is(_ENV_NAME, value, LONGEST_NAME):
        _refuse(option, value, "a variable is named with letters, digits and _, and does not begin with a digit", LONGEST_NAME)
    return value


def check_url(option, value):
    """An http or https URL; returns its :class:`Url`."""
    match = _is(_URL, value, LONGEST_URL)
    if not match:
        _refuse(option, value, "it must be http:// or https://, a host, maybe a port, and a path, such as "
                "http://127.0.0.1/health/", LONGEST_URL)
    scheme, host, port, path = match.groups()
    port = int(port or (443 if scheme == "https" else 80))
    if not 1 <= port <= HIGHEST_PORT:
        _refuse(option, value, f"its port must be from 1 to {HIGHEST_PORT}")
    return Url(scheme, host.strip("[]"), port, path or "/")


def check_host(option, value):
    """The value of a Host header; empty for the host of the URL."""
    if value != "" and not _is(_HOST, value, LONGEST_HOST):
        _refuse(option, value, "it must be a host name such as app.example.org, maybe with a port", LONGEST_HOST)
    return value


def check_url_path(option, value):
    """The path of a URL."""
    if not _is(_URL_PATH, value, LONGEST_URL):
        _refuse(option, value, "it must begin with / and hold no blanks, such as /health/", LONGEST_URL)
    return value


def check_docker_host(option, value):
    """Where the engine listens: ``unix://`` and the absolute path of its socket."""
    match = _is(_DOCKER_HOST, value, LONGEST_PATH)
    if not match or ".." in value:
        _refuse(option, value, "only an Engine on the same host can be used: write unix:// and the absolute path of its "
                "socket, such as unix:///var/run/docker.sock", LONGEST_PATH)
    return value


def check_both_colors(option, mapping):
    """One value for each color, and not the same one."""
    if not isinstance(mapping, dict):
        _refuse(option, mapping, "it must give each color, blue and green, a value of its own")
    for color in mapping:
        check_color(f"{option}.{color}", color)
    for color in COLORS:
        if mapping.get(color) is None:
            raise BluegreenError(f"{option} has no {color}: it must name both colors, blue and green.")
    if mapping["blue"] == mapping["green"]:
        raise BluegreenError(
            f"{option} gives both colors {mapping['blue']!r}: blue and green run side by side, so each needs its own."
        )
    return mapping


def one_line(text, longest):
    """Free text of a human or a program, such as who deploys and why it failed, as one line that is only ever shown.

    What could end a line, move the cursor of a terminal or turn the direction of writing becomes a blank.
    """
    line = " ".join(printable(str(text)).split())
    return line if len(line) <= longest else line[:longest - 1].rstrip() + "…"


def printable(text):
    """A text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _is(pattern, value, longest=None):
    """The match of a whole text, ``None`` for what is no text or too long."""
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        return None
    return pattern.fullmatch(value)


def _refuse(option, value, rule, longest=None):
    if isinstance(value, str) and longest is not None and len(value) > longest:
        rule = f"it has {len(value)} characters, and {longest} are the most"
    # Whoever reads the sentence knows a long value by its beginning.
    shown = repr(value)
    raise BluegreenError(f"{option} is {shown if len(shown) <= 200 else shown[:200] + '…'}, but {rule}.")
