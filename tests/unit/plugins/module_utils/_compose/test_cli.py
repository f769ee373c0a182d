# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    cli as compose_cli,
    program as compose_program,
    project,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

PROJECT = project.Project(
    "shop-green", "/srv/shop", ["compose.yml", "pi.yml"], ["cache"], ["/srv/shop/.env", "/x/green.env"]
)


@pytest.fixture
def host(monkeypatch, tmp_path):
    # As on a host where docker is left to find its plugin.
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(compose_program, "FOLDERS", ())
    return FakeHost()


# The version


@pytest.mark.parametrize(
    "printed, expected",
    [
        ("2.22.0\n", (2, 22, 0)),
        ("v2.30.1\n", (2, 30, 1)),
        ("2.27.0+ds1-0ubuntu1\n", (2, 27, 0)),
        ("2.24.6-desktop.1\n", (2, 24, 6)),
        ("5.0.1", (5, 0, 1)),
        ("2.30.dirty", (2, 30)),
    ],
)
def test_the_version_in_all_its_spellings(host, printed, expected):
    host.programs = {"compose version --short": Completed(0, printed, "")}
    assert compose_cli.version(host) == expected


def test_a_host_without_compose_is_told_what_to_install(host):
    host.programs = {"compose version": Completed(1, "", "docker: 'compose' is not a docker command.")}
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.version(host)
    assert refusal.value.message == (
        "Docker Compose v2 is not installed on this host (docker compose version failed): run ansible-playbook "
        "smallfleet.bluegreen.prepare, or install the package docker-compose-plugin."
    )


def test_a_machine_on_which_compose_takes_minutes_is_waited_for(host):
    host.slow = 150
    host.programs = {
        "compose version": Completed(0, "2.30.1", ""),
        "config --format json": Completed(0, "{}", ""),
        "--hash": Completed(0, "web 0123\n", ""),
    }
    assert compose_cli.version(host) == (2, 30, 1)
    assert compose_cli.render(host, PROJECT) == {}
    assert compose_cli.service_hashes(host, PROJECT, {}, []) == {"web": "0123"}


@pytest.mark.parametrize("found", [(2, 22), (2, 22, 0), (2, 30, 1), (5, 0, 0)])
def test_a_version_that_is_new_enough(found):
    compose_cli.check_version(found)


@pytest.mark.parametrize("found", [(2, 21, 9), (1, 29, 2), (2, 9, 0)])
def test_a_version_that_is_too_old_is_refused(found):
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.check_version(found)
    assert refusal.value.message == (
        f"Docker Compose is {'.'.join(map(str, found))} on this host, but 2.22 or later is needed: "
        "upgrade it the way it was installed."
    )


# The files


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"])
def test_files_that_compose_finds_itself(tmp_path, name):
    (tmp_path / name).write_text("services: {}\n")
    compose_cli.check_source(str(tmp_path), [])


def test_files_that_are_named(tmp_path):
    (tmp_path / "app.yml").write_text("services: {}\n")
    compose_cli.check_source(str(tmp_path), ["app.yml", str(tmp_path / "app.yml")])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.check_source(f"{tmp_path}/none", [])
    assert refusal.value.message == (
        f"bluegreen_project_src is '{tmp_path}/none', but there is no such folder on this host: put the app's Compose "
        "file there, or name the folder that holds it."
    )


def test_a_folder_without_a_compose_file(tmp_path):
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.check_source(str(tmp_path), [])
    assert refusal.value.message == (
        f"bluegreen_project_src is '{tmp_path}', but there is no Compose file in it (compose.yaml, compose.yml, "
        "docker-compose.yaml, docker-compose.yml): put one there, or name the app's own Compose file in "
        "bluegreen_files."
    )


def test_a_named_file_that_is_not_there(tmp_path):
    (tmp_path / "compose.yml").write_text("services: {}\n")
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.check_source(str(tmp_path), ["compose.yml", "pi.yml"])
    assert refusal.value.message == (
        f"bluegreen_files names 'pi.yml', but there is no such file in {tmp_path} on this host: put the file there, or "
        "correct the name."
    )


# Rendering


def test_what_compose_is_told(host):
    asked = []
    host.programs = {"config": lambda argv: (asked.append(argv), Completed(0, '{"services": {}}', ""))[1]}
    assert compose_cli.render(host, PROJECT) == {"services": {}}
    assert asked[0] == (
        "docker compose --ansi never --project-directory /srv/shop --project-name shop-green --file compose.yml --file "
        "pi.yml --profile cache --env-file /srv/shop/.env --env-file /x/green.env config --format json"
    ).split()


@pytest.mark.parametrize(
    "stderr, reason",
    [
        ("yaml: line 3: did not find expected key\n", "yaml: line 3: did not find expected key."),
        (
            'time="2026-11-23T12:00:00Z" level=warning msg="the attribute `version` is obsolete"\nservice "web" has '
            "neither an image nor a build context specified: invalid compose project\n",
            'service "web" has neither an image nor a build context specified: invalid compose project.',
        ),
        ("", "it gave no reason."),
        ("invalid.\n\n", "invalid."),
    ],
)
def test_a_file_that_compose_cannot_read_is_one_sentence(host, stderr, reason):
    host.programs = {"config": Completed(15, "", stderr)}
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.render(host, PROJECT)
    assert refusal.value.message == (
        f"bluegreen_project_src is '/srv/shop', but Compose cannot read the files there: {reason} Correct "
        "them (docker compose config in that folder shows the error too)."
    )


