# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Nginx with its own view of the files, as a hardened unit of systemd gives it, or one of several."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    master as nginx_master,
    preflight as nginx_preflight,
    running as nginx_running,
    switch as nginx_switch,
)


def in_a_view_with(mounts):
    return ["unshare", "--mount", "sh", "-c", mounts + ' exec "$@"', "sh"]


def unshares():
    return bool(shutil.which("unshare")) and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


own_view = pytest.mark.skipif(not unshares(), reason="this machine gives no process mounts of its own")


@own_view
@pytest.mark.parametrize(
    "lab", [in_a_view_with("mount -t tmpfs tmpfs /mnt; : > /mnt/extra.conf;")], indirect=True, ids=["own-view"]
)
def test_there_and_back_with_a_view_of_its_own(host, journal, lab):
    lab.site("include /mnt/extra.conf; location / { proxy_pass http://shop; }")
    lab.reload()
    assert nginx_preflight.preflight(host, lab.settings) == []
    assert nginx_preflight.cannot_switch(host, lab.settings) == ""
    assert nginx_switch.switch(host, journal, lab.settings, "green", "2").changed
    assert lab.serves("green")
    assert nginx_switch.switch(host, journal, lab.settings, "blue", "1").changed
    assert lab.serves("blue")


COPY = "mkdir {folder}/copy; cp {folder}/conf.d/* {folder}/copy; mount --bind {folder}/copy"


@own_view
@pytest.mark.parametrize(
    "lab",
    [
        in_a_view_with(f"{COPY} {{folder}}/conf.d;"),
        in_a_view_with(f"{COPY}/bluegreen-shop.conf {{folder}}/conf.d/bluegreen-shop.conf;"),
        # The very file, but mounted by itself.
        in_a_view_with("mount --bind {folder}/conf.d/bluegreen-shop.conf {folder}/conf.d/bluegreen-shop.conf;"),
    ],
    indirect=True,
    ids=["folder", "file", "same-file"],
)
def test_a_file_that_it_does_not_see_as_the_host_does(host, lab):
    (refusal,) = nginx_preflight.preflight(host, lab.settings)
    assert refusal.startswith(
        f"Nginx (process {lab.pid}) does not see {lab.owned} as this host does, because a setting of its"
    )
    assert nginx_preflight.cannot_switch(host, lab.settings) == refusal


def test_two_on_one_host(host, journal, lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("second")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    second = type(lab)(folder, lab.colors)
    pid = second.pid
    try:
        for one in (lab, second):
            assert nginx_running.Running(host, one.settings).pid == one.pid
        assert nginx_switch.switch(host, journal, second.settings, "green", "2").changed
        assert (lab.serves("blue"), second.serves("green")) == (True, True)
        neither = lab.settings._replace(file="/etc/nginx/conf.d/other.conf", public_url="http://127.0.0.1:1/")
        (refusal,) = nginx_preflight.preflight(host, neither)
        assert refusal.startswith(f"Several instances of Nginx run on this host (process {min(lab.pid, pid)}: ")
    finally:
        second.stop(pid)


def test_one_that_runs_is_on_this_host(lab):
    assert lab.pid in nginx_master.masters_here()
