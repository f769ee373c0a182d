"""bench/kernel.py, bench/kinds.py and bench/accountant.py: whose each process is, and what it spends."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

import kernel
import kinds
import pytest
from accountant import Accountant, Proc
from kernel import Ended, Executed, Forked, Gone

HOST, INNER = "a" * 64, "b" * 64
PYZ = "/var/lib/bluegreen/shop/guard.pyz"


@pytest.mark.parametrize(
    ("words", "parent", "kind"),
    [
        # The engine, started by any process.
        (["/usr/sbin/dockerd", "-H", "fd://"], "system", "engine"),
        (["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby"], "engine", "engine"),
        (["runc", "--root", "/run"], "engine", "engine"),
        (["runc:[2:INIT]"], "engine", "engine"),
        (["/usr/sbin/iptables", "--wait"], "engine", "engine"),
        # Compose, started by any process.
        (["docker", "compose", "up"], "script", "compose"),
        (["docker", "compose", "up"], "module", "compose"),
        (["/usr/libexec/docker/cli-plugins/docker-compose", "compose", "up"], "compose", "compose"),
        # Ansible.
        (["sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"], "system", "ansible"),
        (["sshd-session: pi [priv]"], "ansible", "ansible"),
        (["/usr/lib/openssh/sftp-server"], "ansible", "ansible"),
        (["/bin/sh", "-c", f"sudo /bin/sh -c '/usr/bin/python3 {PYZ}'"], "ansible", "ansible"),
        (["sudo", "-H", "-S", "-n", "-u", "root", "/bin/sh", "-c", f"python3 {PYZ}"], "ansible", "ansible"),
        (["/usr/bin/python3"], "ansible", "module"),
        (["/usr/bin/python3", "/home/pi/.ansible/tmp/x/AnsiballZ_bg_info.py"], "ansible", "module"),
        (["nginx", "-t"], "module", "module"),
        (["systemctl", "start", "x"], "module", "module"),
        # The collection's own.
        (["/usr/bin/python3.13", "-I", PYZ, "step", "shop"], "ansible", "program"),
        (["nginx", "-s", "reload"], "program", "program"),
        (["/usr/bin/python3.13", "-I", PYZ, "guard", "shop"], "system", "guard"),
        # A way's.
        (["bash", "/srv/bench/ways/script.sh"], "script", "script"),
        (["curl", "--silent"], "script", "script"),
        (["python3", "/srv/watch/accountant.py", "/"], "ansible", "watch"),
        # The host's.
        (["nginx: master process /usr/sbin/nginx"], "system", "nginx"),
        (["nginx: worker process"], "nginx", "nginx"),
        (["/usr/lib/systemd/systemd-journald"], "system", "system"),
        (["/usr/bin/python3", "/usr/bin/something"], "system", "system"),
        ([], "compose", "compose"),
    ],
)
def test_whose_a_process_is(words, parent, kind):
    assert kinds.kind_of(words, None, parent) == kind


def test_what_runs_in_a_container_is_the_apps_whatever_it_is():
    assert kinds.kind_of(["/usr/bin/python3", PYZ], INNER, "engine") == f"app:{INNER}"


@pytest.mark.parametrize(
    ("groups", "container"),
    [
        (f"2:cpuacct:/docker/{HOST}\n1:cpu:/docker/{HOST}/system.slice/ssh.service\n", None),
        (f"9:name=systemd:/docker/{HOST}/init.scope\n2:cpuacct:/docker/{HOST}/docker/{INNER}\n", INNER),
        (f"0::/system.slice/docker-{HOST}.scope/system.slice/docker-{INNER}.scope\n", INNER),
        (f"2:cpuacct:/docker/{INNER}\n", None),
    ],
)
def test_the_container_of_a_process_is_that_within_the_host(groups, container):
    assert kinds.container_in(groups, HOST) == container


@pytest.mark.parametrize(
    ("groups", "container"), [(f"0::/system.slice/docker-{INNER}.scope\n", INNER), ("0::/init.scope\n", None)]
)
def test_on_a_machine_by_itself_each_container_is_one_of_the_app(groups, container):
    assert kinds.container_in(groups, "/") == container


class FakeProcesses:
    """A /proc of a temporary folder, which a test writes to."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, process, words, seconds, parent=1, inside="", threads=()):
        for number in (process, *threads):
            own = self.folder / str(number)
            own.mkdir(exist_ok=True)
            (own / "schedstat").write_text(f"{int(seconds * 1e9)} 0 0\n")
        own = self.folder / str(process)
        (own / "cmdline").write_text("\0".join(words) + "\0" if words else "")
        (own / "cgroup").write_text(f"2:cpuacct:{inside}\n")
        (own / "stat").write_text(f"{process} (a) b) S {parent} 0 0\n")
        (own / "status").write_text("Name:\tx\nVmHWM:\t 20480 kB\nRssAnon:\t 10240 kB\n")
        for number in (process, *threads):
            (own / "task" / str(number)).mkdir(parents=True, exist_ok=True)

    def spend(self, thread, seconds):
        (self.folder / str(thread) / "schedstat").write_text(f"{int(seconds * 1e9)} 0 0\n")

    def remove(self, process):
        for file in ("schedstat", "cmdline", "cgroup", "stat", "status"):
            (self.folder / str(process) / file).unlink()


