"""Where the benchmark's files are."""

from __future__ import annotations

from screen import ROOT

BENCH = ROOT / "bench"
DEMO = ROOT / "demo"
REPORT = ROOT / "docs/results/bench.md"
PICTURES = REPORT.with_suffix("")
# Git-ignored: a file for each measurement, which the report is made of; the inventory, and the logs of the playbooks.
RAW = BENCH / "raw"
RUN = BENCH / ".run"
LOGS = RUN / "logs"
INVENTORY = RUN / "inventory.yml"
KEY = RUN / "key"
NO_CONFIG = RUN / "ansible.cfg"
