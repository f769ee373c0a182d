"""tests/faults/jobs.py: which host does what."""

from __future__ import annotations

from jobs import USUAL, Job, Jobs

SMALL, SCRIPT = (True, ""), (False, "tini-script")


def taken(jobs, kind):
    names = []
    while job := jobs.take(kind):
        kind = job.kind
        names.append(job.name)
    return names


def made():
    kinds = [USUAL, SCRIPT, SMALL, USUAL, SCRIPT]
    return Jobs([Job(f"{number}", kind, None) for number, kind in enumerate(kinds)])


def test_one_host_begins_with_what_needs_another_host_than_the_usual_one_and_keeps_each_as_long_as_it_is_of_use():
    assert taken(made(), None) == ["2", "1", "4", "0", "3"]


def test_the_others_begin_with_the_usual_and_help_with_the_rest():
    assert taken(made(), USUAL) == ["0", "3", "2", "1", "4"]


def test_nothing_is_begun_when_somebody_stopped_it():
    jobs = made()
    jobs.stopped = True
    assert jobs.take(USUAL) is None
