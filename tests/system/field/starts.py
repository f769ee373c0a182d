# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when containers run, and which of them somebody made or started anew. Pure but for the command."""

from __future__ import annotations

COMMAND = (
    "docker ps -q --no-trunc | sort | xargs -r docker inspect --format '{{.Id}} {{.Name}} {{.State.StartedAt}} {{.RestartCount}}'"
)


def touched(before, after):
    """Names of containers that are there only before or after, or were started in between. What restarts by itself is counted
    by the engine, and is nobody's doing.

    :param before: what COMMAND printed, and so is after.
    """
    then, now = _by_id(before), _by_id(after)
    names = {each[0] for key in set(then) ^ set(now) for each in (then.get(key) or now[key],)}
    for key in set(then) & set(now):
        (name, started, restarts), (_name, started_now, restarts_now) = then[key], now[key]
        if started != started_now and restarts == restarts_now:
            names.add(name)
    return sorted(name.lstrip("/") for name in names)


def _by_id(text):
    return {words[0]: words[1:] for words in map(str.split, text.splitlines()) if len(words) == 4}
