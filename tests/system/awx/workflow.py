# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow that configure.yml makes, gone through as AWX does: its job templates are run by ansible-runner.

What a job gets is what AWX gives it, each over the one before: the variables of its template, the stats of the jobs before
it, the answers to the workflow's survey.
"""

from __future__ import annotations

SUCCESSFUL, FAILED = "successful", "failed"


class Workflow:
    def __init__(self, fleet, configured, name="shop release"):
        self._fleet = fleet
        self._configured = configured
        self._nodes = {node["identifier"]: node for node in configured.named("workflow_job_template", name)["workflow_nodes"]}
        self._stats = {}
        self.jobs = {}
        self.status = ""

    def run(self, decide, **answers):
        """decide: called at the approval, says whether it is given; nobody's answer in time is as a denial."""
        before = {name for node in self._nodes.values() for name in _after(node, "success") + _after(node, "failure")}
        (name,) = set(self._nodes) - before
        while name:
            node = self._nodes[name]
            template = node["unified_job_template"]
            if template["type"] == "workflow_approval":
                good = decide()
            else:
                self.jobs[name] = job = self._launch(template["name"], answers)
                good = job.status == SUCCESSFUL
            following = _after(node, "success" if good else "failure")
            # AWX: a failure that a node follows on is dealt with; the end of the path is what counts.
            self.status = SUCCESSFUL if good or following else FAILED
            name = following[0] if following else ""
        return self

    def _launch(self, name, answers):
        template = self._configured.named("job_template", name)
        job = self._fleet.run(template["playbook"], {**template["extra_vars"], **self._stats, **answers})
        stats = job.events("playbook_on_stats")
        self._stats.update(job.stats if stats else {})
        return job


def _after(node, how):
    return [each["identifier"] for each in node.get("related", {}).get(f"{how}_nodes", [])]
