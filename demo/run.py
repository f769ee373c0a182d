#!/usr/bin/env python3
"""The show behind `make demo`: a real app goes from blue to green on a Pi-sized host, under load.

    .venv/bin/python demo/run.py

`make demo` runs lab/setup before it, which it needs; `make demo-clean` removes all that it makes.

What it makes: the images bluegreen-demo:1, :2 and :3, one container bluegreen-demo-host (systemd,
Docker Engine, Nginx; 1 CPU, 1 GiB) that is reached on a port of 127.0.0.1, and the folder demo/.run
with the inventory, the logs, summary.json, report.html and picture.svg. Nothing else on this machine is touched.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

# The demo is no package: its files lie beside this one, wherever it is started from.
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("demo", "lab", ".cache/collections")]

# pylint: disable=wrong-import-position
import ledger  # noqa: E402
import pi  # noqa: E402
from load import Load  # noqa: E402
from report_page import page, pictures  # noqa: E402
from playbook import by_hand, log_of, must_play, play, steps_of  # noqa: E402
from report import Measured, Window, summary, table  # noqa: E402
from sampler import Sampler  # noqa: E402
from screen import ROOT, elapsed, ended, say, shown, step  # noqa: E402
from stage import LOGS, PICTURE, REPORT, RUN, SUMMARY, DemoError  # noqa: E402

IMAGES = [f"bluegreen-demo:{release}" for release in (1, 2, 3)]
REQUESTS_A_SECOND = 20
TASKS_A_SECOND = 3
WARM_UP_SECONDS = 4.0
BEFORE_SECONDS = 20.0
AFTER_SECONDS = 5.0
# Fewer would say little about how many of them fail.
LEAST_REQUESTS = 1200


def show() -> None:
    shutil.rmtree(RUN, ignore_errors=True)
    LOGS.mkdir(parents=True)

    with step("Build the images of releases 1, 2 and 3, where they are not there yet"):
        if subprocess.run([str(ROOT / "lab/setup"), "app"], check=False).returncode:
            raise DemoError("The images could not be built; what lab/setup said above names the log.")
    with step(f"Start a host of 1 CPU and 1 GiB: {pi.NAME}"):
        host = pi.Pi.make(IMAGES)
        say(f"  {host.url} leads to port 80 of it")
    with step("Prepare it (playbook smallfleet.bluegreen.prepare)"):
        must_play("The preparation of the host", "prepare", "prepare")
    with step("Deploy release 1 to the empty host (playbook smallfleet.bluegreen.deploy)"):
        must_play(
            "The deployment of release 1",
            "deploy",
            "deploy-1",
            bluegreen_release="1",
            bluegreen_approval="automatic",
        )
        host.must_answer("1")
    say(f"\n  Have a look: {host.url} shows which color answers, and changes with it.")

    measured = under_load(host)
    figures = summary(measured)
    SUMMARY.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    PICTURE.write_text(pictures(measured)["release 2"], encoding="utf-8")
    REPORT.write_text(page(measured, next_commands(host.url)), encoding="utf-8")
    say(f"\n{table(measured)}\n")
    for wrong in ("failed", "lost", "doubled"):
        if figures[wrong]:
            raise DemoError(
                f"{figures[wrong]} {wrong}, and there should be none; {shown(SUMMARY)} has the figures."
            )
    say_what_next(host.url)


def under_load(host: pi.Pi) -> Measured:
    """Go to release 2, try release 3, and return what the load and the host saw of it."""
    load = Load(host.url, REQUESTS_A_SECOND, TASKS_A_SECOND, out=str(RUN / "load.jsonl"))
    sampler = Sampler(host.machine, interval=0.5).start()
    load.start()
    try:
        with step(
            f"Begin the load, {REQUESTS_A_SECOND} requests and {TASKS_A_SECOND} tasks a second, "
            f"and watch it for {BEFORE_SECONDS:g} s"
        ):
            time.sleep(WARM_UP_SECONDS)
            before = time.time()
            time.sleep(BEFORE_SECONDS)
        with step("Deploy release 2 under load"):
            deployment = time.time()
            approved = deploy_second(host)
            deployed = time.time()
        with step("Deploy release 3 under load; it is broken, its health check answers 500"):
            broken = time.time()
            deploy_broken(host)
            rolled_back = time.time()
        with step("A little more load, and the last tasks"):
            missing = LEAST_REQUESTS - len(load.records)
            time.sleep(max(AFTER_SECONDS, missing / REQUESTS_A_SECOND))
            load.stop()
            events = ledger.wait_until_done(host.ledger)
    finally:
        load.stop()
        samples = sampler.stop()
    return Measured(
        records=load.records,
        events=events,
        rss=[(sample.time, sample.mib) for sample in samples],
        before=Window(before, deployment),
        deployment=Window(deployment, deployed),
        broken=Window(broken, rolled_back),
        phases=host.deployment("2")["seconds"],
        steps={"release 2": steps_of(*approved), "release 3": steps_of("deploy-3")},
    )


def deploy_second(host: pi.Pi) -> list:
    """Deploy release 2, and return the labels of the playbooks that did it.

    Somebody at a terminal is asked for approval; else the playbook finish gives it.
    """
    labels = ["deploy-2"]
    what = "The deployment of release 2"
    if sys.stdin.isatty() and sys.stdout.isatty():
        must_play(what, "deploy", "deploy-2", interactive=True, bluegreen_release="2")
    else:
        must_play(what, "deploy", "deploy-2", bluegreen_release="2", bluegreen_approval="manual")
        say("\n  Both colors are up, and the new one answers. Nobody can be asked for approval without a")
        say("  terminal: the playbook smallfleet.bluegreen.finish gives it.\n")
        must_play("The approval of release 2", "finish", "finish-2")
        labels.append("finish-2")
    if host.deployment("2").get("result") != "committed":
        raise DemoError(
            "Release 2 was not approved, so the demo ends here. Both colors are still up. To finish or to undo it:\n"
            f"  {by_hand('finish')}\n  {by_hand('rollback')}"
        )
    host.must_answer("2")
    return labels


def deploy_broken(host: pi.Pi) -> None:
    """Try release 3, whose health check fails, and see that release 2 came out of it as it was."""
    live = host.must_answer("2")
    before = host.workers(live.color)
    if len(before) != 2:
        raise DemoError(
            f"One worker and one beat of {live.color} should be running, and there are {len(before)}."
        )
    rc = play(
        "deploy",
        "deploy-3",
        bluegreen_release="3",
        bluegreen_approval="automatic",
        bluegreen_env={"DEMO_HEALTH": "fail"},
        # The default waits a minute for a slow app; this one is only to be seen failing.
        bluegreen_health_deadline=10,
    )
    log = shown(log_of("deploy-3"))
    if rc == 0:
        raise DemoError(f"Release 3 is broken and was deployed all the same; the log is {log}.")
    result = host.deployment("3").get("result")
    if result != "rolled_back":
        raise DemoError(
            f"Release 3 should have been rolled back, and the host's history says {result}; see {log}."
        )
    host.must_answer("2")
    after = host.workers(live.color)
    if set(after) != set(before):
        raise DemoError(
            f"Release 2 has other workers now: {sorted(before)} became {sorted(after)}; see {log}."
        )
    say(f"\n  Ansible ended with {rc}, as it should. Release 2 answers, and its own workers go on:")
    for container, started in after.items():
        say(f"  {container[:12]}, the same container as before, started again at {started[11:19]} UTC")


def next_commands(url: str) -> list:
    """Return (command, what it is for)."""
    return [
        (f"xdg-open {url}", "the app; release 2 goes on running"),
        (by_hand("status"), "what runs on the host, and what ran there"),
        (by_hand("deploy", "-e bluegreen_release=3"), "release 3 again, healthy this time"),
        ("make demo-clean", "removes all of the demo"),
    ]


def say_what_next(url: str) -> None:
    say(f"It took {elapsed()} minutes. A page with pictures of both deployments: {shown(REPORT)}")
    say("\nWhat to type next:\n")
    for command, purpose in [(f"xdg-open {shown(REPORT)}", "the page"), *next_commands(url)]:
        say(f"  {command}\n      {purpose}")


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(description="Show a blue-green deployment on a Pi-sized host.")
    parser.parse_args(arguments)

    def whole() -> int:
        show()
        return 0

    stopped = "The host is still there: `make demo` begins anew, `make demo-clean` removes all."
    return ended("demo", __file__, whole, stopped, RUN, DemoError, pi.lab.HostError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