@pytest.fixture
def proc(tmp_path):
    return FakeProcesses(tmp_path)


@pytest.fixture
def book(proc, tmp_path):
    within = f"/docker/{HOST}"
    proc.put(100, ["/lib/systemd/systemd"], 5.0, parent=1, inside=within)
    proc.put(110, ["/usr/sbin/dockerd"], 9.0, parent=100, inside=within, threads=(111,))
    proc.put(120, ["sshd: /usr/sbin/sshd -D"], 1.0, parent=100, inside=within)
    proc.put(50, ["/usr/sbin/dockerd"], 70.0, parent=1, inside="/")
    made = kinds.Book(Proc(str(tmp_path)), HOST)
    made.begin(0.0)
    return made


def spent(book):
    return {kind: round(seconds, 3) for kind, seconds in kinds.spent(book.charges, 0.0, 1000.0).items()}


def test_what_was_spent_before_is_nobodys_and_a_thread_counts_for_its_process(book, proc):
    proc.spend(110, 9.25)
    proc.spend(111, 9.5)
    proc.spend(50, 80.0)
    book.look(1.0)
    assert spent(book) == {"engine": 0.75}


def test_a_short_process_is_charged_to_whoever_it_was_at_each_moment(book, proc):
    within = f"/docker/{HOST}"
    book.forked(Forked(parent=120, thread=130, process=130), 1.0)
    proc.put(130, ["/usr/bin/python3"], 0.02, inside=within)
    book.executed(Executed(130), 1.1)
    book.forked(Forked(parent=130, thread=131, process=130), 1.2)
    proc.remove(130)
    book.exited(Ended(thread=131, seconds=0.1, name="python3", peak_mib=30.0), 1.3)
    book.exited(Ended(thread=130, seconds=0.22, name="python3", peak_mib=30.0), 1.4)
    # The fork of sshd took 20 ms before it became Python.
    assert spent(book) == {"ansible": 0.02, "module": 0.3}
    assert [weight.mib for weight in book.peaks if weight.kind == "module"] == [30.0, 30.0]


def test_one_that_was_gone_before_it_was_looked_at_is_known_by_its_name(book):
    book.forked(Forked(parent=120, thread=130, process=130), 1.0)
    book.executed(Executed(130), 1.1)
    book.exited(Ended(thread=130, seconds=0.01, name="docker", peak_mib=20.0), 1.2)
    assert spent(book) == {"compose": 0.01}


def test_what_it_takes_to_give_memory_back_counts_and_a_number_may_come_again(book, proc):
    within = f"/docker/{HOST}"
    for number, moment in enumerate((1.0, 2.0), 1):
        book.forked(Forked(parent=110, thread=130, process=130), moment)
        proc.put(130, ["runc"], 0.0, inside=within)
        book.executed(Executed(130), moment)
        book.exited(Ended(thread=130, seconds=0.01, name="runc", peak_mib=9.0), moment)
        proc.spend(130, 0.015)
        book.gone(Gone(130), moment)
        proc.remove(130)
        book.forget(Gone(130))
        assert spent(book) == {"engine": 0.015 * number}


