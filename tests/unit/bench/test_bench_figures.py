"""bench/figures.py: from what was observed to figures."""

from __future__ import annotations

import costs
import figures
import load
import pytest
from accountant import Seen
from course import steps_of_tasks
from kinds import Charge, Weight
from machine import Outcome, steps_of_script
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
    runs=[],
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
        release="2",
        old={"old": "web"},
        fresh={"web": "web", "redis": "redis"},
        seen=None,
        again=2.04,
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


@pytest.fixture
def split(observed):
    """Release 2 takes over from release 1: new containers web and w2 (a worker), old ones web1 and w1, and one that passes."""
    return observed._replace(
        records=[request(122, 10, release="1"), request(126, 500, release="2"), request(128, 1, release="2")],
        events=[
            {"event": "started", "id": "a", "time": 121, "kind": "sleep", "release": "1"},
            {"event": "started", "id": "b", "time": 131, "kind": "sleep", "release": "2"},
        ],
        samples=[
            Sample(101, 200.0, 11.0, {"web1": 90.0, "w1": 1.0}, 1.0, 50.0),
            Sample(110, 200.0, 12.0, {"web1": 90.0, "w1": 1.0}, 1.0, 50.0),
            Sample(121, 200.0, 13.0, {"web1": 90.0, "w1": 1.0}, 1.0, 50.0),
            Sample(122, 200.0, 13.0, {"web1": 90.0, "w1": 1.0, "names": 120.0}, 1.0, 50.0),
            Sample(123, 200.0, 13.0, {"web1": 90.0, "names": 130.0}, 1.0, 50.0),
            Sample(128, 200.0, 15.0, {"web1": 90.0, "web": 1.0}, 1.0, 50.0),
            Sample(129, 200.0, 16.0, {"web1": 90.0, "web": 1.0, "w2": 1.0}, 1.0, 50.0),
            Sample(135, 200.0, 16.0, {"web1": 90.0, "web": 1.0, "w2": 1.0}, 1.0, 50.0),
        ],
        seen=Seen(
            charges=[
                # Before, within 12 s: what the load takes.
                Charge(100, 112, "app:web1", 1.2),
                Charge(100, 112, "engine", 0.6),
                # While it is deployed, within 10 s.
                Charge(120, 130, "app:web1", 1.0),
                Charge(120, 130, "engine", 1.5),
                Charge(120, 121, "ansible", 0.2),
                Charge(121, 122, "module", 0.4),
                Charge(122, 123, "app:names", 0.7),
                Charge(124, 126.5, "app:web", 1.0),
                Charge(127, 129, "app:web", 0.3),
                Charge(128, 129, "compose", 0.5),
                Charge(129, 130, "program", 0.1),
                Charge(129, 130, "app:w2", 0.4),
                Charge(130, 132, "app:w2", 2.0),
            ],
            peaks=[Weight(110, "compose", 99.0), Weight(128, "compose", 50.0), Weight(129, "program", 20.0)],
            held=[Weight(125, "module", 12.5)],
            compose_calls=[110, 121, 128, 130],
        ),
        outcome=OURS._replace(
            runs=[
                {"phase": "open", "action": "bg_deployment", "name": "Open", "begin": 120.0, "end": 122.0},
                {"phase": "cutover", "action": "bg_switch", "name": "Switch", "begin": 122.5, "end": 125.0},
                {"phase": "start_workers", "action": "bg_start", "name": "Start", "begin": 128.0, "end": 130.0},
            ]
        ),
        old={"web1": "web", "w1": "worker"},
        fresh={"web": "web", "w2": "worker"},
    )


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("cpu_connection_s", 0.2),
        ("cpu_module_s", 0.4),
        ("cpu_own_s", 0.1),
        ("cpu_guard_s", 0.0),
        ("cpu_compose_s", 0.5),
        # 1.5 less the 0.5 of ten seconds without a deployment.
        ("cpu_engine_s", 1.0),
        ("cpu_passing_s", 0.7),
        # The web up to its first answer at 126.5, the worker up to the way's end; and whole, up to its first task.
        ("cpu_boot_s", 1.4),
        ("cpu_boot_whole_s", 2.4),
        ("cpu_app_rest_s", 0.3),
        ("cpu_outside_s", 2.9),
        ("cpu_told_s", 4.6),
        ("compose_calls", 2),
        ("peak_compose_mib", 50.0),
        ("peak_program_mib", 20.0),
        ("peak_module_mib", None),
        ("held_module_mib", 12.5),
        ("peak_passing_mib", 130.0),
        # 0.4 for each of the two after the one that opens: nothing of the switch was seen.
        ("run_itself_s", 0.05),
        ("again_s", 2.0),
    ],
)
def test_what_it_costs_is_told_apart(split, figure, expected):
    assert figures.of_run(split)["figures"][figure] == expected


