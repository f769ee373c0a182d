"""lab/vm.py: how the emulator is called."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import vm

FOLDER = Path("/state/vm/arm64/run")


@pytest.fixture(name="state")
def _state(tmp_path, monkeypatch):
    monkeypatch.setattr(vm, "STATE", tmp_path)
    (tmp_path / "amd64" / "run").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    "arch, program, console", [("arm64", "qemu-system-aarch64", "ttyAMA0"), ("amd64", "qemu-system-x86_64", "ttyS0")]
)
def test_each_architecture_has_its_emulator(arch, program, console):
    words = vm.command_line(arch, FOLDER, 2201, 8001)
    assert program in words
    assert words[words.index("-append") + 1].endswith(f"console={console}")


def test_what_the_guest_wrote_survives_the_emulator():
    words = vm.command_line("arm64", FOLDER, 2201, 8001)
    assert words[words.index("-drive") + 1] == f"file={FOLDER}/disk.img,format=raw,if=virtio,cache=writethrough"


def test_kernel_and_initrd_lie_beside_the_disk_that_they_came_from():
    words = vm.command_line("arm64", FOLDER, 2201, 8001)
    assert words[words.index("-kernel") + 1] == "/state/vm/arm64/vmlinuz"
    assert words[words.index("-initrd") + 1] == "/state/vm/arm64/initrd"


def test_only_this_machine_reaches_the_guest_and_the_guest_reaches_nobody():
    words = vm.command_line("amd64", FOLDER, 2201, 8001)
    network = words[words.index("-netdev") + 1]
    assert "restrict=on" in network
    assert re.findall(r"hostfwd=tcp:(.*?)-:(\d+)", network) == [("127.0.0.1:2201", "22"), ("127.0.0.1:8001", "80")]


def test_a_machine_of_another_architecture_is_refused():
    with pytest.raises(vm.VmError, match="no machine of architecture 'riscv64'; there are arm64 and amd64"):
        vm.Machine("riscv64")


def test_a_machine_that_was_not_made_is_named(state):
    with pytest.raises(vm.VmError, match=r"lab/vm.py create amd64 makes one"):
        print(vm.Machine("amd64").port)


def test_a_process_that_is_no_emulator_is_not_taken_for_one(state):
    """A pid file outlives its emulator, and its number may be somebody else's by now: this test's own, say."""
    (state / "amd64" / "run" / "pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    assert vm.Machine("amd64").pid is None
    vm.Machine("amd64").cut()


def test_a_torn_pid_file_is_no_emulator(state):
    (state / "amd64" / "run" / "pid").write_text("", encoding="ascii")
    assert vm.Machine("amd64").pid is None


def test_a_disk_that_was_not_built_is_named_with_the_way_out(state):
    with pytest.raises(vm.VmError, match=r"disk.img; run lab/setup vm-amd64\."):
        vm.create("amd64")
