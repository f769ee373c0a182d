# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host on which something went wrong has to say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from pi_host import LEDGER, PiHost

ASKED = {
    "journal": "cat /var/lib/bluegreen/shop/deployment.json",
    "folder": "ls -la /var/lib/bluegreen/shop; tail -n 3 /var/lib/bluegreen/shop/history.jsonl",
    "guard": "journalctl --no-pager -o short-precise -n 300 -u 'bluegreen-*'",
    "units": "systemctl list-units --all --no-pager --plain 'bluegreen-*'; systemctl list-timers --all --no-pager",
    "containers": "docker ps -a --no-trunc --format '{{.Names}} {{.Status}} {{.ID}}'",
    "nginx": "cat /etc/nginx/conf.d/bluegreen-shop.conf; nginx -t; tail -n 20 /var/log/nginx/error.log",
    "queues": "for c in blue green; do echo $c; docker exec shop-$c-redis-1 sh -c 'redis-cli --scan | head -50;"
              " redis-cli hlen unacked; redis-cli llen celery; redis-cli llen reports'; done",
    "worker": "for c in blue green; do docker logs --tail 40 shop-$c-worker-1; done",
    "web": "for c in blue green; do docker logs --tail 20 shop-$c-web-1; done",
    "docker": "journalctl --no-pager -n 60 -u docker",
}


def collected(pi: PiHost, begin: str, tasks: Iterable[str] = ()) -> str:
    """Return the text.

    :param tasks: ids of some tasks whose traces are wanted.
    """
    asked = dict(ASKED)
    if tasks:
        of_them = f"grep -E '{'|'.join(tasks)}'"
        # A worker that was killed between taking a message and noting that it has it: then only its log knows of it.
        asked["tasks"] = f"{of_them} {LEDGER}; for c in blue green; do docker logs shop-$c-worker-1 2>&1 | {of_them}; done"
    parts = [begin]
    for name, command in asked.items():
        with contextlib.suppress(Exception):
            parts.append(f"--- {name}\n{pi.exec(command, check=False).out}")
    return "\n".join(parts)
