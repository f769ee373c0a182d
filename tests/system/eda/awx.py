# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for AWX, whose server is on no registry: the four requests by which ansible-rulebook runs a workflow."""

from __future__ import annotations

from contextlib import contextmanager

from awx_api import served

TEMPLATE = {
    "id": 7, "type": "workflow_job_template", "name": "shop release",
    "summary_fields": {"organization": {"name": "Shop"}},
    "related": {"launch": "/api/v2/workflow_job_templates/7/launch/"},
    "ask_limit_on_launch": False, "ask_labels_on_launch": False, "ask_inventory_on_launch": False,
    # As awx/configure.yml makes it: a survey asks for the release.
    "ask_variables_on_launch": False,
}


class AWX:
    def __init__(self):
        self.launched = []  # what each workflow was started with
        self.statuses = []  # how each of them is

    def get(self, path, query):
        return 200, {
            "/api/v2/config/": lambda: {"version": "24.6.1"},
            "/api/v2/unified_job_templates/": lambda: {
                "results": [TEMPLATE] if query["name"] == [TEMPLATE["name"]] else [], "next": None,
            },
            "/api/v2/workflow_jobs/": lambda: {"results": [self._job(int(number)) for number in query["id__in"][0].split(",")]},
        }[path]()

    def post(self, path, body):
        if path != TEMPLATE["related"]["launch"]:
            raise KeyError(path)
        self.launched.append(body)
        self.statuses.append("running")
        return 200, self._job(len(self.launched))

    def _job(self, number):
        url = f"/api/v2/workflow_jobs/{number}/"
        return {"id": number, "url": url, "status": self.statuses[number - 1], "created": "2026-11-25T20:00:00Z"}


@contextmanager
def running():
    """(AWX, its address)"""
    awx = AWX()
    with served(awx) as address:
        yield awx, f"{address}/api/"
