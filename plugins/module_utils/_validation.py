# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which names, addresses and paths are accepted.

Accepted values are written into files of Nginx and systemd, and passed to programs. Nginx itself does not protect:
``nginx -t`` accepts a server address that closes the block and opens one of its own. So only values that are known to
be harmless are accepted, and every refusal names the option, the value and the way out.

Every ``check_`` function returns the value that it accepted. It raises :class:`BluegreenError` for any other value,
also for one of a wrong type.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

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
_PATH = re.compile(r"(?!.*\.\.)(/[A-Za-z0-9._-]+)+", re.ASCII)
_RELEASE = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}", re.ASCII)
_DEPLOYMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(/[!-~]*)?", re.ASCII)
_DOCKER_HOST = re.compile(r"(?!.*\.\.)unix://((?:/[A-Za-z0-9._-]+)+)", re.ASCII)
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


def check_app(value: Any, option: str = "app") -> str:
    """The name of an app."""
    return _name(option, value)


def check_upstream(option: str, value: Any) -> str:
    """The name of an upstream of Nginx."""
    return _name(option, value)


def _name(option: str, value: Any) -> str:
    rule = "it must be a lower-case letter, followed by up to 47 lower-case letters, digits, - or _"
    name = _matched(_NAME, option, value, rule)
    if name == "localhost":
        # As the name of an upstream it would capture every proxy_pass http://localhost of the whole Nginx.
        raise _refusal(option, value, "that name means this machine to other programs. Choose another one")
    return name


def check_project(option: str, value: Any) -> str:
    """A Compose project name."""
    return _matched(
        _PROJECT,
        option,
        value,
        "the name of a Compose project must begin with a lower-case letter or a digit, followed by lower-case letters, "
        "digits, - and _, at most 63 characters in all",
    )


def check_service(option: str, value: Any) -> str:
    """The name of a service of a Compose file."""
    return _matched(
        _SERVICE,
        option,
        value,
        "the name of a service must begin with a letter, a digit or _, followed by letters, digits, . _ and -, at most "
        "128 characters in all",
    )


def check_reference(option: str, value: Any) -> str:
    """The id or the name of a container, which the engine takes as a part of a path."""
    rule = "the id or name of a container must begin with a letter or a digit, followed by letters, digits, _, . and -"
    return _matched(_REFERENCE, option, value, rule)


def check_color(option: str, value: Any) -> str:
    """A color."""
    if isinstance(value, str) and value in COLORS:
        return value
    raise _refusal(option, value, "it must be blue or green")


def check_port(option: str, value: Any) -> int:
    """A TCP port of this host that needs no privilege."""
    if isinstance(value, int) and not isinstance(value, bool) and LOWEST_PORT <= value <= HIGHEST_PORT:
        return value
    raise _refusal(option, value, f"it must be a port from {LOWEST_PORT} to {HIGHEST_PORT}")


def check_container(option: str, value: Any) -> str:
    """The name of a container; empty for none."""
    rule = "the name of a container must begin with a letter, followed by letters, digits, _, . and -"
    return "" if value == "" else _matched(_CONTAINER, option, value, rule)


def check_server(option: str, value: Any) -> tuple[str, int]:
    """``address:port`` of a color as Nginx sees it.

    :returns: address and port.
    """
    rule = "it must be 127.0.0.1, [::1] or a container's name, and a port, such as 127.0.0.1:18001 or web-blue:8000"
    address, digits = _match(_SERVER, option, value, rule).groups()
    if address not in LOOPBACK and (not _CONTAINER.fullmatch(address) or address == "localhost"):
        raise _refusal(option, value, rule)
    port = int(digits)
    # A container has ports of its own, and images do listen on port 80.
    lowest = LOWEST_PORT if address in LOOPBACK else 1
    if not lowest <= port <= HIGHEST_PORT:
        raise _refusal(option, value, f"its port must be from {lowest} to {HIGHEST_PORT}")
    return address, port


def check_path(option: str, value: Any) -> str:
    """An absolute path of a file or a folder."""
    return _matched(
        _PATH,
        option,
        value,
        "it must be an absolute path of letters, digits, . _ / and -, without .. and without a / at the end",
        LONGEST_PATH,
    )


def check_nginx_file(option: str, value: Any) -> str:
    """A path of a file that Nginx includes."""
    path = check_path(option, value)
    if not path.endswith(".conf"):
        raise _refusal(option, value, "its name must end in .conf, because Nginx includes only such files")
    return path


