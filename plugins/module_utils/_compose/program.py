# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where Docker Compose is on this host, and how it is called.

It is a plugin of ``docker``, which starts its 60 MB twice, first to ask for its metadata: that is half of the cost of a
call on a Raspberry Pi. So it is called here directly, as ``docker`` itself would call it, unless the user has
configured other folders of plugins.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

# Where docker looks for system-wide plugins, in its order.
FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
NAME = "docker-compose"
# A plugin expects this variable when docker calls it.
_CALLED_BY = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"


class Program(NamedTuple):
    """How Compose is called.

    :ivar argv: the first words of each command line; the guard recognizes it by the word ``compose``.
    :ivar env: variables in addition to the module's own.
    :ivar path: the plugin's file, ``""`` when ``docker`` has to find it.
    """

    argv: list[str]
    env: dict[str, str]
    path: str


def find() -> Program:
    """Docker Compose of this host: the first plugin of that name, which ``docker`` would use, too."""
    own = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    for folder in (os.path.join(own, "cli-plugins"), *FOLDERS) if not _has_other_folders(own) else ():
        path = os.path.join(folder, NAME)
        if os.path.exists(path):
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return Program([path, "compose"], {_CALLED_BY: "docker"}, path)
            break
    return Program(["docker", "compose"], {}, "")


def _has_other_folders(own: str) -> bool:
    """Whether the user's configuration names other folders of plugins, or cannot be read."""
    try:
        with open(os.path.join(own, "config.json"), encoding="utf-8") as source:
            return "cliPluginsExtraDirs" in json.load(source)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def reason(stderr: str) -> str:
    """The last message of Compose, as the end of a sentence."""
    lines = [plain(line) for line in stderr.splitlines() if line.strip() and "level=warning" not in line]
    return (lines[-1] if lines else "it gave no reason").rstrip(".") + "."


def plain(line: str) -> str:
    """A line of Compose without the fields of its log format."""
    marker = 'msg="'
    if marker in line:
        line = line[line.index(marker) + len(marker):].rstrip().rstrip('"').replace('\\"', '"')
    return line.strip()
