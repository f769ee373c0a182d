# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._awx import Unknown, approver

HOST = "https://awx.example.com"
TOKEN = {"CONTROLLER_HOST": HOST, "CONTROLLER_OAUTH_TOKEN": "secret"}
NODES = "/api/v2/workflow_jobs/16/workflow_nodes/?order_by=id&page_size=200"


def step(number, kind, status="successful"):
    return {
        "summary_fields": {"job": {"id": number, "type": kind, "status": status}},
        "related": {"job": f"/api/v2/{kind}s/{number}/"},
    }


def approval(number, name):
    """Its address, and what AWX answers there."""
    by = {"approved_or_denied_by": {"id": 4, "username": name}} if name else {}
    return f"/api/v2/workflow_approvals/{number}/", {"summary_fields": by}


class Api:
    """Answers what it was given, and keeps how it was asked."""

    def __init__(self, *steps, **answers):
        self.answers = {NODES: {"results": list(steps)}, **answers}
        self.options = []

    def __call__(self, url, **options):
        self.options.append(options)
        assert url.startswith(HOST), url
        path = url[len(HOST):]
        if path not in self.answers:
            raise OSError("HTTP Error 403: Forbidden")
        return io.BytesIO(json.dumps(self.answers[path]).encode())


# As AWX lists steps that have no job yet, or never get one.
NONE = {"summary_fields": {}, "related": {}}


@pytest.mark.parametrize(
    "steps, approvals, found",
    [
        ([step(17, "job"), step(18, "workflow_approval"), NONE], {18: "bob"}, "bob"),
        # A workflow of the user's own, with two of them.
        ([step(17, "workflow_approval"), step(18, "workflow_approval")], {17: "ada", 18: "bob"}, "bob"),
        ([step(17, "workflow_approval"), step(18, "workflow_approval", "pending")], {17: "ada"}, "ada"),
    ],
)
def test_the_user_who_approved(steps, approvals, found):
    api = Api(*steps, **dict(approval(number, name) for number, name in approvals.items()))
    assert approver(16, TOKEN, api) == found
    assert {str(each["headers"]) for each in api.options} == {"{'Authorization': 'Bearer secret'}"}


@pytest.mark.parametrize(
    "environment, steps, approvals, reason",
    [
        ({}, [], {}, "the job has no credential of the kind Red Hat Ansible Automation Platform"),
        (TOKEN, [step(17, "job")], {}, "workflow 16 has no approval that was given"),
        (TOKEN, [step(17, "workflow_approval")], {17: ""}, "workflow 16 has no approval that was given"),
        (
            TOKEN,
            [step(17, "workflow_approval")],
            {},
            f"{HOST}/api/v2/workflow_approvals/17/: HTTP Error 403: Forbidden",
        ),
    ],
    ids=["no credential", "no approval", "nobody", "not allowed"],
)
def test_nobody_knows_who(environment, steps, approvals, reason):
    api = Api(*steps, **dict(approval(number, name) for number, name in approvals.items()))
    with pytest.raises(Unknown, match="^" + reason.replace(".", "[.]") + "$"):
        approver(16, environment, api)


def test_a_name_and_a_password_and_an_address_without_a_scheme():
    api = Api(step(17, "workflow_approval"), **dict([approval(17, "bob")]))
    environment = {
        "CONTROLLER_HOST": "awx.example.com", "CONTROLLER_USERNAME": "auditor", "CONTROLLER_PASSWORD": "secret",
        "CONTROLLER_VERIFY_SSL": "False",
    }  # fmt: skip
    assert approver(16, environment, api) == "bob"
    assert api.options[0] == {
        "timeout": 10, "validate_certs": False, "url_username": "auditor", "url_password": "secret",
        "force_basic_auth": True,
    }  # fmt: skip
