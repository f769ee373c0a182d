# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source for ansible-rulebook: pushes to a branch at GitHub, one deployment at a time.

ansible.eda.webhook checks the signature too, but cannot take its place: it queues every push at once, and no rule can drop
one that is queued when a newer push comes, so each would be deployed in turn. It answers GitHub before anything is on the
disk, so a restart loses what waits, and it accepts a push that is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time

from aiohttp import web

# ansible-rulebook runs this file by its path, so that what it is made of is on no path of Python's.
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "module_utils"))

from github_delivery import MAX_BODY, Ignored, Refused, push_of
from github_files import Folder
from github_settings import settings_of
from github_turns import Turns

DOCUMENTATION = r"""
---
short_description: Receive pushes to a branch from GitHub, and let one at a time be deployed
description:
  - Listens for GitHub's webhook. A push counts when it is signed with the secret (HMAC with SHA-256) and goes to the
    branch. Everything else is refused or ignored, and the answer to GitHub says why.
  - No push is taken twice, also after a restart. The last 1000 are remembered by their delivery id and by their signature.
  - Sends one event at a time, C(event.github_push), with C(do), C(turn), C(answer), and for V(deploy) also C(commit),
    C(branch), C(repository) and C(delivery). When C(do) is V(deploy), the push is to be deployed; when it is V(look), the
    hosts are only to be looked at.
  - The last action of the rule has to write the file C(answer), as the playbook P(smallfleet.bluegreen.answer_webhook#playbook)
    does. While it says that a deployment is open on a host, the newest push waits, and each one before it is dropped with a
    line in the log. So is everything else that happens to a push.
requirements:
  - aiohttp, which comes with ansible-rulebook
options:
  host:
    description:
      - Address to listen on. TLS is for a reverse proxy in front of it.
    type: str
    default: 127.0.0.1
  port:
    description:
      - Port to listen on.
    type: int
    required: true
  path:
    description:
      - Path of the webhook.
    type: str
    default: /github
  secret_file:
    description:
      - File with the secret that was given to GitHub, which only its owner may read.
      - This or O(secret_env) is required.
    type: path
  secret_env:
    description:
      - Environment variable with the secret. The playbooks that are run see it too, a file they do not.
    type: str
  branch:
    description:
      - Branch of which pushes are deployed.
    type: str
    default: main
  repository:
    description:
      - Repository, as C(owner/name), of which pushes are deployed. Any that knows the secret when it is empty.
    type: str
    default: ""
  state_folder:
    description:
      - Folder for what has to survive a restart; made when it is not there. Each rulebook needs one of its own.
    type: path
    required: true
  interval:
    description:
      - Seconds between two looks at the hosts while a push waits.
    type: int
    default: 60
  answer_timeout:
    description:
      - Seconds after which a turn that was not answered is followed by a look. V(0) waits forever.
    type: int
    default: 7200
"""

EXAMPLES = r"""
- smallfleet.bluegreen.github_push:
    port: 5000
    secret_file: /etc/bluegreen-webhook/secret
    repository: example/shop
    state_folder: /var/lib/bluegreen-webhook
"""

BODIES_AT_ONCE = 16  # times MAX_BODY is what they can take up in memory
BODY_TIMEOUT = 10  # seconds, as long as GitHub waits
TICK = 0.5  # seconds between two looks for an answer

logger = logging.getLogger("smallfleet.bluegreen.github_push")
# What happens to a push belongs in the log, also where ansible-rulebook shows nothing below a warning.
logger.setLevel(logging.INFO)


async def main(queue, args):
    """Called by ansible-rulebook; ends when its task is canceled."""
    settings = settings_of(args)
    folder = Folder(settings["state_folder"])
    try:
        turns = Turns(settings["interval"], settings["answer_timeout"], folder.load())
        say(turns.resume())
        folder.store(turns.kept)
        runner = await serve(Webhook(settings, folder, turns), settings)
        try:
            await take_turns(queue, folder, turns)
        finally:
            await runner.cleanup()
    finally:
        folder.close()


def say(lines):
    for line in lines:
        logger.info("%s", line)


# GitHub's side


class Webhook:
    def __init__(self, settings, folder, turns):
        self._settings, self._folder, self._turns = settings, folder, turns
        self._bodies = asyncio.Semaphore(BODIES_AT_ONCE)

    async def receive(self, request):
        try:
            push = push_of(request.headers, await self._body(request), *self._wanted())
            said = self._accept(push)
        except Refused as refused:
            # GitHub shows this answer too, but the operator who has to fix the cause may read only this log.
            logger.warning("Refused a request: %s", refused.sentence)
            return web.Response(status=refused.status, text=refused.sentence + "\n")
        except Ignored as ignored:
            logger.info("Ignored a request: %s", ignored.sentence)
            return web.Response(text=ignored.sentence + "\n")
        say(said)
        return web.Response(status=202, text=said[0] + "\n")

    def _accept(self, push):
        """Accepted is what is on the disk."""
        before = self._turns.kept
        said = self._turns.offer(push)
        try:
            self._folder.store(self._turns.kept)
        except OSError as error:
            self._turns.kept = before
            raise Refused(503, f"The push of {push} cannot be kept in {self._folder.path}: {error.strerror}.") from error
        return said

    def _wanted(self):
        return self._settings["secret"], self._settings["branch"], self._settings["repository"]

    async def _body(self, request):
        async with self._bodies:
            try:
                return await asyncio.wait_for(request.read(), BODY_TIMEOUT)
            except web.HTTPRequestEntityTooLarge:
                raise Refused(413, f"The body is larger than {MAX_BODY} bytes; push fewer commits at once.") from None
            except asyncio.TimeoutError:
                raise Refused(408, f"The body did not come within {BODY_TIMEOUT} seconds.") from None


async def serve(webhook, settings):
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_post(settings["path"], webhook.receive)
    # Requests are told of by what they came to, not by a line of an access log.
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, settings["host"], settings["port"]).start()
    logger.info(
        "Listening on %s:%d%s for pushes to %s.", settings["host"], settings["port"], settings["path"], settings["branch"]
    )
    return runner


# The rulebook's side


async def take_turns(queue, folder, turns):
    while True:
        hosts = answered(folder, turns.kept.turn)
        if hosts is not None:
            said = turns.answer(hosts, time.monotonic())
            folder.store(turns.kept)
            say(said)
        turn = turns.next(time.monotonic())
        if turn:
            # On the disk before it begins: a push is deployed once at most.
            folder.store(turns.kept)
            if turn.push:
                logger.info("Deploying the push of %s.", turn.push)
            await queue.put({"github_push": event_of(turn, folder.answer)})
        await asyncio.sleep(TICK)


def answered(folder, turn):
    try:
        return folder.take_answer(turn)
    except ValueError as error:
        logger.error("%s", error)
        return None


def event_of(turn, answer):
    event = {"do": turn.kind, "turn": turn.number, "answer": answer}
    if turn.push:
        push = turn.push
        event.update(commit=push.commit, branch=push.branch, repository=push.repository, delivery=push.delivery)
    return event
