# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault matrix behind `make faults`: every fault at every phase of a deployment, under load, on Pi-sized hosts.

    .venv/bin/python tests/faults/run.py [--only FAULT[:PHASE],…] [--hosts N] [--fresh] [--again]
    .venv/bin/python tests/faults/run.py --representative      # what `make test` runs, one host
    .venv/bin/python tests/faults/run.py --report-only

`make faults` runs lab/setup before it, which it needs. It goes on where an earlier run was cut off; --fresh begins
anew, --again measures once more what went wrong. It makes containers bluegreen-faults-…, which are
removed at the end, and writes tests/faults/report.md. What it measured, the logs, and for whatever went wrong a file
with all that the host had to say are in tests/faults/.run.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import fcntl
import hashlib
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

# The matrix is no package, nor is the demo: their files lie in these folders.
for folder in (Path(__file__).resolve().parent, Path(__file__).resolve().parents[2] / "demo"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# pylint: disable=wrong-import-position
import further  # noqa: E402
import matrix_report  # noqa: E402
from docker.errors import APIError, DockerException  # noqa: E402
from jobs import USUAL, Job, Jobs  # noqa: E402
from matrix import FAULTS, REPRESENTATIVE, REVERT_AFTER, cells, chosen  # noqa: E402
from pi_host import FAULTS as HERE  # noqa: E402
from pi_host import RUN, FaultsError, PiHost, make_key  # noqa: E402
from results import Results  # noqa: E402
from trial import REQUESTS_A_SECOND, TASKS_A_SECOND, Trial  # noqa: E402

HOSTS = 3
TRIES = 3
# In the names of the hosts, so that two checkouts can be tested side by side.
CHECKOUT = hashlib.sha1(str(HERE).encode()).hexdigest()[:6]
CONFLICT = 409
LEAST_REQUESTS = 40_000
SAYING = threading.Lock()


def say(text=""):
    with SAYING:
        print(text, flush=True)


# -- what is to be done ---------------------------------------------------------------------------


def cell_job(cell, number):
    def perform(pi):
        trial = Trial(pi, cell, number)
        result = trial.run()
        if "missed" in result:
            # On a busy machine a deployment may be too slow for its own deadlines.
            say(f"    {cell.name}: {result['missed']}; once more")
            trial = Trial(pi, cell, number)
            result = {**trial.run(), "missed_before": result["missed"]}
        if not result["ok"]:
            result["evidence"] = str(trial.evidence().relative_to(HERE))
        return result

    return Job(cell.name, (FAULTS[cell.fault].small_disk, FAULTS[cell.fault].shape), perform)


def further_jobs(results):
    """Two deployments at once, and the recovery that is killed."""
    jobs = [
        Job(f"twice-{number}", USUAL, lambda pi, number=number: further.twice(pi, number))
        for number in range(1, further.TWICE + 1)
    ]
    for number, (phase, _delays) in enumerate(further.kills(), 1):

        def perform(pi, number=number, phase=phase):
            return further.killed(pi, number, results.read().get(f"kill:{phase}"))

        jobs.append(Job(f"killed-{number}", USUAL, perform))
    return jobs


def wanted(options, results):
    """The jobs that are left."""
    numbers = {cell: number for number, cell in enumerate(cells())}
    picked = REPRESENTATIVE if options.representative else chosen(options.only) if options.only else cells()
    jobs = [cell_job(cell, numbers[cell]) for cell in picked]
    if not options.only and not options.representative:
        jobs += further_jobs(results)
    known = results.read()

    def left(job):
        return job.name not in known or options.only or (options.again and not known[job.name]["ok"])

    return [job for job in jobs if left(job)]


# -- the hosts ------------------------------------------------------------------------------------


def work(name, jobs, results, first):
    """Do one job after the other on a host of that name."""
    pi = None
    kind = None if first else USUAL
    try:
        while job := jobs.take(kind):
            if pi is None or pi.kind != job.kind:
                if pi:
                    pi.destroy()
                pi = made(name, job.kind)
            kind = job.kind
            result = tried(job, pi)
            if jobs.stopped:
                # Its host was taken away in the middle of it.
                return
            results.add(result)
            jobs.done += 1
            say(f"{jobs.done:3} of {jobs.total}  {shown(result)}")
            if not result["ok"]:
                # Whatever state it is in, nobody goes on from there.
                pi.destroy()
                pi = None
    finally:
        if pi:
            remove(pi)


def remove(pi):
    """Two threads may do so at once, when somebody stops the matrix."""
    try:
        pi.destroy()
    except APIError as error:
        if error.status_code != CONFLICT:
            raise


def made(name, kind):
    """A host; where the machine was too busy for one, another one."""
    pi = PiHost(name, *kind)
    for left in reversed(range(TRIES)):
        try:
            pi.make()
            break
        except (FaultsError, PiHost.Error) as error:
            say(f"    {error}")
            if not left:
                raise
    return pi


def tried(job, pi):
    """The result of a job; an error of the harness is one that went wrong."""
    try:
        return job.perform(pi)
    except Exception as error:  # whatever it is, the other cells can still be measured
        (pi.folder / f"{job.name.replace(':', '-')}.error").write_text(traceback.format_exc(), encoding="utf-8")
        sentence = f"the harness: {error}"
        return {"cell": job.name, "host": pi.name, "ok": False, "wrong": [sentence], "end": "", "seconds": None, "took": 0,
                "requests": 0, "failed": 0, "failed_while_down": 0, "accepted": 0, "lost": 0, "doubled": 0}


def shown(result):
    if "requests" in result:
        return matrix_report.line(result)
    return f"{result['cell']:<28}{'; '.join(result['wrong']) or 'one went on, and the other one named it'}"


def measure(options, results):
    jobs = Jobs(wanted(options, results))
    if not jobs.total:
        return
    hosts = min(1 if options.representative else options.hosts, jobs.total)
    say(f"▸ {jobs.total} cells on {hosts} hosts")
    make_key()
    begun = time.monotonic()
    kind = "test-" if options.representative else ""
    names = [f"bluegreen-faults-{kind}{number}-{CHECKOUT}" for number in range(1, hosts + 1)]
    threads = [
        threading.Thread(target=work, args=(name, jobs, results, number == 0), daemon=True)
        for number, name in enumerate(names)
    ]
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.5)
    finally:
        jobs.stopped = True
        for name in names:
            remove(PiHost(name))
        earlier = results.read().get("about", {"seconds": 0, "hosts": 0})
        # What is measured once more, on one host, leaves what was said of the others true.
        results.add({"cell": "about", "seconds": earlier["seconds"] + time.monotonic() - begun,
                     "hosts": max(hosts, earlier["hosts"]),
                     "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")})
    if jobs.done < jobs.total:
        raise FaultsError(f"{jobs.total - jobs.done} cells were not measured, because no host could be made for them.")