def test_the_parts_add_up_to_what_the_host_spent(split):
    own = figures.of_run(split)["figures"]
    names = ("passing", "boot", "app_rest", "untold")
    assert own["cpu_beyond_s"] == pytest.approx(
        sum(own[name] for name in costs.SPLIT) + sum(own[f"cpu_{name}_s"] for name in names), abs=0.02
    )


def test_no_worker_is_there_from_the_end_of_the_old_one_to_the_start_of_the_new_one(split):
    assert costs.away(split) == (122, 129)
    assert [run["away_s"] for run in figures.of_run(split)["runs"]] == [0.0, 2.5, 1.0]
    own = figures.of_run(split)["figures"]
    assert (own["runs_away"], own["away_s"]) == (2, 3.5)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"old": {"web1": "web"}}, None),
        ({"fresh": {"web": "web"}}, None),
        ({"old": {"web1": "worker"}}, None),  # it is there to the end
    ],
)
def test_workers_that_are_always_there_are_never_away(split, fields, expected):
    assert costs.away(split._replace(**fields)) is expected


def test_a_run_on_the_host_has_its_own_seconds_and_those_of_whom_it_asks(split):
    last = figures.of_run(split)["runs"][2]
    assert last == {
        "phase": "start_workers",
        "action": "bg_start",
        "name": "Start",
        "seconds": 2.0,
        "away_s": 1.0,
        "itself_s": 0.1,
        "compose_s": 0.5,
        # Less what it takes in two seconds without a deployment.
        "engine_s": 0.2,
    }


def test_without_an_accountant_the_runs_have_their_seconds_alone(split):
    kept = figures.of_run(split._replace(seen=None))
    assert "cpu_compose_s" not in kept["figures"]
    assert kept["figures"]["peak_passing_mib"] == 130.0
    assert kept["runs"][0] == {"phase": "open", "action": "bg_deployment", "name": "Open", "seconds": 2.0, "away_s": 0.0}


def test_the_floor_is_compose_the_engine_and_the_boot_to_its_end(split):
    quiet = split._replace(records=[], events=[], outcome=OURS._replace(controller={}, history={}))
    own = figures.of_floor(quiet)["figures"]
    assert own == {
        "cpu_compose_s": 0.5,
        # 1.5 less the 0.75 of fifteen seconds.
        "cpu_engine_s": 0.75,
        # Nobody asks it, so all that it took is its boot.
        "cpu_boot_s": 3.7,
        "cpu_floor_s": 4.95,
        "compose_calls": 2,
        "seconds": 10.0,
    }
    assert figures.of_floor(quiet._replace(seen=None))["figures"] == {"seconds": 10.0}


def test_runs_on_the_host_of_all_measurements_are_laid_over_each_other():
    def made(*seconds):
        return {"runs": [{"phase": "p", "action": "a", "name": str(at), "seconds": s} for at, s in enumerate(seconds)]}

    laid = figures.remote_runs_of_way([made(1.0, 2.0), made(3.0, 9.0), made(2.0, 4.0)])
    assert [run["seconds"] for run in laid] == [2.0, 4.0]
    # Another list of tasks cannot be laid over: the first stays by itself.
    assert [run["seconds"] for run in figures.remote_runs_of_way([made(1.0, 2.0), made(3.0)])] == [1.0, 2.0]
    assert figures.remote_runs_of_way([{"runs": []}, {}]) == []


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
