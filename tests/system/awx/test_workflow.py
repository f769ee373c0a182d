# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow of awx/configure.yml from its survey to its end, with every answer to the approval."""

from __future__ import annotations

from fleet import WHOLE, WITHOUT_WORKERS
from test_jobs import another, other
from workflow import Workflow

# The jobs before the approval.
ASKED = {"deploy": "successful", "needs_approval": "successful"}


def statuses(workflow):
    return {name: job.status for name, job in workflow.jobs.items()}


def told(workflow):
    return "\n".join(job.text for job in workflow.jobs.values())


def test_an_approved_release_is_finished(fleet, configured):
    color, release = fleet.answer
    wanted = another(release)
    seen = []

    def approve():
        seen.append((fleet.answer, fleet.runs()))
        return True

    workflow = Workflow(fleet, configured).run(approve, bluegreen_release=wanted)
    assert statuses(workflow) == {**ASKED, "finish": "successful"}, told(workflow)
    assert workflow.status == "successful"
    # What somebody looks at who has to decide.
    assert seen == [((other(color), wanted), {color: WITHOUT_WORKERS, other(color): WHOLE})]
    assert fleet.answer == (other(color), wanted)
    assert fleet.runs() == {other(color): WHOLE}
    # AWX tells the job of a workflow only who launched the workflow.
    last = fleet.history()
    assert last["who"] == f"alice@awx-job-{workflow.jobs['deploy'].number}"
    assert last["approved_by"] == f"awx-workflow-{workflow.number}"


def test_a_denied_one_stays_beside_the_old_color_and_the_workflow_fails(fleet, configured):
    color, release = fleet.answer
    wanted = another(release)
    seen = []

    def deny():
        seen.append(fleet.look())
        return False

    workflow = Workflow(fleet, configured).run(deny, bluegreen_release=wanted)
    assert statuses(workflow) == {**ASKED, "not_approved": "failed"}, told(workflow)
    assert workflow.status == "failed"
    # Nobody can type a command there.
    assert 'To approve it: the template "shop finish".' in workflow.jobs["deploy"].messages
    messages = workflow.jobs["not_approved"].messages
    assert f"Release {wanted} of shop is not approved: somebody denied it, nobody answered in time, or" in messages
    assert 'It is live and awaits approval on pi. To approve it after all, launch "shop finish" with this release' in messages
    assert seen == [fleet.look()]
    assert fleet.runs() == {color: WITHOUT_WORKERS, other(color): WHOLE}

    # A later look may come to another answer.
    template = configured.named("job_template", "shop finish")
    finished = fleet.run(template["playbook"], {**template["extra_vars"], "bluegreen_release": wanted})
    assert finished.status == "successful", finished.text
    assert fleet.runs() == {other(color): WHOLE}
    assert fleet.history()["approved_by"] == f"alice@awx-job-{finished.number}"


def test_an_approval_of_what_was_rolled_back_meanwhile_is_refused(fleet, configured):
    color, release = fleet.answer

    def too_late():
        template = configured.named("job_template", "shop rollback")
        job = fleet.run(template["playbook"], template["extra_vars"])
        assert job.status == "successful", job.text
        return True

    workflow = Workflow(fleet, configured).run(too_late, bluegreen_release=another(release))
    assert statuses(workflow) == {**ASKED, "finish": "failed"}, told(workflow)
    assert workflow.status == "failed"
    assert fleet.answer == (color, release)
    assert fleet.runs()[color] == WHOLE


def test_a_release_that_is_live_already_asks_nobody_and_the_workflow_ends_well(fleet, configured):
    _color, release = fleet.answer
    before = fleet.look()
    asked = []
    workflow = Workflow(fleet, configured).run(lambda: asked.append(1), bluegreen_release=release)
    assert statuses(workflow) == {"deploy": "successful", "needs_approval": "failed", "status": "successful"}, told(workflow)
    assert (workflow.status, asked) == ("successful", [])
    assert "No release of shop awaits approval" in workflow.jobs["needs_approval"].messages
    assert fleet.look()["projects"] == before["projects"]


def test_a_deployment_that_fails_asks_nobody(fleet, configured):
    before = fleet.look()["projects"]
    asked = []
    workflow = Workflow(fleet, configured).run(lambda: asked.append(1), bluegreen_release="no-such-image")
    assert statuses(workflow) == {"deploy": "failed", "not_approved": "failed"}, told(workflow)
    assert (workflow.status, asked) == ("failed", [])
    assert "No host said that the release awaits approval there" in workflow.jobs["not_approved"].messages
    assert fleet.look()["projects"] == before
    assert fleet.journal() == {}