# -- the end --------------------------------------------------------------------------------------


def write_report(results):
    known = results.read()
    about = known.get("about")
    if about is None:
        raise FaultsError("Nothing was measured yet; run `make faults`.")
    facts = {"date": about["date"], "machine": machine(), "rate": REQUESTS_A_SECOND, "tasks": TASKS_A_SECOND,
             "revert_after": REVERT_AFTER, "minutes": round(about["seconds"] / 60), "hosts": about["hosts"]}
    text = matrix_report.report(known, facts, further.sections(known))
    (HERE / "report.md").write_text(text, encoding="utf-8")


def machine():
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return f"{len(names)} × {names[0]}"
    return "a machine"


def verdict(results, names, whole_matrix):
    """Say what it came to; whether all of it is as it has to be."""
    known = results.read()
    chosen_results = [known[name] for name in names if name in known]
    sums = matrix_report.totals([result for result in chosen_results if "requests" in result])
    wrong = [result["cell"] for result in chosen_results if not result["ok"]]
    missing = [name for name in names if name not in known]
    say(f"\n{len(chosen_results)} cells, {len(chosen_results) - len(wrong)} as they have to be, {len(wrong)} wrong")
    say(f"{sums['requests']} requests, {sums['failed']} failed ({sums['failed_while_down']} more while the fault kept down "
        f"what serves); {sums['accepted']} tasks, {sums['lost']} lost, {sums['doubled']} doubled")
    if wrong:
        say(f"wrong: {', '.join(wrong)}")
    if missing:
        say(f"not measured: {', '.join(missing)}")
    few = whole_matrix and sums["requests"] < LEAST_REQUESTS
    if few:
        say(f"{sums['requests']} requests are too few: at least {LEAST_REQUESTS} have to be counted")
    return not (wrong or missing or few)


@contextlib.contextmanager
def alone():
    """Keep a second run from taking the hosts away from this one."""
    with open(__file__, encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FaultsError("The matrix is being measured from this checkout already; let that end, or stop it.") from error
        yield


def faults(options):
    RUN.mkdir(exist_ok=True)
    results = Results(RUN / ("test.jsonl" if options.representative else "results.jsonl"))
    if options.fresh or options.representative:
        results.forget()
    if not options.report_only:
        measure(options, results)
    if options.representative:
        return verdict(results, [cell.name for cell in REPRESENTATIVE], whole_matrix=False)
    write_report(results)
    if options.only:
        return verdict(results, [cell.name for cell in chosen(options.only)], whole_matrix=False)
    return verdict(results, [cell.name for cell in cells()] + [job.name for job in further_jobs(results)], whole_matrix=True)


def _interrupt(*_unused):
    raise KeyboardInterrupt


def main(arguments):
    parser = argparse.ArgumentParser(description="Measure what a deployment survives.")
    parser.add_argument("--only", default="", metavar="FAULT[:PHASE],…", help=f"of the faults {', '.join(FAULTS)}")
    parser.add_argument("--hosts", type=int, default=HOSTS, help="how many side by side (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--again", action="store_true", help="measure again what went wrong")
    parser.add_argument("--representative", action="store_true", help="only the cells that `make test` runs, on one host")
    parser.add_argument("--report-only", action="store_true", help="write the report from what was measured")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with alone():
            return 0 if faults(options) else 1
    except KeyboardInterrupt:
        print("\nfaults: stopped. `make faults` goes on with the cells that are left.", file=sys.stderr)
        return 130
    except (FaultsError, ValueError, PiHost.Error) as error:
        print(f"\nfaults: {error}", file=sys.stderr)
    except DockerException as error:
        print(f"\nfaults: the Docker Engine of this machine refused: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