def test_one_that_comes_from_outside_is_the_scripts_unless_it_says_otherwise(book, proc):
    proc.put(140, ["bash", "/srv/bench/ways/script.sh"], 0.005, inside=f"/docker/{HOST}")
    book.executed(Executed(140), 1.0)
    proc.put(141, ["bash", "elsewhere"], 0.005, inside="/docker/other")
    book.executed(Executed(141), 1.0)
    proc.spend(140, 0.105)
    proc.spend(141, 9.0)
    book.look(2.0)
    assert spent(book) == {"script": 0.1}


def test_a_process_that_enters_a_container_is_the_apps_from_then_on(book, proc):
    book.forked(Forked(parent=110, thread=150, process=150), 1.0)
    proc.put(150, ["gunicorn"], 0.03, inside=f"/docker/{HOST}/docker/{INNER}")
    book.executed(Executed(150), 1.1)
    proc.spend(150, 0.53)
    book.look(2.0)
    assert spent(book) == {"engine": 0.03, f"app:{INNER}": 0.5}


def test_calls_of_compose_are_counted_and_weighed(book, proc):
    book.forked(Forked(parent=120, thread=160, process=160), 1.0)
    proc.put(160, ["docker", "compose", "ps"], 0.0, inside=f"/docker/{HOST}")
    book.executed(Executed(160), 1.1)
    for number, (word, moment) in enumerate((("docker-cli-plugin-metadata", 1.2), ("compose", 1.3)), 161):
        book.forked(Forked(parent=160, thread=number, process=number), moment)
        words = ["/usr/libexec/docker/cli-plugins/docker-compose", word]
        proc.put(number, words, 0.0, inside=f"/docker/{HOST}")
        book.executed(Executed(number), moment)
    book.look(1.4)
    # It asks its plugin what it is, and then calls it.
    assert book.compose_calls == [1.3]
    assert book.held == [kinds.Weight(1.4, "compose", 30.0)]


def test_of_all_charges_those_of_every_container_are_one():
    charges = [kinds.Charge(0, 1, "app:x", 1.0), kinds.Charge(5, 6, "app:y", 2.0), kinds.Charge(0, 9, "engine", 0.5)]
    assert kinds.of_all(charges) == {"app:": 3.0, "engine": 0.5}


@pytest.mark.parametrize(
    ("begin", "end", "seconds"), [(0, 10, 4.0), (0, 4, 2.0), (3, 5, 2.0), (6, 10, 0.0), (-5, 2.5, 0.5)]
)
def test_what_spans_a_moment_counts_in_part(begin, end, seconds):
    assert kinds.spent([kinds.Charge(2.0, 6.0, "x", 4.0)], begin, end).get("x", 0.0) == seconds


def test_a_fork_an_exec_and_an_end_are_read():
    head = struct.pack("=IIIIHH", 1, 1, 0, 0, 40, 0)
    numbers = struct.pack("=4I", 1, 2, 3, 4)
    read = [
        kernel.process_event(head + struct.pack("=IIQ", what, 0, 0) + numbers) for what in (1, 2, 0x80000000, 4)
    ]
    assert read == [Forked(2, 3, 4), Executed(2), Gone(1), None]
    assert kernel.process_event(head) is None


def test_the_statistics_of_a_thread_are_read_and_the_sum_of_its_process_is_not():
    stats = bytearray(328)
    struct.pack_into("=Q", stats, 72, 1_500_000_000)
    stats[80:86] = b"docker"
    struct.pack_into("=I", stats, 128, 4711)
    struct.pack_into("=Q", stats, 200, 2048)
    for kind, expected in ((4, Ended(4711, 1.5, "docker", 2.0)), (5, None)):
        inner = struct.pack("=HHI", 8, 1, 4711) + struct.pack("=HH", 4 + len(stats), 3) + bytes(stats)
        message = struct.pack("=BBH", 2, 1, 0) + struct.pack("=HH", 4 + len(inner), kind) + inner
        assert kernel.exit_event(message) == expected


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
