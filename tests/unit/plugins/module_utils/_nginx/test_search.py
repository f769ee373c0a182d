# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    master as nginx_master,
    search as nginx_search,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx

SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}


class Machine:
    """Masters by their pids, with what each was started with; which files they read, and where they listen."""

    def __init__(self, folder, host, monkeypatch):
        self.folder = folder
        self.host = host
        self.nginx = Nginx("shop", str(folder / "shop.conf"), "", SERVERS, "http://127.0.0.1:8080/", "")
        self.titles, self.dumps, self.ports, self.mounts = {}, {}, {}, {"self": "mnt:[1]"}
        host.run = self.run
        monkeypatch.setattr(nginx_master, "masters_here", lambda: sorted(self.titles))
        monkeypatch.setattr(nginx_master, "title", lambda pid: f"nginx: master process {self.titles[pid]}")
        monkeypatch.setattr(nginx_master, "program_of", lambda pid: self.titles[pid].split(" ")[0])
        monkeypatch.setattr(nginx_master, "read_as", lambda pid, path: Path(path).read_text())
        monkeypatch.setattr(nginx_master, "namespace", lambda pid, kind: self.mounts.get(pid, "mnt:[1]"))
        monkeypatch.setattr(nginx_search, "sees", lambda pid, file: pid not in self.blind)
        monkeypatch.setattr(nginx_search, "_listens", lambda found, port: port == self.ports.get(found.pid, 8080))
        self.blind = ()

    def run(self, argv, **options):
        if "-V" in argv:
            return Completed(0, "", f"configure arguments: --prefix={self.folder} --conf-path={self.folder}/usual.conf")
        pid = int(options["cwd"].split("/")[2])
        return Completed(0, "".join(f"# configuration file {file}:\n\n" for file in self.dumps.get(pid, ())), "")

    def master(self, pid, arguments="", conf="usual.conf", written=None, program="/usr/sbin/nginx"):
        self.titles[pid] = f"{program} {arguments}".strip()
        (self.folder / conf).write_text(f"pid {conf}.pid;\n")
        (self.folder / f"{conf}.pid").write_text(str(pid if written is None else written))

    def find(self):
        return nginx_search.find(self.host, self.nginx)


@pytest.fixture
def machine(tmp_path, host, monkeypatch):
    return Machine(tmp_path, host, monkeypatch)


@pytest.mark.parametrize(
    "arguments, conf, pid_file",
    [
        ("", "usual.conf", "usual.conf.pid"),
        ("-c own.conf", "own.conf", "own.conf.pid"),
        ("-c {folder}/own.conf -g daemon on; master_process on;", "own.conf", "own.conf.pid"),
    ],
)
def test_a_master_is_called_as_it_was_started(machine, arguments, conf, pid_file):
    arguments = arguments.format(folder=machine.folder)
    machine.master(7, arguments, conf, program="/usr/local/openresty/nginx/sbin/nginx")
    found = machine.find()
    assert found.pid == 7
    assert " ".join(found.command) == f"/usr/local/openresty/nginx/sbin/nginx {arguments}".strip()
    assert found.pid_file == str(machine.folder / pid_file)


def test_a_pid_file_in_the_arguments(machine):
    (machine.folder / "x.pid").write_text("7")
    machine.titles[7] = f"/usr/sbin/nginx -g pid {machine.folder}/x.pid;"
    assert machine.find().pid_file == str(machine.folder / "x.pid")


def test_no_configuration(machine):
    machine.titles[7] = "/usr/sbin/nginx"
    with pytest.raises(
        BluegreenError, match=r"The configuration of Nginx \(process 7\), .*/usual.conf, cannot be read"
    ):
        machine.find()


@pytest.mark.parametrize(
    "installed, words", [(True, "Nginx does not run on this host: start it"), (False, "is not installed on")]
)
def test_nothing_runs(machine, monkeypatch, installed, words):
    monkeypatch.setattr(nginx_master, "program", lambda name: "/usr/sbin/nginx" if installed else "")
    with pytest.raises(BluegreenError, match=words):
        machine.find()


def test_a_master_that_ends_meanwhile(machine, monkeypatch):
    def gone(pid):
        raise FileNotFoundError(pid)

    machine.master(7)
    monkeypatch.setattr(nginx_master, "program_of", gone)
    monkeypatch.setattr(nginx_master, "program", lambda name: "/usr/sbin/nginx")
    with pytest.raises(BluegreenError, match="Nginx does not run on this host: start it"):
        machine.find()


def test_a_master_with_a_view_of_its_own_is_called_within_it(machine):
    machine.master(7)
    machine.mounts[7] = "mnt:[2]"
    assert machine.find().command[1:] == ["--target=7", "--mount", "--wd", "--", "/usr/sbin/nginx"]


def test_a_pid_file_that_is_wrong(machine):
    machine.master(7, written="")
    with pytest.raises(BluegreenError, match=r"Nginx runs \(process 7\), but its pid file .* is missing or empty"):
        machine.find()


def test_a_file_that_it_does_not_see(machine):
    machine.master(7)
    machine.blind = (7,)
    with pytest.raises(
        BluegreenError, match=r"Nginx \(process 7\) does not see .*/shop.conf as this host does, because a setting"
    ):
        machine.find()


@pytest.mark.parametrize(
    "reads, ports, chosen",
    [
        ((7,), {7: 9, 8: 8080}, 7),
        ((8,), {}, 8),
        ((7, 8), {7: 80}, 8),
        ((), {8: 80}, 7),
        ((7, 8), {}, None),
        ((), {7: 1, 8: 2}, None),
    ],
)
def test_one_of_several(machine, reads, ports, chosen):
    machine.master(7)
    machine.master(8, "-c own.conf", "own.conf")
    machine.dumps = {pid: ["/n.conf", machine.nginx.file] for pid in reads}
    machine.ports = ports
    if chosen:
        assert machine.find().pid == chosen
        return
    with pytest.raises(BluegreenError) as refusal:
        machine.find()
    assert refusal.value.message == (
        "Several instances of Nginx run on this host (process 7: /usr/sbin/nginx, process 8: /usr/sbin/nginx -c "
        f"own.conf), and neither {machine.nginx.file} nor the port of bluegreen_public_url http://127.0.0.1:8080/ "
        "tells which one serves the app: include that file in only one of them, or stop the others."
    )


def test_one_that_is_exchanged_for_a_newer_program(machine):
    machine.master(7)
    machine.master(8)
    assert machine.find().pid == 8


# What a process sees


def test_sees(tmp_path, monkeypatch):
    me, file = os.getpid(), tmp_path / "shop.conf"
    assert nginx_search.sees(me, str(file))
    file.write_text("x")
    assert nginx_search.sees(me, str(file))
    assert nginx_search.sees(me, "/no/such/folder/shop.conf")
    monkeypatch.setattr(nginx_search, "_mount_points", lambda pid: {str(file)})
    assert not nginx_search.sees(me, str(file))


@pytest.mark.parametrize("hidden", ["/conf", "/conf/shop.conf"])
def test_what_is_hidden_is_not_seen(monkeypatch, hidden):
    def identity(path):
        return path.partition("/root")[2] or path if not path == f"/proc/7/root{hidden}" else None

    monkeypatch.setattr(nginx_search, "_identity", identity)
    monkeypatch.setattr(nginx_search, "_mount_points", lambda pid: set())
    assert not nginx_search.sees(7, "/conf/shop.conf")
    assert nginx_search.sees(7, "/other/shop.conf")
