# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from github_delivery import Ignored, Push, Refused, is_branch, is_repository, push_of

SECRET = b"0123456789abcdef"
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
PAYLOAD = {
    "ref": "refs/heads/main", "after": COMMIT, "deleted": False,
    "repository": {"full_name": "example/shop", "pushed_at": 1764100000},
}


def signature(body, secret=SECRET, algorithm=hashlib.sha256):
    return hmac.new(secret, body, algorithm).hexdigest()


def read(body=None, headers=None, only="example/shop", **changes):
    body = json.dumps({**PAYLOAD, **changes}).encode() if body is None else body
    given = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={signature(body)}",
        **(headers or {}),
    }
    return push_of({name: value for name, value in given.items() if value is not None}, body, SECRET, "main", only)


def test_a_signed_push_to_the_branch_is_one():
    body = json.dumps(PAYLOAD).encode()
    assert read(body) == Push(
        "72d3162e-cc78-11e3-81ab-4c9367dc0958", signature(body), "example/shop", "main", COMMIT, 1764100000
    )


def test_the_signature_is_that_of_githubs_own_example():
    # From GitHub's page on validating deliveries: secret, payload and what has to come out.
    body = b"Hello, World!"
    headers = {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    with pytest.raises(Ignored):  # so the signature was right
        push_of(headers, body, b"It's a Secret to Everybody", "main")


@pytest.mark.parametrize("given, words", [
    (None, "set the secret of the webhook at GitHub"),
    ("", "signature is wrong"),
    ("sha256=", "signature is wrong"),
    (f"sha256={'0' * 64}", "signature is wrong"),
    (f"sha256={signature(json.dumps(PAYLOAD).encode(), b'another secret')}", "signature is wrong"),
    (signature(json.dumps(PAYLOAD).encode()), "signature is wrong"),  # without its prefix
    (f"sha1={signature(json.dumps(PAYLOAD).encode(), algorithm=hashlib.sha1)}", "signature is wrong"),
    ("sha256=\udcff\u00e9", "signature is wrong"),
])
def test_what_is_not_signed_is_refused_before_anything_is_read(given, words):
    with pytest.raises(Refused, match=words) as refused:
        read(headers={"X-Hub-Signature-256": given, "X-GitHub-Event": "ping"})
    assert refused.value.status == 401


def test_sha1_alone_is_named():
    with pytest.raises(Refused, match="SHA-1 .X-Hub-Signature. is not enough") as refused:
        read(headers={"X-Hub-Signature-256": None, "X-Hub-Signature": "sha1=0"})
    assert refused.value.status == 401


@pytest.mark.parametrize("body", [
    b"", b"[]", b"null", b'"text"', b"payload=%7B%7D", b"{", b'{"ref": "\xff"}', b"\xff\xfe", b"[" * 100000, b"1" * 5000,
])
def test_a_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(Refused, match="no JSON object; set the webhook's content type at GitHub to application/json") as refused:
        read(body)
    assert refused.value.status == 400


@pytest.mark.parametrize("changes, words", [
    ({"ref": "refs/heads/../main"}, "ref is 'refs/heads/../main'; it has to be"),
    ({"ref": "refs/heads/main\nmain"}, r"ref is 'refs/heads/main\\nmain'; it has to be"),
    ({"ref": "refs/heads/-rf"}, "it has to be refs/heads/"),
    ({"ref": "refs/heads/a b"}, "it has to be refs/heads/"),
    ({"ref": "refs/heads/{{ lookup('pipe', 'id') }}"}, "it has to be refs/heads/"),
    ({"ref": "refs/heads/" + "a" * 201}, r"aaa…; it has to be refs/heads/"),
    ({"ref": "refs/heads/"}, "it has to be refs/heads/"),
    ({"ref": "main"}, "ref is 'main'"),
    ({"ref": None}, "ref is None"),
    ({"ref": ["refs/heads/main"]}, "ref is "),
    ({"after": COMMIT[:39]}, "it has to be a commit of 40 or 64"),
    ({"after": COMMIT.upper()}, "it has to be a commit of 40 or 64"),
    ({"after": COMMIT + "\n"}, "it has to be a commit of 40 or 64"),
    ({"after": int(10 ** 39)}, "it has to be a commit of 40 or 64"),
    ({"after": None}, "after is None"),
    ({"repository": None}, "it has to be owner/name"),
    ({"repository": {"full_name": "../shop"}}, "it has to be owner/name"),
    ({"repository": {"full_name": "a/b/c"}}, "it has to be owner/name"),
    ({"repository": "example/shop"}, "it has to be owner/name"),
])
def test_a_name_outside_the_grammar_is_refused(changes, words):
    with pytest.raises(Refused, match=words) as refused:
        read(**changes)
    assert refused.value.status == 400
    assert "\n" not in refused.value.sentence


@pytest.mark.parametrize("delivery", [None, "", "a b", "a\r\nSet-Cookie: b", "x" * 65])
def test_a_delivery_id_outside_the_grammar_is_refused(delivery):
    with pytest.raises(Refused, match="X-GitHub-Delivery") as refused:
        read(headers={"X-GitHub-Delivery": delivery})
    assert refused.value.status == 400
    assert "\n" not in refused.value.sentence


@pytest.mark.parametrize("changes, words", [
    ({"headers": {"X-GitHub-Event": "ping"}}, "event is 'ping'; only push"),
    ({"headers": {"X-GitHub-Event": None}}, "event is ''; only push"),
    ({"ref": "refs/heads/dev"}, "to the branch dev; only those to main"),
    ({"ref": "refs/heads/Main"}, "to the branch Main"),
    ({"ref": "refs/tags/v1"}, "of a tag"),
    ({"after": "0" * 40, "deleted": True}, "deletes the branch main"),
    ({"after": "0" * 40}, "deletes the branch main"),
    ({"deleted": True}, "deletes the branch main"),
    ({"repository": {"full_name": "example/fork"}}, "to the repository example/fork; only those to example/shop"),
])
def test_what_does_not_concern_the_branch_is_ignored(changes, words):
    with pytest.raises(Ignored, match=words):
        read(**changes)


def test_without_a_repository_each_that_knows_the_secret_counts():
    assert read(only="").repository == "example/shop"


def test_repositories_are_compared_as_github_does():
    assert read(only="Example/Shop").repository == "example/shop"


@pytest.mark.parametrize("pushed_at, seconds", [(None, 0), ("2026-11-25T20:00:00Z", 0), (-5, 0), (True, 0), (12, 12)])
def test_only_seconds_count_as_a_time(pushed_at, seconds):
    body = json.dumps({**PAYLOAD, "repository": {"full_name": "example/shop", "pushed_at": pushed_at}}).encode()
    assert read(body).pushed_at == seconds


def test_a_commit_of_sha256_is_one():
    assert read(after="a" * 64).commit == "a" * 64


@pytest.mark.parametrize("name", ["main", "1.10", "release/2.0", "a" * 200, "Feature_x-1/y"])
def test_branches(name):
    assert is_branch(name)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "a/.b", "..", "a..b/../c", "ä", "a@{1}", "a~1", "a:b", "a*", "a\n", 1, None])
def test_no_branches(name):
    assert not is_branch(name)


@pytest.mark.parametrize("name", ["", "shop", "/shop", "example/", "example/shop/x", "-a/b", "a/b c", 5])
def test_no_repositories(name):
    assert not is_repository(name)
