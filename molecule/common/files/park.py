# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages in a queue that no worker reads, so that a move takes a while and each of them can be found afterwards.

park.py put COLOR COUNT   publishes them; the app makes the first one, and the others differ from it in their ids
park.py count COLOR       one JSON object: how many of them the color's Redis has, lacks and has twice
"""

import collections
import json
import subprocess
import sys
import uuid

QUEUE = "parked"
KEPT = "/srv/parked.json"
PUBLISH = f"from shop import tasks; print(tasks.work.apply_async(('sleep', 0), queue='{QUEUE}').id)"


def docker(*arguments, given=None):
    return subprocess.run(["docker", *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout


def redis(color, *words, given=None):
    return docker("exec", "--interactive", f"shop-{color}-redis-1", "redis-cli", *words, given=given)


def parked(color):
    return redis(color, "LRANGE", QUEUE, "0", "-1").decode().splitlines()


def put(color, count):
    redis(color, "DEL", QUEUE)
    task = docker("exec", f"shop-{color}-web-1", "python3", "-c", PUBLISH).decode().strip()
    (first,) = parked(color)
    tag = json.loads(first)["properties"]["delivery_tag"]
    messages = [first]
    messages += [
        first.replace(task, str(uuid.uuid4())).replace(tag, str(uuid.uuid4())) for _unused in range(count - 1)
    ]
    commands = "".join(
        "*3\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in ("LPUSH", QUEUE, message)) for message in messages[1:]
    )
    redis(color, "--pipe", given=commands.encode())
    with open(KEPT, "w", encoding="utf-8") as file:
        json.dump(messages, file)


def count(color):
    with open(KEPT, encoding="utf-8") as file:
        wanted = set(json.load(file))
    found = collections.Counter(parked(color))
    print(json.dumps({
        "here": len(found),
        "missing": len(wanted - set(found)),
        "others": len(set(found) - wanted),
        "doubled": sum(1 for times in found.values() if times > 1),
    }))


if sys.argv[1] == "put":
    put(sys.argv[2], int(sys.argv[3]))
else:
    count(sys.argv[2])
