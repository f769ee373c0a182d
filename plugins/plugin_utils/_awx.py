# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Who approved in a workflow of AWX: a job is told only who launched the workflow, but the API knows."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping
from urllib.parse import urljoin

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.module_utils.urls import open_url

# Seconds. The approval is recorded without a name rather than late.
TIMEOUT = 10


class Unknown(Exception):
    """AWX does not say who approved; the reason is the text."""


def approver(workflow: int, environment: Mapping[str, str], get: Callable[..., Any] = open_url) -> str:
    """Name of the user who approved in a workflow.

    :param workflow: number of the workflow job.
    :param environment: with ``CONTROLLER_HOST`` and ``CONTROLLER_OAUTH_TOKEN``, or ``_USERNAME`` and ``_PASSWORD``, as
        a credential of the kind Red Hat Ansible Automation Platform sets them.
    :raises Unknown: AWX cannot be asked, or does not know.
    """
    address = environment.get("CONTROLLER_HOST", "")
    if not address:
        raise Unknown("the job has no credential of the kind Red Hat Ansible Automation Platform")
    if "://" not in address:
        address = f"https://{address}"
    access = _access(environment)

    def ask(path: str) -> Any:
        try:
            with get(urljoin(address, path), timeout=TIMEOUT, **access) as answer:
                return json.loads(answer.read())
        # Each library below raises its own.
        except Exception as error:
            raise Unknown(f"{urljoin(address, path)}: {to_text(error)}") from error

    # After several approvals, the last one counts.
    for step in reversed(ask(f"/api/v2/workflow_jobs/{workflow}/workflow_nodes/?order_by=id&page_size=200")["results"]):
        job = step.get("summary_fields", {}).get("job", {})
        if job.get("type") == "workflow_approval" and job.get("status") == "successful":
            user = ask(step["related"]["job"]).get("summary_fields", {}).get("approved_or_denied_by", {})
            if user.get("username"):
                return str(user["username"])
    raise Unknown(f"workflow {workflow} has no approval that was given")


def _access(environment: Mapping[str, str]) -> dict[str, Any]:
    """The options of ``open_url`` for the credential."""
    verify = environment.get("CONTROLLER_VERIFY_SSL") or "true"
    access: dict[str, Any] = {"validate_certs": boolean(verify, strict=False)}
    token = environment.get("CONTROLLER_OAUTH_TOKEN")
    if token:
        return {**access, "headers": {"Authorization": f"Bearer {token}"}}
    return {
        **access,
        "url_username": environment.get("CONTROLLER_USERNAME", ""),
        "url_password": environment.get("CONTROLLER_PASSWORD", ""),
        "force_basic_auth": True,
    }
