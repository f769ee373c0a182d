# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the webhook takes, ignores and refuses, asked over HTTP of a rulebook that runs."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from service import ROOT, SECRET, Service, commit, headers_of, payload

PUSH = payload(commit(1))
TOO_LARGE = payload(commit(1), padding="x" * 1024 * 1024)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = Service(tmp_path_factory.mktemp("requests"))
    try:
        yield made.start().listening()
    finally:
        made.stop()


@pytest.mark.parametrize("status, words, body, headers", [
    (401, "signature is wrong", PUSH, headers_of(PUSH, secret="f" * 32)),
    (401, "has no header X-Hub-Signature-256", PUSH, headers_of(PUSH, **{"X-Hub-Signature-256": None})),
    (401, "SHA-1 (X-Hub-Signature) is not enough", PUSH,
     headers_of(PUSH, **{"X-Hub-Signature-256": None, "X-Hub-Signature": "sha1=" + "a" * 40})),
    (200, "The event is 'ping'", b'{"zen": "Design for failure."}', headers_of(b'{"zen": "Design for failure."}', event="ping")),
    (401, "signature is wrong", b'{"zen": ""}', headers_of(PUSH, event="ping")),
    (400, "no JSON object", b"payload=%7B%7D", headers_of(b"payload=%7B%7D")),
    (400, "no JSON object", b'["a"]', headers_of(b'["a"]')),
    pytest.param(413, "larger than 1048576 bytes", TOO_LARGE, headers_of(TOO_LARGE), id="more than 1 MiB"),
])
def test_what_is_no_signed_push(service, status, words, body, headers):
    refused(service, service.send(body, headers), status, words)


@pytest.mark.parametrize("status, words, changes", [
    (200, "The push is to the branch dev; only those to main are deployed", {"ref": "refs/heads/dev"}),
    (200, "of a tag", {"ref": "refs/tags/v1"}),
    (200, "deletes the branch main", {"after": "0" * 40, "deleted": True}),
    (200, "The push is to the repository example/fork", {"repository": {"full_name": "example/fork"}}),
    (400, "The payload's ref is 'refs/heads/$(id)'", {"ref": "refs/heads/$(id)"}),
    (400, "The payload's after is '{{ 1 }}'", {"after": "{{ 1 }}"}),
])
def test_a_push_that_is_none_of_ours(service, status, words, changes):
    refused(service, service.push(commit(1), **changes), status, words)


def refused(service, answer, status, words):
    assert answer[0] == status
    assert words in answer[1] and "\n" not in answer[1].rstrip("\n")
    state = json.loads(open(os.path.join(service.folder, "state", "state.json"), encoding="utf-8").read())
    assert (state["turn"], state["pending"], state["seen"]) == (0, None, [])
    assert service.lines(answer[1].strip()), "nothing in the log"


def test_another_path(service):
    assert service.send(PUSH, headers_of(PUSH), path="/")[0] == 404


def test_a_body_in_pieces_has_the_same_limit(service):
    pieces = (b"x" * 65536 for _piece in range(17))
    assert service.send(pieces, headers_of(b""))[0] == 413  # with no length of the body told


def test_the_push_of_the_manual_is_deployed_and_a_replay_is_not(service, tmp_path):
    """docs/webhook/push.sh pushes as GitHub does, for a CI that builds an image first."""
    script = os.path.join(ROOT, "docs", "webhook", "push.sh")
    env = {
        **os.environ, "WEBHOOK_URL": f"http://127.0.0.1:{service.port}/github", "WEBHOOK_SECRET": SECRET,
        "GITHUB_REPOSITORY": "example/shop", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": commit(1),
    }
    sent = subprocess.run([script], env=env, capture_output=True, text=True, check=False, timeout=30)
    assert sent.returncode == 0, sent.stderr
    assert f"Accepted the push of {commit(1)[:12]}" in sent.stdout
    service.wait_for("The run for the push of")
    begun = [entry for entry in service.record() if entry["what"] == "begin"]
    assert sorted(entry["host"] for entry in begun) == ["pi1", "pi2"]
    # ansible-rulebook would have made a number of this commit, and a terminal would have been asked.
    assert {(entry["release"], entry["approval"], entry["runner"]) for entry in begun} == {(commit(1), "manual", True)}

    body = payload(commit(2))
    headers = headers_of(body)
    assert service.send(body, headers)[0] == 202
    for again in (headers, {**headers, "X-GitHub-Delivery": "another-id"}):
        status, text = service.send(body, again)
        assert (status, "was accepted before; none is deployed twice" in text) == (200, True)
    other = payload(commit(3))
    status, text = service.send(other, headers_of(other, delivery=headers["X-GitHub-Delivery"]))
    assert (status, "was accepted before" in text) == (200, True)


def test_the_secret_is_nowhere(service):
    assert SECRET not in service.log()
    with open(f"/proc/{service.process.pid}/cmdline", encoding="utf-8") as line:
        assert SECRET not in line.read()


def test_a_mistake_in_the_settings_ends_it_with_one_sentence(tmp_path):
    made = Service(tmp_path, webhook_branch="main branch")
    try:
        made.start()
        assert made.process.wait(60) != 0
        assert made.lines("branch 'main branch' has to be a branch's name, such as main or release/2.")
    finally:
        made.stop()
