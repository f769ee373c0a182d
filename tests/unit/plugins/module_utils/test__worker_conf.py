# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from fakes import FakeBroker, FakeHost
from workers import Notes

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _kombu, _worker_conf
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._worker_conf import WorkerConf, merged

USUAL = _kombu.Layout(_kombu.SEPARATOR, _kombu.PRIORITY_STEPS)
MINE = {"broker_transport_options": {"sep": ":", "priority_steps": [0, 5], "unacked_key": "********"}}


@pytest.mark.parametrize(
    "answers, conf",
    [
        ([], WorkerConf()),
        ([{}], WorkerConf(USUAL, "")),
        ([{"broker_transport_options": None}], WorkerConf(USUAL, "")),
        ([MINE], WorkerConf(_kombu.Layout(":", (0, 5)), "")),
        # Two that differ: neither counts.
        ([MINE, {}], WorkerConf(_kombu.Layout(), "")),
        ([{"broker_transport_options": {"sep": 1}}], WorkerConf(_kombu.Layout(), "")),
        ([{"broker_transport_options": {"priority_steps": ["0", True]}}], WorkerConf(_kombu.Layout(), "")),
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
    assert _worker_conf.layout_of(journal, blue) == _kombu.Layout()
    _worker_conf.remember(journal, blue, merged([{**MINE, "result_backend": "redis://:secret@results"}]))
    assert journal.data["celery"] == {"shop-blue/redis": {"separator": ":", "steps": [0, 5], "results": "results"}}
    assert _worker_conf.layout_of(journal, green, blue) == _kombu.Layout(":", (0, 5))
    # Nobody answers the next time.
    _worker_conf.remember(journal, blue, WorkerConf())
    assert _worker_conf.layout_of(journal, blue).separator == ":"
    _worker_conf.remember(journal, green, merged([{}]))
    assert _worker_conf.layout_of(journal, green, blue) == USUAL
