"""The report's tables of what each deployment costs the host: processor, memory, runs on it. All pure."""

from __future__ import annotations

from typing import Optional

import figures
from cells import Row, cell, markdown, number, plain, ratio
from kinds import ANSIBLE, COMPOSE, ENGINE, GUARD, MODULE, SYSTEM, TITLES

# Where the processor seconds beyond app and load go; down to the rest they add up to them.
SPLIT = (
    Row(TITLES[ANSIBLE], "cpu_connection_s", "s"),
    Row(TITLES[MODULE], "cpu_module_s", "s"),
    Row("the way's own program: a script, or the collection's on the host", "cpu_own_s", "s"),
    Row(TITLES[GUARD], "cpu_guard_s", "s"),
    Row("containers that came and went", "cpu_passing_s", "s"),
    Row(TITLES[COMPOSE], "cpu_compose_s", "s"),
    Row(TITLES[ENGINE], "cpu_engine_s", "s"),
    Row("the app's own boot, up to the way's end", "cpu_boot_s", "s"),
    Row("what the app and Nginx did more than before: tasks of the burst", "cpu_app_rest_s", "s"),
    Row(TITLES[SYSTEM], "cpu_system_s", "s"),
    Row("ends of processes, which nobody is told of", "cpu_untold_s", "s"),
)
SPLIT_SUMS = (
    Row("**beyond app and load**", "cpu_beyond_s", "s"),
    Row("of it outside of the app's containers and Nginx", "cpu_outside_s", "s"),
    Row("the app's boot whole, up to the first request and the first task", "cpu_boot_whole_s", "s"),
    Row("`docker compose` calls", "compose_calls"),
)
# {what it is: figures of one process, and of all of its kind at once}
MEMORY = (
    ("a container that came and went: it asks for the names of tasks", None, "peak_passing_mib"),
    ("`docker compose`", "peak_compose_mib", "held_compose_mib"),
    ("a module that Ansible sent", "peak_module_mib", "held_module_mib"),
    ("the collection's program", "peak_program_mib", "held_program_mib"),
    ("the collection's guard", "peak_guard_mib", "held_guard_mib"),
)


def split(chosen: dict, ways: dict, floor: dict) -> list:
    """Return where the host's processor seconds went, with what no tool could have spared."""
    told = {way: own for way, own in chosen.items() if own.get("cpu_told_s") is not None}
    if not told:
        return []
    least = floor.get("cpu_floor_s")
    rows = [["", *told, *(["the floor"] if least else [])]]
    for row in (*SPLIT, *SPLIT_SUMS):
        of_floor = [plain(floor.get(row.name), row.unit)] if least else []
        rows.append([row.title, *(cell(row, chosen[way], ways[way]) for way in told), *of_floor])
    lines = ["", "Where the processor seconds of the host went that app and load did not take before:", ""]
    if least:
        against = [ratio(own["cpu_beyond_s"], least) for own in told.values()]
        rows.append(["against the floor", *against, ratio(least, least)])
    lines.append(markdown(rows))
    if least:
        lines += [
            "",
            f"The floor, {plain(least, 's')}: `docker compose` {plain(floor['cpu_compose_s'], 's')}, the engine "
            f"{plain(floor['cpu_engine_s'], 's')}, the app's own boot {plain(floor['cpu_boot_s'], 's')}. No tool that "
            "stops the workers, starts a new color and removes the old one can avoid it.",
        ]
    return lines


def weights(chosen: dict, ways: dict) -> list:
    """Return what each kind of process had in memory at most."""
    rows = []
    for title, one, together in MEMORY:
        cells = [_weight(chosen[way], one, together) for way in chosen]
        if any(cell != "–" for cell in cells):
            rows.append([title, *cells])
    if not rows:
        return []
    return ["", "The most that each kind had in memory, one process / all of them at once, in MiB:", ""] + [
        markdown([["", *chosen], *rows])
    ]


def _weight(own: dict, one: Optional[str], together: str) -> str:
    cells = [number(own.get(name)) for name in (one, together) if name]
    return "–" if set(cells) == {"–"} else " / ".join(cells)


def remote_runs(way: str, runs: list) -> list:
    """Return the table of a way's runs on the host: seconds, and what the host spent for each."""
    rows = figures.remote_runs_of_way(runs)
    if not rows:
        return []
    units = ("seconds", "itself_s", "compose_s", "engine_s", "away_s")
    cells = [
        [f"`{run['phase']}`", f"`{run['action']}`", run["name"], *(plain(run.get(name), "s") for name in units)]
        for run in rows
    ]
    total = ["", "", "**all**", *(plain(_total(rows, name), "s") for name in units)]
    costs = ["takes", "CPU: itself", "CPU: Compose", "CPU: engine", "while no worker was there"]
    head = ["phase", "module", "task", *costs]
    return ["", f"The runs on the host of `{way}`, in their order:", "", markdown([head, *cells, total], words=3)]


def _total(rows: list, name: str) -> Optional[float]:
    known = [row[name] for row in rows if row.get(name) is not None]
    return sum(known) if known else None
