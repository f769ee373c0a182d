# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of `make fleet-cost`, from the figures that it wrote down. Pure."""

from __future__ import annotations

import datetime

from cells import markdown

ON_PAPER = 1000
# Processor seconds of the controller for a host, before and to reach.
A_HOST = (2.1, 1.2)


def report(figures):
    when = datetime.datetime.fromtimestamp(figures["begun"], datetime.timezone.utc)
    parts = [
        "# What a fleet costs its controller",
        f"Written by `make fleet-cost` on {when:%Y-%m-%d}, in {figures['seconds'] / 60:.0f} minutes.",
        f"ansible-core {figures['ansible']} over SSH, with pipelining only where the playbooks ask for it. "
        f"{figures['real']} real hosts, each of one processor at most; they and the controller share the "
        f"{figures['processors']} processors of one machine, so the seconds are those of a busy controller, and processor "
        "seconds and memory are the controller's alone. Memory is the peak of what all of its processes hold together.",
        "## What was to be reached",
        _table(("", "before", "to reach", "measured", ""), [_reached(_a_host(figures["deploy"]))]),
        "## A glance: smallfleet.bluegreen.status",
        f"Up to {figures['real']} hosts the median of three runs, each of which makes its connections. Beyond that the entries "
        "of the inventory are those hosts by other names, which share their connections; one run.",
        _table(("hosts", "forks", "s", "processor s", "the same a host", "MiB"), [_row(run) for run in figures["status"]]),
        f"On paper, {ON_PAPER} hosts, each of which costs as much as each of the "
        f"{figures['status'][-1]['hosts']} did beyond the first:",
        _table(("forks", "s", "processor s"), [_grown(figures, run) for run in many(figures["status"])]),
        "## A release: smallfleet.bluegreen.deploy",
        "Approved by itself, so planned, deployed and finished.",
        _table(
            ("hosts", "forks", "batches", "s", "processor s", "the same a host", "MiB"),
            [_row(run, _batches(run["serial"])) for run in figures["deploy"]],
        ),
        f"One host takes {figures['deploy'][0]['seconds']:.0f} s, of which its controller works {_a_host(figures['deploy']):.1f} s "
        f"where there are more of them: one processor keeps {at_a_time(figures['deploy']):.0f} hosts at a time going. A host "
        "that is slower takes longer, and no more of the controller.",
    ]
    return "\n\n".join(parts) + "\n"


def _reached(value):
    before, most = A_HOST
    verdict = "met" if value <= most else "**not met**"
    return "controller, processor seconds a host", f"{before:g} s", f"≤ {most:g} s", f"{value:.2f} s", verdict


def many(runs):
    """Those of the most hosts."""
    most = max(run["hosts"] for run in runs)
    return [run for run in runs if run["hosts"] == most]


def grown(one, run, name):
    """A figure at ON_PAPER hosts: what one host costs, and for each more what each more has cost."""
    return one[name] + (run[name] - one[name]) / (run["hosts"] - one["hosts"]) * (ON_PAPER - one["hosts"])


def at_a_time(deployments):
    """How many hosts one processor of the controller can deploy to at a time."""
    return deployments[0]["seconds"] / _a_host(deployments)


def _a_host(deployments):
    """Processor seconds of a host among the most of them."""
    run = many(deployments)[0]
    return run["cpu_s"] / run["hosts"]


def _grown(figures, run):
    one = figures["status"][0]
    return run["forks"], *(f"{grown(one, run, name):.0f}" for name in ("seconds", "cpu_s"))


def _row(run, *more):
    return (
        run["hosts"], run["forks"], *more, f"{run['seconds']:.1f}", f"{run['cpu_s']:.1f}", f"{run['cpu_s'] / run['hosts']:.2f}",
        f"{run['mib']:.0f}",
    )  # fmt: skip


def _batches(serial):
    return serial if isinstance(serial, str) else ", ".join(map(str, serial))


def _table(head, rows):
    return markdown([head, *rows], words=0)
