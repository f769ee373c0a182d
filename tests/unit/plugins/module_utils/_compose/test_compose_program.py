# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import program as compose_program

DOCKER = (["docker", "compose"], {}, "")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Puts a plugin into a folder, and gives its path."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "own"))
    monkeypatch.setattr(compose_program, "FOLDERS", (str(tmp_path / "local"), str(tmp_path / "system")))

    def put(folder, mode=0o755):
        path = tmp_path / folder / "docker-compose"
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
        return str(path)

    return put


def test_the_plugin_is_called_as_docker_calls_it(plugin):
    path = plugin("system")
    assert compose_program.find() == ([path, "compose"], {"DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker"}, path)


@pytest.mark.parametrize("first, second", [("own/cli-plugins", "local"), ("local", "system")])
def test_the_first_one_counts(plugin, first, second):
    plugin(second)
    path = plugin(first)
    assert compose_program.find().path == path


def test_the_users_own_folder_is_below_the_home(plugin, tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = plugin(".docker/cli-plugins")
    assert compose_program.find().path == path


@pytest.mark.parametrize("config", ['{"cliPluginsExtraDirs": ["/opt/plugins"]}', "{", None])
def test_docker_is_left_to_find_what_only_it_can_tell(plugin, tmp_path, config):
    if config is not None:
        plugin("system")
        (tmp_path / "own").mkdir()
        (tmp_path / "own/config.json").write_text(config)
    assert compose_program.find() == DOCKER


def test_docker_says_what_is_wrong_with_a_plugin_that_cannot_be_run(plugin):
    plugin("local", mode=0o644)
    plugin("system")
    assert compose_program.find() == DOCKER


def test_a_configuration_of_other_things_does_not_matter(plugin, tmp_path):
    path = plugin("own/cli-plugins")
    (tmp_path / "own/config.json").write_text('{"auths": {}, "currentContext": "pi"}')
    assert compose_program.find().path == path
