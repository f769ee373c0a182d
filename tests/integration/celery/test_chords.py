# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chord of a real Celery whose parts end in workers of two colors, with one broker and results of their own."""

from __future__ import annotations

import pytest
from compose_project import wait_for
from test_servers import REDIS_7, REDIS_8, Side, Way, done, out  # noqa: F401, pylint: disable=unused-import

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.results import copy_results
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


class Colors:
    """A broker for both, and a Redis for the results of each."""

    def __init__(self, project, folder):
        self.project = project
        self.blue, self.green = (
            Side(project, f"{name}-results", REDIS_7, Way([]), folder) for name in ("blue", "green")
        )
        self.broker = Side(project, "mq", REDIS_8, Way([]), folder)

    def worker(self, color, seconds):
        return self.broker.worker(env=[self._results(color), f"SECONDS={seconds}"])

    def publish(self):
        publisher = self.broker.run("/out/app.py", "publish_chord", env=[self._results(self.blue)])
        wait_for(lambda: inspect_container(self.project.engine, publisher.id).status == "exited")
        assert inspect_container(self.project.engine, publisher.id).exit_code == 0

    def copy(self):
        return copy_results(
            self.project.host, NullJournal(), self.blue.broker.database(0), self.green.broker.database(0), replace=False
        )

    def end(self, worker):
        self.project.engine.kill(worker.id, "SIGTERM")
        wait_for(lambda: not inspect_container(self.project.engine, worker.id).running, seconds=30)

    @staticmethod
    def _results(side):
        return "RESULTS=" + side.env[0].partition("=")[2]


@pytest.fixture
def colors(project, out):  # noqa: F811
    return Colors(project, out)


def notes(folder):
    return sorted(word for word in done(folder) if len(word) == 1)


@pytest.mark.long
def test_its_body_runs_in_the_new_color(colors, out):  # noqa: F811
    colors.publish()
    old = colors.worker(colors.blue, 1)
    wait_for(lambda: len(notes(out)) >= 1, seconds=30)
    colors.end(old)
    assert 1 <= len(notes(out)) <= 3
    assert colors.copy() >= 2
    colors.worker(colors.green, 0)
    wait_for(lambda: done(out)["chord of abcd"] == 1, seconds=30)


def test_also_when_an_old_worker_ends_its_part_after_the_handover(colors, out):  # noqa: F811
    colors.publish()
    old = colors.worker(colors.blue, 4)
    wait_for(lambda: colors.broker.broker.database(0).call("HLEN", "unacked"), seconds=30)
    # It has a part in hand, takes no other, and is left to it.
    colors.project.engine.kill(old.id, "SIGTERM")
    colors.copy()
    colors.worker(colors.green, 2)
    wait_for(lambda: not inspect_container(colors.project.engine, old.id).running, seconds=30)
    assert len(notes(out)) < 4
    # The late copy, before the last part ends.
    assert colors.copy() >= 1
    wait_for(lambda: done(out)["chord of abcd"] == 1, seconds=30)
    assert colors.project.host.warnings == []
