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
    """How AWX goes through the steps of a workflow, from the one that no other leads to."""

    number = 100

    def __init__(self, fleet, configured, name="shop release"):
        Workflow.number += 1
        self.number = Workflow.number
        self._fleet = fleet
        self._configured = configured
        self._steps = {}
        for module, arguments in configured.requests:
            if module == "workflow_job_template_node" and arguments["workflow_job_template"] == name:
                self._steps.setdefault(arguments["identifier"], {}).update(arguments)
        self._stats = {}
        self.jobs = {}
        self.status = ""

    def run(self, decide, **answers):
        """decide: called at the approval, says whether it is given; nobody's answer in time is as a denial."""
        led_to = {name for step in self._steps.values() for name in _after(step, "success") + _after(step, "failure")}
        (name,) = set(self._steps) - led_to
        while name:
            step = self._steps[name]
            if "approval_node" in step:
                good = decide()
            else:
                self.jobs[name] = job = self._launch(step["unified_job_template"], answers)
                good = job.status == SUCCESSFUL
            following = _after(step, "success" if good else "failure")
            # AWX: a failure that a step follows on is dealt with; the end of the path is what counts.
            self.status = SUCCESSFUL if good or following else FAILED
            name = following[0] if following else ""
        return self

    def _launch(self, name, answers):
        template = self._configured.named("job_template", name)
        variables = {**template["extra_vars"], **self._stats, **answers}
        job = self._fleet.run(template["playbook"], variables, template=name, workflow=self.number)
        stats = job.events("playbook_on_stats")
        self._stats.update(job.stats if stats else {})
        return job


def _after(step, how):
    return step.get(f"{how}_nodes", [])
