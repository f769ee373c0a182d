# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request to the webhook is: a push to deploy, something of no concern, or something to refuse.

Pure: bytes and headers in, a verdict out. What came in is named in a sentence only as ``ascii()`` shows it, and cut,
because these sentences go into a log.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import NamedTuple

MAX_BODY = 1024 * 1024

_DELIVERY = re.compile(r"[A-Za-z0-9-]{1,64}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
# Narrower than Git's own rule. Each part begins with a letter or digit, so there is no "..", and no option either.
_BRANCH = re.compile(r"(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEADS = "refs/heads/"


class Refused(Exception):
    """A request that nobody honest sends; ``status`` is HTTP's."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Ignored(Exception):
    """An honest request that is not about a push to the branch."""

    def __init__(self, sentence):
        super().__init__(sentence)
        self.sentence = sentence


class Push(NamedTuple):
    delivery: str
    signature: str
    repository: str
    branch: str
    commit: str
    pushed_at: int = 0  # seconds, by GitHub's clock; 0 when the sender did not say

    def __str__(self):
        return f"{self.commit[:12]} on {self.branch} (delivery {self.delivery})"


def is_branch(text):
    return isinstance(text, str) and _BRANCH.fullmatch(text) is not None


def is_repository(text):
    return isinstance(text, str) and _REPOSITORY.fullmatch(text) is not None


def push_of(headers, body, secret, branch, repository=""):
    """The push that a request tells of. Nothing of the body is read before its signature is proved.

    :raises Refused: it is not signed with the secret, or is malformed.
    :raises Ignored: it concerns another event, branch or repository.
    """
    signature = _proved(headers, body, secret)
    event = headers.get("X-GitHub-Event", "")
    if event != "push":
        raise Ignored(f"The event is {_shown(event)}; only push is deployed.")
    delivery = headers.get("X-GitHub-Delivery", "")
    if not _DELIVERY.fullmatch(delivery):
        raise Refused(400, f"The header X-GitHub-Delivery is {_shown(delivery)}; GitHub sends an id of letters, digits and dashes.")
    payload = _object(body)
    pushed = _name(payload.get("repository"), "full_name")
    if not is_repository(pushed):
        raise Refused(400, f"The payload's repository.full_name is {_shown(pushed)}; it has to be owner/name.")
    if repository and pushed.lower() != repository.lower():
        raise Ignored(f"The push is to the repository {pushed}; only those to {repository} are deployed.")
    ref = payload.get("ref")
    if isinstance(ref, str) and ref.startswith("refs/tags/"):
        raise Ignored(f"The push is of a tag; only those to the branch {branch} are deployed.")
    name = ref[len(_HEADS):] if isinstance(ref, str) and ref.startswith(_HEADS) else None
    if not is_branch(name):
        raise Refused(
            400,
            f"The payload's ref is {_shown(ref)}; it has to be refs/heads/ and a branch of at most 200 letters, digits, "
            "dots, dashes, underscores and slashes.",
        )
    if name != branch:
        raise Ignored(f"The push is to the branch {name}; only those to {branch} are deployed.")
    commit = payload.get("after")
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise Refused(400, f"The payload's after is {_shown(commit)}; it has to be a commit of 40 or 64 hexadecimal digits.")
    if payload.get("deleted") is True or not commit.strip("0"):
        raise Ignored(f"The push deletes the branch {name}; there is nothing to deploy.")
    return Push(delivery, signature, pushed, name, commit, _seconds(payload["repository"].get("pushed_at")))


def _proved(headers, body, secret):
    given = headers.get("X-Hub-Signature-256")
    if given is None:
        weak = " SHA-1 (X-Hub-Signature) is not enough." if "X-Hub-Signature" in headers else ""
        raise Refused(401, f"The request has no header X-Hub-Signature-256; set the secret of the webhook at GitHub.{weak}")
    right = hmac.new(secret, body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest takes no text beyond ASCII, and a header may have some.
    if not hmac.compare_digest(f"sha256={right}".encode(), given.encode("utf-8", "surrogateescape")):
        raise Refused(401, "The signature is wrong; the secret of the webhook at GitHub has to be the one of this service.")
    return right


def _object(body):
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise Refused(400, "The body is no JSON object; set the webhook's content type at GitHub to application/json.")
    return payload


def _name(value, key):
    return value.get(key) if isinstance(value, dict) else None


def _seconds(value):
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _shown(value):
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