def test_a_variable_that_is_not_set_is_warned_of(host):
    line = (
        'time="2026-11-23T12:00:00Z" level=warning msg="The \\"TOKEN\\" variable is not set. Defaulting to a blank '
        'string."'
    )
    host.programs = {"config": Completed(0, "{}", f"{line}\nsomething else\n")}
    compose_cli.render(host, PROJECT)
    assert host.warnings == [
        'Compose: The "TOKEN" variable is not set. Defaulting to a blank string. Set it in bluegreen_env, or in '
        "/srv/shop/.env."
    ]


@pytest.mark.parametrize(
    "printed, refusal",
    [
        (
            "name: shop-green\nservices: {}\n",
            "docker compose config --format json does not print JSON on this host, a bug of Docker Compose 2.25.0: "
            "install another version (2.26 or later).",
        ),
        (
            json.dumps(
                {"services": {"web": {"env_file": [{"path": "/a"}]}, "redis": {}, "beat": {"env_file": ["/a"]}}}
            ),
            "docker compose config does not show the variables of env_file of beat and web on this host, a bug of "
            "Docker Compose 2.24.7: install another version (2.26 or later), or write them under environment:.",
        ),
    ],
)
def test_a_version_that_does_not_render_is_refused(host, printed, refusal):
    host.programs = {"config": Completed(0, printed, "")}
    with pytest.raises(BluegreenError) as error:
        compose_cli.render(host, PROJECT)
    assert error.value.message == refusal


def test_the_short_forms_of_an_old_version_are_read(host):
    host.programs = {"config": Completed(0, json.dumps({"services": {"web": {"environment": ["A=b"]}}}), "")}
    assert compose_cli.render(host, PROJECT) == {"services": {"web": {"environment": {"A": "b"}}}}


def test_the_hash_of_each_service_is_that_of_what_was_rendered(host):
    host.programs = {"--hash *": Completed(0, "redis 12ab\nweb 34cd\n\n", "")}
    asked, run = [], host.run

    def noting(argv, stdin=None, **options):
        asked.append((argv, stdin))
        return run(argv, stdin=stdin, **options)

    host.run = noting
    rendered = {"services": {"web": {"command": ["echo", "$$HOME"]}}}
    assert compose_cli.service_hashes(host, PROJECT, rendered, []) == {"redis": "12ab", "web": "34cd"}
    ((argv, stdin),) = asked
    assert argv == (
        "docker compose --ansi never --project-directory /srv/shop --project-name shop-green --file - --profile cache "
        "--env-file /srv/shop/.env --env-file /x/green.env config --no-normalize --hash *"
    ).split()
    assert json.loads(stdin) == rendered


def test_hashes_that_compose_does_not_give_are_one_sentence(host):
    host.programs = {"--hash": Completed(1, "", "no such thing\n")}
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.service_hashes(host, PROJECT, {}, [])
    assert refusal.value.message == (
        "Compose cannot compute the configuration hashes of project shop-green (docker compose config --hash): no such "
        "thing. Correct the Compose file."
    )


# Env files


def test_the_projects_own_file_is_read_before_the_colors(tmp_path):
    assert compose_cli.env_files(str(tmp_path), "/x/blue.env") == ["/x/blue.env"]
    (tmp_path / ".env").write_text("A=1\n")
    assert compose_cli.env_files(str(tmp_path), "/x/blue.env") == [f"{tmp_path}/.env", "/x/blue.env"]


@pytest.mark.parametrize(
    "value, text",
    [
        ("plain", "'plain'"),
        ("", "''"),
        ("two words # no comment", "'two words # no comment'"),
        ("$HOME ${X:-y} $$", "'$HOME ${X:-y} $$'"),
        ('say "hi"', "'say \"hi\"'"),
        ("line\nbreak", "'line\nbreak'"),
        ("it's", '"it\'s"'),
        ("it's $5", '"it\'s \\$5"'),
        ("it's\nhere\r", '"it\'s\\nhere\\r"'),
        ('back\\slash "q"', '"back\\\\slash \\"q\\""'),
        (1, "'1'"),
        (0.5, "'0.5'"),
        (True, "'True'"),
    ],
)
def test_a_value_is_quoted_so_that_compose_takes_it_literally(value, text):
    assert compose_cli.env_text({"A": value}) == f"A={text}\n"


def test_variables_keep_their_order():
    assert compose_cli.env_text({"B": 1, "A": 2}) == "B='1'\nA='2'\n"


@pytest.mark.parametrize("name", ["", "2A", "A B", "A=B", "A\nB", "A-B"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.env_text({name: "x"})
    assert refusal.value.message == (
        f"bluegreen_env is {name!r}, but the name of a variable must begin with a letter or _, followed by letters, "
        "digits and _."
    )


def test_a_value_that_no_environment_can_carry_is_refused_without_showing_it():
    with pytest.raises(BluegreenError) as refusal:
        compose_cli.env_text({"TOKEN": "secret\0"})
    assert refusal.value.message == (
        "bluegreen_env.TOKEN contains a NUL byte, which an environment variable cannot contain: remove it."
    )


def test_json_survives_as_a_value():
    value = json.dumps({"a": ["it's", "b\\c"]})
    assert compose_cli.env_text({"A": value}).startswith('A="')
