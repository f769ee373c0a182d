"""What the init services of this shape do: each ends well only if the workers of the other color work, or have stopped, as
they have to while it runs; and it notes that it ran.

collect    runs before the stop, with less than the usual CPU weight, and needs the Redis of its own color, although no depends_on says so
migrate    runs after the stop
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path

RELEASE = os.environ["SHOP_RELEASE"]
OTHER = {"blue": "green", "green": "blue"}[os.environ["BG_COLOR"]]
# Both processes of the old worker may be busy for so long with the tasks that they have in hand.
BEGINS_WITHIN = 40.0
NOBODY_FOR = 2.0
# Where a container finds its own CPU weight, and what it is where nobody has changed it: version 2 of control groups, and 1.
WEIGHTS = (("/sys/fs/cgroup/cpu.weight", 100), ("/sys/fs/cgroup/cpu/cpu.shares", 1024))


def begun_by_other(since):
    """Whether a worker of the other color has begun a task since then."""
    with open("/ledger/ledger.jsonl", encoding="utf-8") as ledger:
        events = [json.loads(line) for line in ledger if line.endswith("\n")]
    return any(each["event"] == "started" and each["color"] == OTHER and each["time"] > since for each in events)


def has_less_of_the_cpu():
    return any(int(Path(path).read_text("ascii")) < usual for path, usual in WEIGHTS if os.path.exists(path))


def collect():
    if not has_less_of_the_cpu():
        sys.exit("It has the usual CPU weight.")
    with socket.create_connection(("redis", 6379), timeout=5) as redis:
        redis.sendall(b"PING\r\n")
        if redis.recv(16) != b"+PONG\r\n":
            sys.exit("The Redis of this color does not answer.")
    since = time.time()
    while not begun_by_other(since):
        if time.time() > since + BEGINS_WITHIN:
            sys.exit(f"No worker of {OTHER} began a task within {BEGINS_WITHIN:g} s.")
        time.sleep(0.5)


def migrate():
    since = time.time()
    time.sleep(NOBODY_FOR)
    if begun_by_other(since):
        sys.exit(f"A worker of {OTHER} began a task.")


def main():
    # Release 1 is started by its owner, and there is no other color yet.
    if RELEASE != "1":
        {"collect": collect, "migrate": migrate}[sys.argv[1]]()
    with open("/ledger/init", "a", encoding="utf-8") as noted:
        noted.write(f"{sys.argv[1]} {RELEASE}\n")


if __name__ == "__main__":
    main()
