"""tests/system/vm/vm_look.py: what a look shows, and what is wrong with it."""

from __future__ import annotations

import json

import pytest
from vm_look import Answer, faults, parse

UPSTREAM = "# Written by smallfleet.bluegreen for release 2.\nupstream shop {{\n    server 127.0.0.1:{port};\n}}\n"
BLUE = "".join(f"shop-blue {service} running b{service}\n" for service in ("web", "redis", "worker", "beat"))
OLD_GREEN = "".join(f"shop-green {service} exited g{service}\n" for service in ("web", "worker", "beat"))
PENDING = {"step": "awaiting_approval", "done": True, "to": "blue"}


def shown(containers=BLUE, port=18001, journal="", last="", uptime="61.52 80.10\n"):
    return "=====:\n".join([UPSTREAM.format(port=port), containers, journal, last, uptime])


def wrong(answer=Answer(200, "blue", "2"), **parts):
    return faults(parse(shown(**parts)), answer)


@pytest.mark.parametrize("text", ["", "ssh: connect to host 127.0.0.1 port 2201: Connection refused\n"])
def test_a_machine_that_shows_less_is_not_so_far(text):
    with pytest.raises(ValueError, match="of 5 parts"):
        parse(text)


def test_one_color_and_its_answer_are_whole():
    assert wrong() == []
    assert wrong(containers=BLUE + OLD_GREEN) == []


def test_an_upstream_without_a_color_is_not_whole():
    assert wrong(port=9999) == ["Nginx's file names no color."]


@pytest.mark.parametrize("service", ["web", "redis", "worker", "beat"])
def test_each_service_of_the_live_color_has_to_run(service):
    stopped = BLUE.replace(f"{service} running", f"{service} exited")
    assert f"Of blue, which is live, 0 {service} run instead of one." in wrong(containers=stopped)


def test_two_beats_of_one_color_are_one_too_many():
    two = f"{BLUE}shop-blue beat running b2\n"
    assert "Of blue, which is live, 2 beat run instead of one." in wrong(containers=two)


@pytest.mark.parametrize("service", ["worker", "beat"])
def test_celery_of_the_other_color_must_not_run(service):
    assert wrong(containers=f"{BLUE}shop-green {service} running g1\n") == [
        f"Of green, which is not live, a {service} runs."
    ]


def test_while_approval_is_pending_the_old_web_is_there():
    assert "Approval is pending, and the web of green does not run." in wrong(journal=json.dumps(PENDING))
    both = f"{BLUE}shop-green web running g1\nshop-green redis running g2\n"
    assert wrong(containers=both, journal=json.dumps(PENDING)) == []


def test_a_web_that_was_left_over_is_not_whole():
    left = f"{BLUE}shop-green web running g1\n"
    assert wrong(containers=left) == ["No deployment is open, and the web of green runs."]


def test_an_open_deployment_is_not_whole():
    assert wrong(journal='{"step": "cutover", "done": false}') == ["A deployment is open, in step cutover."]


@pytest.mark.parametrize(
    "answer, said",
    [
        (Answer(0), "nobody answers with 0"),
        (Answer(502), "nobody answers with 502"),
        (Answer(200, "green", "1"), "green answers with 200"),
    ],
)
def test_who_answers_has_to_be_whom_the_file_names(answer, said):
    assert wrong(answer=answer) == [f"{said}, and Nginx's file names blue."]
