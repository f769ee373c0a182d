# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import worker_conf
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.worker_conf import WorkerConf, merged
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import kombu
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeBroker, FakeHost
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes

USUAL = kombu.Layout(kombu.SEPARATOR, kombu.PRIORITY_STEPS)
MINE = {"broker_transport_options": {"sep": ":", "priority_steps": [0, 5], "unacked_key": "********"}}


@pytest.mark.parametrize(
    "answers, conf",
    [
        ([], WorkerConf()),
        ([{}], WorkerConf(USUAL, "")),
        ([{"broker_transport_options": None}], WorkerConf(USUAL, "")),
        ([MINE], WorkerConf(kombu.Layout(":", (0, 5)), "")),
        # Two that differ: neither counts.
        ([MINE, {}], WorkerConf(kombu.Layout(), "")),
        ([{"broker_transport_options": {"sep": 1}}], WorkerConf(kombu.Layout(), "")),
        ([{"broker_transport_options": {"priority_steps": ["0", True]}}], WorkerConf(kombu.Layout(), "")),
        ([{"result_backend": "redis://:**@results:6379/1"}], WorkerConf(USUAL, "results")),
        ([{"result_backend": "db+postgresql://db/x"}], WorkerConf(USUAL, "")),
        ([{"result_backend": "redis://[a"}], WorkerConf(USUAL, None)),
        ([{"result_backend": "redis://a"}, {"result_backend": "redis://b"}], WorkerConf(USUAL, None)),
        ([{"worker_soft_shutdown_timeout": 5}, {"worker_soft_shutdown_timeout": 7.5}], WorkerConf(USUAL, "", 7.5)),
        ([{"worker_soft_shutdown_timeout": "long"}], WorkerConf(USUAL, "", 0.0)),
    ],
)
def test_what_workers_say_they_are_configured_to(answers, conf):
    assert merged(answers) == conf


def test_it_goes_with_the_deployment_and_holds_no_secret():
    journal, blue, green = Notes(FakeHost()), FakeBroker("shop-blue/redis"), FakeBroker("shop-green/redis")
    assert worker_conf.layout_of(journal, blue) == kombu.Layout()
    worker_conf.remember(journal, blue, merged([{**MINE, "result_backend": "redis://:secret@results"}]))
    assert journal.data["celery"] == {"shop-blue/redis": {"separator": ":", "steps": [0, 5], "results": "results"}}
    assert worker_conf.layout_of(journal, green, blue) == kombu.Layout(":", (0, 5))
    # Nobody answers the next time.
    worker_conf.remember(journal, blue, WorkerConf())
    assert worker_conf.layout_of(journal, blue).separator == ":"
    worker_conf.remember(journal, green, merged([{}]))
    assert worker_conf.layout_of(journal, green, blue) == USUAL