def check_release(value: Any, option: str = "release") -> str:
    """A label of a release; empty where releases have none."""
    rule = (
        "it must begin with a letter or a digit, followed by letters, digits and . _ : / @ + -, at most 128 characters "
        "in all, and must not contain .."
    )
    return "" if value == "" else _matched(_RELEASE, option, value, rule)


def release_label(release: str) -> str:
    """A release as a sentence names it: one without a label has none to name."""
    return release or "(none)"


def check_deployment_id(option: str, value: Any) -> str:
    """The id of a deployment."""
    rule = "it must begin with a letter or a digit, followed by letters, digits and . _ -, at most 64 characters in all"
    return _matched(_DEPLOYMENT_ID, option, value, rule)


def check_env_name(option: str, value: Any) -> str:
    """The name of an environment variable."""
    rule = "the name of a variable must begin with a letter or _, followed by letters, digits and _"
    return _matched(_ENV_NAME, option, value, rule, LONGEST_NAME)


def check_url(option: str, value: Any) -> Url:
    """An http or https URL."""
    rule = "it must be http:// or https://, a host, optionally a port, and a path, such as http://127.0.0.1/health/"
    scheme, host, digits, path = _match(_URL, option, value, rule, LONGEST_URL).groups()
    port = int(digits or (443 if scheme == "https" else 80))
    if not 1 <= port <= HIGHEST_PORT:
        raise _refusal(option, value, f"its port must be from 1 to {HIGHEST_PORT}")
    return Url(scheme, host.strip("[]"), port, path or "/")


def check_host(option: str, value: Any) -> str:
    """The value of a Host header; empty for the host of the URL."""
    rule = "it must be a host name, optionally with a port, such as app.example.org or app.example.org:8080"
    return "" if value == "" else _matched(_HOST, option, value, rule, LONGEST_HOST)


def check_url_path(option: str, value: Any) -> str:
    """The path of a URL."""
    rule = "it must begin with / and consist of ASCII characters without spaces, such as /health/"
    return _matched(_URL_PATH, option, value, rule, LONGEST_URL)


def check_docker_host(option: str, value: Any) -> str:
    """The address of the engine: ``unix://`` and the absolute path of its socket."""
    return _matched(
        _DOCKER_HOST,
        option,
        value,
        "only an Engine on the same host can be used: write unix:// and the absolute path of its socket, such as "
        "unix:///var/run/docker.sock",
        LONGEST_PATH,
    )


def check_both_colors(option: str, mapping: Any) -> dict[str, Any]:
    """A mapping of each color to a value of its own.

    The values themselves are not checked.
    """
    if not isinstance(mapping, dict):
        raise _refusal(option, mapping, "it must give each color, blue and green, a value of its own")
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


def one_line(text: object, longest: int) -> str:
    """A free text of a person or a program, such as the reason of a rollback, as one line for people to read.

    Characters that could end a line, move the cursor of a terminal or turn the direction of writing become blanks.

    :param longest: length in characters at which it is cut off.
    """
    line = " ".join(printable(str(text)).split())
    return line if len(line) <= longest else line[:longest - 1].rstrip() + "…"


def printable(text: str) -> str:
    """A text with blanks in place of all control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _matched(pattern: re.Pattern[str], option: str, value: Any, rule: str, longest: Optional[int] = None) -> str:
    """The value, if it is a string that the pattern matches as a whole."""
    return _match(pattern, option, value, rule, longest).group()


def _match(
    pattern: re.Pattern[str], option: str, value: Any, rule: str, longest: Optional[int] = None
) -> re.Match[str]:
    match = None
    if isinstance(value, str) and (longest is None or len(value) <= longest):
        match = pattern.fullmatch(value)
    if match is None:
        raise _refusal(option, value, rule, longest)
    return match


def _refusal(option: str, value: Any, rule: str, longest: Optional[int] = None) -> BluegreenError:
    if isinstance(value, str) and longest is not None and len(value) > longest:
        rule = f"it is {len(value)} characters long, and the limit is {longest}"
    # The beginning is enough to recognize a long value.
    shown = repr(value)
    return BluegreenError(f"{option} is {shown if len(shown) <= 200 else shown[:200] + '…'}, but {rule}.")
