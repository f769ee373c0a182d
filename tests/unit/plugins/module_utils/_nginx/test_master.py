# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import master as nginx_master

BUILD = """nginx version: nginx/1.22.1
configure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --with-x"""


@pytest.mark.parametrize(
    "title, arguments",
    [
        ("nginx: master process nginx", []),
        ("nginx: master process /usr/sbin/nginx -p /srv/a -c /srv/a/n.conf", ["-p", "/srv/a", "-c", "/srv/a/n.conf"]),
        (
            "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;",
            ["-g", "daemon on; master_process on;"],
        ),
        ("nginx: master process nginx -g daemon off; -c /x.conf", ["-g", "daemon off;", "-c", "/x.conf"]),
    ],
)
def test_start_arguments(title, arguments):
    assert nginx_master.start_arguments(title) == arguments


def test_build_argument():
    assert nginx_master.build_argument(BUILD, "conf-path") == "/etc/nginx/nginx.conf"
    assert nginx_master.build_argument(BUILD, "prefix") == "/usr/share/nginx"
    assert nginx_master.build_argument(BUILD, "pid-path") == ""


@pytest.mark.parametrize(
    "text, path",
    [
        ("user x;\npid /run/nginx.pid;\nhttp { }", "/run/nginx.pid"),
        ("# pid /no;\nhttp { }", ""),
        ("pid 'logs/n.pid';", "logs/n.pid"),
        ("http {", ""),
    ],
)
def test_pid_file_in(text, path):
    assert nginx_master.pid_file_in(text, "/n.conf") == path


def test_option():
    assert nginx_master.option(["nginx", "-p", "/a"], "-p") == "/a"
    assert nginx_master.option(["nginx", "-p"], "-p") == ""


def test_program_is_found_without_a_path(tmp_path, monkeypatch):
    (tmp_path / "openresty").write_text("")
    (tmp_path / "openresty").chmod(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(nginx_master, "_FOLDERS", (str(tmp_path),))
    assert nginx_master.program("openresty") == str(tmp_path / "openresty")
    nginx_master.require_installed()
    monkeypatch.setattr(nginx_master, "_FOLDERS", ())
    with pytest.raises(
        BluegreenError,
        match="Nginx is not installed on this host: install it with ansible-playbook smallfleet.bluegreen.prepare",
    ):
        nginx_master.require_installed()


def test_the_program_of_a_process():
    assert nginx_master.program_of(os.getpid()) == os.path.realpath("/proc/self/exe")


@pytest.mark.parametrize(
    "written, words",
    [
        ("", r"is missing or empty, so it cannot be reloaded: restart it"),
        ("4194305", "says 4194305, which is not a running process"),
        ("x", "says x, which is not a running process"),
        (str(os.getpid()), f"names process {os.getpid()}, which is "),
        ("7\n", None),
    ],
    ids=["empty", "of no process", "not a number", "of this process", "as it is"],
)
def test_a_pid_file_that_names_another(tmp_path, written, words):
    (tmp_path / "pid").write_text(written)
    if words is None:
        nginx_master.check_pid_file(7, str(tmp_path / "pid"))
        return
    with pytest.raises(BluegreenError, match=words):
        nginx_master.check_pid_file(7, str(tmp_path / "pid"))


def test_a_title_alone_makes_no_master():
    # This process can be renamed as it likes: its program is Python.
    assert nginx_master.below(os.getpid()) is None


@pytest.fixture
def child():
    """A child of this process. Its own parent will not do: of that another thread may be the one that started it."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def test_a_worker_that_still_has_the_title_of_its_master_is_not_a_master(monkeypatch, child):
    forked = os.fork()
    if not forked:
        signal.pause()
        os._exit(0)
    monkeypatch.setattr(nginx_master, "_is_master", lambda pid: int(pid) in (os.getpid(), child, forked))
    try:
        # The child was started by an exec, as the newer program at an upgrade of Nginx is.
        assert nginx_master.masters_here() == sorted([os.getpid(), child])
    finally:
        os.kill(forked, signal.SIGKILL)
        os.waitpid(forked, 0)
    assert nginx_master._is_new_worker(4194305, [])


def test_children_of(monkeypatch, child):
    assert child in nginx_master.children_of(os.getpid())
    real = open

    def without_the_list(path, *args, **kwargs):
        if str(path).endswith("/children"):
            raise FileNotFoundError(path)
        return real(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", without_the_list)
    assert child in nginx_master.children_of(os.getpid())
