"""bench/figures.py: from what was observed to figures."""

from __future__ import annotations

import figures
import load
import pytest
from machine import Outcome, steps_of_script, steps_of_tasks
from measure import Observed
from sampler import Sample


def request(t, ms, **fields):
    return load.Record(t=t, ms=ms, method="GET", path="/", **{"status": 200, **fields})


def event(what, name, time, kind="sleep"):
    return {"event": what, "id": name, "time": time, "kind": kind}


OURS = Outcome(
    rc=0,
    steps=[("plan", 121.0, 123.0), ("fetch", 124.0, 125.0), ("health", 126.0, 128.0), ("health", 128.5, 129.0)],
    history={
        "took": 8.0,
        "waited": 0.5,
        "worker_gap": 5.5,
        "seconds": {"fetch": 3.0, "health": 1.0, "awaiting_approval": 0.5, "between_runs": 3.5},
        "tasks_moved": 7,
    },
    controller={"cpu_seconds": 4.0, "remote_runs": 4},
    log="",
)


@pytest.fixture
def observed():
    return Observed(
        records=[
            request(99, 900),
            *(request(100 + number / 10, 10) for number in range(100)),
            request(115, 700),
            *(request(120 + number / 10, 20) for number in range(98)),
            request(129.85, 55.0),
            request(129.9, 1.0, status=502),
            request(131, 800),
        ],
        events=[
            *(event("accepted", name, 118) for name in "abcde"),
            event("done", "a", 119),
            event("done", "b", 121),
            event("done", "c", 127.5),
            event("done", "c", 128),
            event("done", "d", 134),
            *({"event": "tick", "id": str(at), "time": at, "kind": "tick"} for at in (100, 105, 115, 120, 121)),
        ],
        samples=[
            Sample(100, 200.0, 10.0, {"old": 90.0}, 1.0, 50.0),
            Sample(105, 220.0, 11.0, {"old": 90.0}, 1.0, 52.0),
            Sample(110, 200.0, 12.0, {"old": 90.0}, 1.0, 53.0),
            Sample(119, 900.0, 15.0, {}, 2.0, 60.0),
            Sample(120, 210.0, 16.0, {"old": 90.0}, 2.0, 61.0),
            Sample(125, 300.0, 21.0, {"old": 90.0, "web": 60.0, "redis": 10.0}, 2.5, 68.0),
            Sample(130, 260.0, 26.0, {"web": 20.0}, 4.0, 79.0),
            Sample(135, 800.0, 26.0, {}, 9.0, 99.0),
        ],
        outcome=OURS,
        begun=100.0,
        burst=112.0,
        deployment=120.0,
        deployed=130.0,
        ended=135.0,
        candidate=["web", "redis"],
    )


def test_latencies_are_those_of_the_two_windows_alone(observed):
    own = figures.of_run(observed)["figures"]
    assert (own["p50_before_ms"], own["p99_before_ms"]) == (10, 10)
    assert (own["p50_during_ms"], own["p99_during_ms"]) == (20, 55.0)
    assert (own["failed"], own["requests"]) == (1, 202)


def test_tasks_are_counted_to_the_end_and_the_gap_to_the_end_of_the_load(observed):
    own = figures.of_run(observed)["figures"]
    assert own["in_flight"] == 4
    assert (own["accepted"], own["lost"], own["doubled"]) == (5, 1, 1)
    assert own["worker_gap_s"] == 6.5
    assert (own["beats_missed"], own["beats_doubled"]) == (1, 1)


def test_a_gap_without_any_finished_task_is_the_whole_window(observed):
    nothing = observed._replace(events=[event("accepted", "a", 118)])
    assert figures.of_run(nothing)["figures"]["worker_gap_s"] == 15.0


def test_memory_is_that_of_the_windows_and_the_candidates_share_can_be_told(observed):
    own = figures.of_run(observed)["figures"]
    assert own["memory_before_mib"] == 200.0
    assert own["memory_peak_mib"] == 300.0
    # 240 at the end, when only the web of it is there: the greatest is not where the whole is greatest.
    assert own["memory_beside_mib"] == 240.0


def test_cpu_beyond_the_load_leaves_out_what_the_load_had_taken_before(observed):
    own = figures.of_run(observed)["figures"]
    assert own["cpu_s"] == 10.0
    assert own["cpu_beyond_s"] == 8.0
    assert own["held_s"] == 2.0


def test_others_on_the_machine_are_neither_the_host_nor_ansible(observed):
    assert figures.of_run(observed)["figures"]["others_cpus"] == 0.4


