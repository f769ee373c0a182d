"""bench/accountant.py, kernel.py and kinds.py: what processes spend, told by the kernel of this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import kinds
import pytest
from accountant import Accountant


@contextlib.contextmanager
def group():
    """A control group of this machine, named like a container."""
    folder = Path("/sys/fs/cgroup")
    made = (folder if (folder / "cgroup.procs").exists() else folder / "cpuacct") / uuid.uuid4().hex.ljust(64, "0")
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.rmdir()


BURN = "import time; e = time.process_time() + {}\nwhile time.process_time() < e: pass"


def test_the_kernel_tells_of_processes_however_short_they_are(tmp_path):
    (tmp_path / "docker").symlink_to(sys.executable)
    with group() as made:
        watching = Accountant(made.name)
        if watching.why_not:
            watching.stop()
            pytest.skip(watching.why_not)
        begun = time.time()
        script = (
            f"echo $$ >{made}/cgroup.procs; {tmp_path}/docker -c '{BURN.format(0.2)}';"
            f" for each in 1 2 3 4 5; do {tmp_path}/docker -c ''; done; {sys.executable} -c '{BURN.format(0.1)}'"
        )
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        # Within a shell of its own: only what begins in the group belongs to it.
        subprocess.run(["sh", "-c", 'sh -c "$1"; :', "sh", script], check=True, env=environment)
        ended = time.time()
        seen = watching.stop()
    sums = kinds.spent(seen.charges, begun, ended)
    assert 0.2 <= sums["compose"] < 1.5
    assert 0.1 <= sums["script"] < 1.0
    assert max(weight.mib for weight in seen.peaks if weight.kind == "compose") > 3
