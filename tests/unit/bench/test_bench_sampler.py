"""bench/sampler.py: control groups of either version; demo/callback/timeline.py: phases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sampler
import timeline

FIRST, SECOND = "a" * 64, "b" * 64
MIB = 1024 * 1024


def group(folder, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="ascii")
    return str(folder)


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_version_1_with_containers_of_the_engines_own_driver(tmp_path):
    memory = group(tmp_path / "memory", memory_stat=f"rss 1\ntotal_rss {300 * MIB}\n")
    cpu = group(tmp_path / "cpu", cpuacct_usage="2500000000\n", cpu_stat="nr_periods 9\nthrottled_time 1500000000\n")
    group(tmp_path / "memory" / "docker" / FIRST, memory_stat=f"total_rss {50 * MIB}\n")
    group(tmp_path / "memory" / "docker" / "buildkit", memory_stat="total_rss 1\n")
    watching = sampler.Sampler(memory, cpu, cpu, interval=0.01).start()
    wait_for(lambda: watching.samples)
    sample = watching.stop()[0]
    assert (sample.mib, sample.cpu_seconds, sample.held_seconds) == (300.0, 2.5, 1.5)
    assert sample.containers == {FIRST: 50.0}


def test_version_2_with_containers_in_scopes_of_systemd(tmp_path):
    cpu_stat = "usage_usec 1500000\nuser_usec 1\nthrottled_usec 250000\n"
    whole = group(tmp_path / "host", memory_stat=f"anon {200 * MIB}\n", cpu_stat=cpu_stat)
    group(tmp_path / "host/system.slice" / f"docker-{SECOND}.scope", memory_stat=f"anon {20 * MIB}\n")
    assert [sampler.anonymous_mib(folder) for folder in sampler.container_folders(whole)] == [20.0]
    assert (sampler.anonymous_mib(whole), sampler.cpu_seconds(whole)) == (200.0, 1.5)
    assert sampler.held_seconds(whole) == 0.25


def test_the_machine_is_busy_when_it_neither_idles_nor_waits(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 9999 8888 4 5 6 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n", encoding="ascii")
    assert sampler.busy_seconds(str(stat)) == 165 / os.sysconf("SC_CLK_TCK")


def test_a_container_that_ends_while_it_is_looked_at_is_left_out(tmp_path):
    memory = group(tmp_path / "memory", memory_stat=f"total_rss {MIB}\n")
    cpu = group(tmp_path / "cpu", cpuacct_usage="1\n", cpu_stat="throttled_time 0\n")
    (tmp_path / "memory" / "docker" / FIRST).mkdir(parents=True)
    watching = sampler.Sampler(memory, cpu, cpu, interval=0.01).start()
    wait_for(lambda: watching.samples)
    assert watching.stop()[0].containers == {}


def test_a_host_that_is_gone_ends_the_measurement_and_not_only_the_samples(tmp_path):
    watching = sampler.Sampler(str(tmp_path / "gone"), str(tmp_path), str(tmp_path), interval=0.01).start()
    wait_for(lambda: not watching._thread.is_alive())
    with pytest.raises(FileNotFoundError):
        watching.stop()


@pytest.mark.parametrize(
    ("path", "play", "phase"),
    [
        ("/c/roles/bluegreen/tasks/phases/stop_workers.yml:3", "Deploy", "stop_workers"),
        ("/c/roles/bluegreen/tasks/phases/open.yml:5", "Deploy", "open"),
        ("/c/roles/bluegreen/tasks/phases/open.yml:5", "Plan", "plan"),
        ("/c/roles/bluegreen/tasks/finish.yml:4", "Finish", "finish"),
    ],
)
def test_a_task_belongs_to_the_phase_of_its_file(path, play, phase):
    assert timeline.phase_of(path, play) == phase


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Once for each
      ansible.builtin.command: "true"
      loop: [1, 2]
    - name: Here
      ansible.builtin.set_fact: {a: 1}
    - name: Not at all
      ansible.builtin.command: "true"
      when: false
    - name: Once
      ansible.builtin.command: "true"
"""


def test_each_run_on_a_host_is_noted_and_those_of_a_loop_by_themselves(tmp_path):
    (tmp_path / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "ansible.cfg").write_text("", encoding="utf-8")
    noted = tmp_path / "noted.jsonl"
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment = {
        **own,
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(timeline.__file__).parent),
        "ANSIBLE_CALLBACKS_ENABLED": "timeline",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "BLUEGREEN_TIMELINE": str(noted),
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), tmp_path / "play.yml"]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    tasks = [json.loads(line) for line in noted.read_text(encoding="utf-8").splitlines()]
    runs = [task for task in tasks if task["remote"]]
    assert [task["name"] for task in runs] == ["Once for each", "Once for each", "Once"]
    assert all(first["end"] <= second["begin"] for first, second in zip(runs, runs[1:]))
