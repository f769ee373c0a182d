#!/usr/bin/env python3
"""The benchmark behind `make bench`: the same app under the same load, deployed by one way after another.

    .venv/bin/python bench/run.py [--ways NAME,…] [--settings NAME,…] [--runs NUMBER] [--continue]
    .venv/bin/python bench/run.py --report-only

`make bench` runs lab/setup before it, which it needs. It makes one container bluegreen-bench, which is
removed at the end, and writes docs/results/bench.md, its pictures beside it, and bench/raw/ (a file a measurement,
written as it ends, which git ignores).
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

# Neither the benchmark nor the demo is a package: their files lie in these folders.
for folder in ("lab", "demo", "bench"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

# pylint: disable=wrong-import-position
import figures  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import mix  # noqa: E402
import picture  # noqa: E402
import tables  # noqa: E402
from kernel import Unobservable  # noqa: E402
from places import LOGS, PICTURES, RAW, REPORT, RUN  # noqa: E402
from screen import elapsed, ended, say, seconds_since_start, shown, this_machine  # noqa: E402
from settings import FIRST, FLOOR, MEASURED, SETTINGS, BenchError, chosen, rounds  # noqa: E402

RUNS = 3


class Results:
    """What was measured, in files: one for each measurement, and one about all of them."""

    def begin(self, meta: dict) -> None:
        shutil.rmtree(RAW, ignore_errors=True)
        RAW.mkdir()
        self.write_meta(meta)

    def meta(self) -> dict:
        try:
            return _read(RAW / "bench.json")
        except FileNotFoundError as error:
            file = shown(RAW / "bench.json")
            raise BenchError(f"Nothing was measured yet: there is no {file}; run `make bench`.") from error

    def write_meta(self, meta: dict) -> None:
        (RAW / "bench.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")

    def _file(self, setting: str, way: str, run: int) -> Path:
        return RAW / setting / f"{way}-{run}.json"

    def has(self, setting: str, way: str, run: int) -> bool:
        """Say whether a measurement is there; one that ended with an error is none."""
        file = self._file(setting, way, run)
        return file.exists() and _read(file)["rc"] == 0

    def write(self, setting: str, way: str, run: int, kept: dict) -> None:
        file = self._file(setting, way, run)
        file.parent.mkdir(exist_ok=True)
        # Aside first: a measurement that was cut off here must not look like a whole one.
        aside = file.with_suffix(".tmp")
        aside.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")
        aside.replace(file)

    def runs(self) -> dict:
        """Return {setting: {way: [what is kept of each run]}} in the order of the settings and ways."""
        found: dict = {}
        for setting in SETTINGS:
            for way in MEASURED:
                files = sorted((RAW / setting).glob(f"{way}-[0-9]*.json"))
                if files:
                    found.setdefault(setting, {})[way] = [_read(file) for file in files]
        return found

    def report(self) -> dict:
        """Write the report and its pictures; return the runs that they are of."""
        meta, runs = self.meta(), self.runs()
        whole = {setting: tables.whole(ways) for setting, ways in runs.items() if tables.whole(ways)}
        if not whole:
            raise BenchError(f"No deployment came through, so there is nothing to report; see {shown(LOGS)}.")
        setting = FIRST if FIRST in whole else next(iter(whole))
        shutil.rmtree(PICTURES, ignore_errors=True)
        PICTURES.mkdir()
        typical = {way: tables.typical(each) for way, each in whole[setting].items()}
        scale = picture.scale(run["course"] for run in typical.values())
        for way, run in typical.items():
            title = f"{way}: {SETTINGS[setting].title}"
            (PICTURES / f"{way}.svg").write_text(picture.svg(title, run["course"], scale), encoding="utf-8")
        text = tables.report({**meta, "pictures": setting}, runs)
        REPORT.write_text(text, encoding="utf-8")
        return runs


def _read(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))


def bench(options: argparse.Namespace) -> int:
    results = Results()
    if options.report_only:
        results.report()
        say(f"The report is {shown(REPORT)}.")
        return 0
    meta = results.meta() if options.resume else about(options)
    shutil.rmtree(RUN, ignore_errors=True)
    LOGS.mkdir(parents=True)
    say(f"▸ Start a host of 1 GiB, and prepare it: {machine.NAME}")
    with machine.made() as host:
        if not options.resume:
            meta["versions"] = host.versions()
            meta["untold"] = host.why_untold()
            results.begin(meta)
        if meta.get("untold"):
            say(f"Whose the processor seconds are is not measured. {meta['untold']}")
        try:
            measure_all(host, results, meta)
        finally:
            results.write_meta({**meta, "seconds": meta["seconds"] + seconds_since_start()})
    runs = results.report()
    for setting, ways in runs.items():
        say(f"\n{tables.brief(setting, ways)}")
    say(f"\nIt took {elapsed()} minutes. The report is {shown(REPORT)}.")
    codes = [run["rc"] for ways in runs.values() for each in ways.values() for run in each]
    if any(codes):
        raise BenchError(
            f"{sum(map(bool, codes))} of {len(codes)} deployments ended with an error; the report says "
            f"which, and the logs are in {shown(LOGS)}."
        )
    return 0


def measure_all(host: machine.Machine, results: Results, meta: dict) -> None:
    for setting in meta["settings"]:
        every = rounds(meta["ways"], meta["runs"])
        left = [(run, way) for run, way in every if not results.has(setting, way, run)]
        whole = False
        for number, (run, way) in enumerate(left, 1):
            if not whole:
                say(f"\n▸ {SETTINGS[setting].title} ({elapsed()} since the start)")
                host.enter(SETTINGS[setting])
            observed = measure.measure(host, way, f"{setting}-{way}-{run}")
            kept = figures.of_floor(observed) if way == FLOOR else figures.of_run(observed)
            results.write(setting, way, run, kept)
            say(f"  {number:2} of {len(left)}: {way:<14}{floor_line(kept) if way == FLOOR else line(kept)}")
            # A way that failed may leave anything behind: then the setting is made anew.
            whole = kept["rc"] == 0
            if whole:
                host.tidy(way)
            else:
                say(f"      it ended with {kept['rc']}; the log is {shown(Path(observed.outcome.log))}")


def line(kept: dict) -> str:
    own = figures.with_ratios(kept["figures"])
    return (
        f"{own['seconds']:5.1f} s, {own['worker_gap_s']:4.1f} s without a task, p99 × {own['p99_ratio'] or 0:4.1f}, "
        f"memory × {own['memory_ratio'] or 0:.2f}, failed {own['failed']}, lost {own['lost']}, "
        f"doubled {own['doubled']}"
    )


def floor_line(kept: dict) -> str:
    own = kept["figures"]
    return f"{own['seconds']:5.1f} s, {own.get('cpu_floor_s') or 0:.1f} s of the processor"


def about(options: argparse.Namespace) -> dict:
    """Return what the report says about this benchmark, and what --continue goes by."""
    # A part is measured in one setting unless it is said otherwise; all ways in all.
    settings = options.settings or (FIRST if options.ways else ",".join(SETTINGS))
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "ways": chosen("WAYS", options.ways or ",".join(MEASURED), MEASURED),
        "settings": chosen("SETTINGS", settings, SETTINGS),
        "runs": options.runs or RUNS,
        "seconds": 0,
        "machine": f"{this_machine()}, Linux {platform.release()}",
        "controller": f"ansible-core {metadata.version('ansible-core')}, Python {platform.python_version()}",
        "load": {
            "requests": measure.REQUESTS_A_SECOND,
            "tasks": measure.TASKS_A_SECOND,
            "queued": mix.QUEUED,
            "delayed": mix.DELAYED,
            "before": measure.BEFORE_SECONDS,
            "after": measure.AFTER_SECONDS,
        },
    }


def number_of_runs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 99:
        raise argparse.ArgumentTypeError(f"{text} is not possible; it is a number from 1 to 99")
    return int(text)


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(description="Measure ways to deploy on a Pi-sized host.")
    parser.add_argument("--ways", default="", help=f"of {', '.join(MEASURED)} (default: all)")
    parser.add_argument(
        "--settings",
        default="",
        help=f"of {', '.join(SETTINGS)} (default: all, or {FIRST} when ways are chosen)",
    )
    parser.add_argument("--runs", type=number_of_runs, help=f"of each way (default: {RUNS})")
    parser.add_argument(
        "--continue", dest="resume", action="store_true", help="measure what a run that was cut off has left"
    )
    parser.add_argument("--report-only", action="store_true", help="write the report from what was measured")
    options = parser.parse_args(arguments)
    if options.resume and (options.ways or options.settings or options.runs):
        parser.error(
            "--continue measures what was asked for before; it goes without --ways, --settings and --runs"
        )
    stopped = "`make bench CONTINUE=1` measures the rest, `make bench-report` shows what there is."
    return ended("bench", __file__, lambda: bench(options), stopped, RUN, BenchError, Unobservable, machine.lab.HostError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