def test_without_samples_there_are_no_figures_of_memory_and_cpu(observed):
    own = figures.of_run(observed._replace(samples=[]))["figures"]
    assert [own[name] for name in ("memory_before_mib", "memory_peak_mib", "cpu_s")] == [None, None, None]


def test_what_ansible_costs_leaves_out_phases_that_span_runs(observed):
    own = figures.of_run(observed)["figures"]
    assert own["ansible_remote_runs"] == 4
    assert own["ansible_local_s"] == 4.5
    assert own["ansible_remote_s"] == 1.5
    assert own["tasks_moved"] == 7
    assert [own[f"history_{name}"] for name in ("took", "waited", "worker_gap")] == [8.0, 0.5, 5.5]


def test_a_script_has_no_cost_of_ansible(observed):
    script = observed._replace(outcome=OURS._replace(controller={}, history={}))
    assert not [name for name in figures.of_run(script)["figures"] if "ansible" in name or "moved" in name or "history" in name]


def test_the_course_counts_from_the_begin_of_the_deployment(observed):
    course = figures.of_run(observed)["course"]
    at = {name: dict(enumerate(course[name], course["first"])) for name in ("slowest_ms", "failed", "tasks")}
    assert course["first"] == -20
    assert at["slowest_ms"][-20] == 10
    assert at["slowest_ms"][9] == 55
    assert at["failed"][9] == 1
    assert at["failed"][0] is None
    assert (at["tasks"][-1], at["tasks"][7], at["tasks"][14]) == (1, 1, 1)
    assert course["steps"][0] == ["plan", 1.0, 3.0]


def kept(**fields):
    base = {
        "failed": 0,
        "lost": 0,
        "p99_before_ms": 10.0,
        "p99_during_ms": 20.0,
        "memory_before_mib": 100.0,
        "memory_peak_mib": 150.0,
        "memory_beside_mib": 110.0,
    }
    return {"figures": {**base, **fields}}


def test_faults_are_summed_over_the_runs_and_the_rest_is_the_median():
    way = figures.of_way([kept(failed=1, seconds=9.0), kept(seconds=1.0), kept(failed=2, seconds=2.0)])
    assert (way["failed"], way["lost"], way["seconds"]) == (3, 0, 2.0)


def test_a_ratio_is_the_median_of_the_runs_ratios_and_not_that_of_the_medians():
    runs = [
        kept(p99_before_ms=10.0, p99_during_ms=10.0),
        kept(p99_before_ms=100.0, p99_during_ms=200.0),
        kept(p99_before_ms=20.0, p99_during_ms=100.0),
    ]
    assert figures.of_way(runs)["p99_ratio"] == 2.0
    assert figures.spread(runs, "p99_ratio") == (1.0, 5.0)


def test_a_figure_that_is_missing_in_a_run_is_left_out():
    way = figures.of_way([kept(cpu_s=None, memory_peak_mib=None), kept(cpu_s=4.0)])
    assert (way["cpu_s"], way["memory_ratio"]) == (4.0, 1.5)
    assert figures.spread([kept(cpu_s=None)], "cpu_s") is None


def test_the_pooled_p99_is_that_of_all_requests():
    runs = [
        {"latencies_before_ms": [10] * 100, "latencies_during_ms": [10] * 100},
        {"latencies_before_ms": [10] * 100, "latencies_during_ms": [10] * 97 + [40] * 3},
    ]
    assert figures.pooled_p99_ratio(runs) == 4.0
    assert figures.pooled_p99_ratio([]) is None


def test_steps_of_a_script_end_where_the_next_begins():
    output = "step 10.5 stop\nsome noise\nstep 12.0 up\nend 15.25\n"
    assert steps_of_script(output) == [("stop", 10.5, 12.0), ("up", 12.0, 15.25)]


def test_a_script_that_was_killed_has_the_steps_up_to_there():
    assert steps_of_script("step 10.5 stop\nstep 12.0 up\n") == [("stop", 10.5, 12.0)]


def test_runs_of_one_phase_are_one_step_and_what_stays_here_is_none():
    tasks = [
        {"phase": "open", "begin": 1.0, "end": 2.0, "remote": True},
        {"phase": "open", "begin": 2.0, "end": 2.5, "remote": False},
        {"phase": "fetch", "begin": 3.0, "end": 4.0, "remote": True},
        {"phase": "fetch", "begin": 4.5, "end": 6.0, "remote": True},
    ]
    assert steps_of_tasks(tasks) == [("open", 1.0, 2.0), ("fetch", 3.0, 6.0)]
