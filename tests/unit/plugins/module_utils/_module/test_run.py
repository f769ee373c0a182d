# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys

import pytest
from ansible.module_utils import basic

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import sources as own_sources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sent import pack
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import run as module_run
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.spec import SOURCES, Spec
from ansible_collections.smallfleet.bluegreen.plugins.modules import bg_deployment, bg_info, bg_program

SECRET = "hunter2"
# What its action plugin gives to a module, as text that no other text contains.
CODE = pack({"_nothing.py": "# Nothing.\n"})


@pytest.fixture
def logged(monkeypatch):
    """What modules write to the host's log."""
    lines = []
    monkeypatch.setattr(
        basic.AnsibleModule, "log", lambda self, msg, log_args=None: lines.append(f"{msg} {log_args}")
    )
    return lines


@pytest.fixture
def warned(monkeypatch):
    """What modules warn of; Ansible itself keeps it for the whole process."""
    sentences = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, sentence: sentences.append(sentence))
    return sentences


@pytest.fixture
def run(monkeypatch, capsys, logged):
    """Run something as Ansible would; ``(exit code, result)``."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(own_sources, "received", {})

    def run(function, check_mode=False, **params):
        arguments = {
            **({SOURCES: CODE} if function in (bg_deployment.main, bg_info.main) else {}),
            **params,
            "_ansible_module_name": "smallfleet.bluegreen.bg_test",
            "_ansible_check_mode": check_mode,
            "_ansible_no_log": False,
            "_ansible_remote_tmp": "/tmp",
            "_ansible_keep_remote_files": False,
        }
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(sys, "argv", ["bg_test"])
        with pytest.raises(SystemExit) as end:
            function()
        return end.value.code or 0, json.loads(capsys.readouterr().out)

    return run


def module(action, hidden=(), **spec):
    return lambda: module_run.run_module(Spec(action, spec, hidden))


def test_a_result_comes_with_the_commands_and_the_arguments(run, warned):
    def act(params, host, check_mode):
        host.commands.append("docker start web")
        host.warn("mind the gap")
        return {"changed": True, "app": params["app"], "check_mode": check_mode}

    code, result = run(module(act), app="shop", check_mode=True)
    assert code == 0
    assert (result["changed"], result["app"], result["check_mode"]) == (True, "shop", True)
    assert result["commands"] == ["docker start web"]
    assert warned == ["mind the gap"]
    assert result["invocation"]["module_args"] == {
        "app": "shop",
        "deployment_id": "",
        "epoch": 0,
        "docker_host": "unix:///var/run/docker.sock",
    }


def test_a_failure_is_its_sentence_with_the_facts_beside_it(run, warned):
    def act(params, host, check_mode):
        host.commands.append("docker stop web")
        host.warn("mind the gap")
        raise BluegreenError("web is broken: fix it.", logs={"web": ["line"]}, failure="exited")

    code, result = run(module(act), app="shop")
    assert code == 1
    assert (result["failed"], result["msg"]) == (True, "web is broken: fix it.")
    assert (result["logs"], result["failure"]) == ({"web": ["line"]}, "exited")
    assert result["commands"] == ["docker stop web"]
    assert warned == ["mind the gap"]


def test_a_bad_docker_host_is_a_failure_as_any_other(run):
    code, result = run(module(lambda *given: {}), app="shop", docker_host="tcp://10.0.0.5:2375")
    assert (code, result["commands"]) == (1, [])
    assert result["msg"].startswith("docker_host is 'tcp://10.0.0.5:2375', but only an Engine on the same host")


def test_what_nobody_expected_is_one_sentence_too(run, warned, monkeypatch):
    handed_over = {}
    fail = basic.AnsibleModule.fail_json
    # From 2.19 on Ansible shows a traceback on request only.
    monkeypatch.setattr(
        basic.AnsibleModule, "fail_json", lambda self, **facts: (handed_over.update(facts), fail(self, **facts))
    )

    def act(params, host, check_mode):
        host.commands.append("docker stop web")
        host.warn("mind the gap")
        raise KeyError("surprise")

    code, result = run(module(act), app="shop")
    assert code == 1
    assert result["msg"] == (
        "Unexpected error in smallfleet.bluegreen.bg_test (KeyError: 'surprise'). Please report it with the output of "
        "ANSIBLE_DISPLAY_TRACEBACK=error and -vvv. ansible-playbook smallfleet.bluegreen.status shows the state of the "
        "host."
    )
    assert "\n" not in result["msg"]
    assert warned == ["mind the gap"]
    assert "surprise" in handed_over["exception"] and "test_run.py" in handed_over["exception"]
    assert result["commands"] == ["docker stop web"]


# Secrets


def acts(monkeypatch, tried, act):
    monkeypatch.setattr(tried, "SPEC", tried.SPEC._replace(act=act))


def ways_out(monkeypatch):
    def succeed(params, host, check_mode):
        return {"changed": False}

    def fail(params, host, check_mode):
        raise BluegreenError("no.")

    def crash(params, host, check_mode):
        raise ValueError("oh")

    return succeed, fail, crash


@pytest.mark.parametrize("way", [0, 1, 2])
@pytest.mark.parametrize("tried", [bg_deployment, bg_info])
def test_values_of_an_env_are_in_no_result_and_no_log(run, monkeypatch, logged, way, tried):
    acts(monkeypatch, tried, ways_out(monkeypatch)[way])
    env = {"TOKEN": SECRET, "DEBUG": 1, "NESTED": {"inner": SECRET}}
    params = {"app": "shop", "colors": {"blue": {"env": env}, "green": {"env": env, "port": 18002}}}
    if tried is bg_deployment:
        params.update(state="open", project_src="/srv/shop")
    code, result = run(tried.main, **params)
    assert code == (0 if way == 0 else 1)
    hidden = {name: module_run.HIDDEN for name in env}
    colors = result["invocation"]["module_args"]["colors"]
    assert (colors["blue"]["env"], colors["green"]["env"]) == (hidden, hidden)
    # A small value such as 1 is no word to be cut out of everything.
    assert colors["green"]["port"] == 18002
    assert SECRET not in json.dumps(result)
    assert not [line for line in logged if SECRET in line]


@pytest.mark.parametrize("way", [0, 1])
def test_a_failure_that_quotes_a_value_is_told_without_it(run, monkeypatch, logged, warned, way):
    """As Compose does, and a library that the app uses."""
    said = f"invalid port: {SECRET}-{SECRET}, shop"

    def act(params, host, check_mode):
        host.warn(f"Compose: {said}")
        if way:
            raise ValueError(said)
        raise BluegreenError(f"Compose says: {said}.", findings=[said], logs={"web": [said]}, seconds=1.5)

    acts(monkeypatch, bg_deployment, act)
    env = {"TOKEN": SECRET, "PORT": {"inner": [f"{SECRET}-{SECRET}"]}, "NAME": "shop", "PLACE": "/srv/shop"}
    params = {"app": "shop", "state": "open", "project_src": "/srv/shop", "colors": {"blue": {"env": env}}}
    code, result = run(bg_deployment.main, **params)
    assert code == 1
    assert "invalid port: (hidden), shop" in result["msg"]
    assert SECRET not in json.dumps(result) and SECRET not in "".join(logged + warned)
    # What is shown anyway is no secret.
    assert result["invocation"]["module_args"]["project_src"] == "/srv/shop"
    assert way or (result["findings"], result["seconds"]) == (["invalid port: (hidden), shop"], 1.5)


@pytest.mark.parametrize("tried, more", [(bg_deployment, {"state": "closed"}), (bg_info, {})])
def test_a_broker_url_is_in_no_result_and_no_log(run, monkeypatch, logged, tried, more):
    acts(monkeypatch, tried, lambda params, host, check_mode: {"url": params["broker"]["url"]})
    url = f"redis://:{SECRET}@redis:6379/0"
    code, result = run(tried.main, app="shop", broker={"url": url}, **more)
    assert code == 0
    assert SECRET not in json.dumps(result)
    assert not [line for line in logged if SECRET in line]


@pytest.mark.parametrize(
    "misspelt, words",
    [
        ({"prots": 1}, "Unsupported parameters"),
        ({"state": "opened"}, "value of state must be one of"),
        ({"colors": {"blue": {"evn": {"TOKEN": SECRET}}}}, "Unsupported parameters"),
        ({"colors": {"blue": {"env": SECRET}}}, "dict"),
        ({"colors": {"blue": {"port": SECRET}}}, "unable to convert to int"),
        ({"colors": f"blue: {SECRET}"}, "dict"),
        ({"colours": {"blue": {"env": {"TOKEN": SECRET}}}}, "Unsupported parameters"),
        ({"app": None}, "missing required arguments"),
    ],
)
def test_values_of_an_env_are_not_told_when_the_arguments_do_not_validate(run, logged, misspelt, words):
    params = {"app": "shop", "state": "closed", "colors": {"green": {"env": {"TOKEN": SECRET}}}, **misspelt}
    code, result = run(bg_deployment.main, **{name: value for name, value in params.items() if value is not None})
    assert code == 1 and words in result["msg"]
    assert SECRET not in json.dumps(result) and SECRET not in "".join(logged)
    assert result["invocation"]["module_args"]["colors"] == module_run.HIDDEN
    assert result["invocation"]["module_args"]["state"] == params["state"]


def test_hidden_options_that_were_not_given_are_no_failure(run):
    options = {"colors": {"type": "dict", "default": None}}
    code, result = run(module(lambda *given: {}, hidden=[("colors", "blue", "env")], **options), app="shop")
    assert code == 0
    assert result["invocation"]["module_args"]["colors"] is None


# Modules that get their code in one piece


def test_the_code_is_in_no_result_and_no_log(run, monkeypatch, logged):
    acts(monkeypatch, bg_deployment, lambda params, host, check_mode: {"given": params})
    params = {"app": "shop", "state": "closed"}
    for more in ({}, {"prots": 1}, {"state": "opened"}, {"colors": "x: y"}, {"app": None}):
        given = {**params, **more}
        code, result = run(bg_deployment.main, **{name: value for name, value in given.items() if value is not None})
        assert code == (1 if more else 0)
        assert SOURCES not in result["invocation"]["module_args"] and SOURCES not in result.get("given", {})
        assert CODE not in json.dumps(result) and CODE not in "".join(logged)


@pytest.mark.parametrize("params", [{}, {"app": 1, "prots": 1}, {"app": "Shop"}])
def test_nor_in_those_of_a_module_without_secrets(run, logged, params):
    dummy, result = run(bg_program.main, **{SOURCES: CODE, **params})
    assert SOURCES not in json.dumps(result) and CODE not in json.dumps(result) and CODE not in "".join(logged)


@pytest.mark.parametrize("code", [None, "", "x", CODE[:-8], pack({})[:-1] + "-"])
def test_without_its_code_it_is_one_sentence(run, monkeypatch, code):
    acts(monkeypatch, bg_deployment, lambda *given: pytest.fail("it was called"))
    code, result = run(bg_deployment.main, app="shop", state="closed", **{SOURCES: code})
    assert (code, result["msg"]) == (
        1,
        "This module arrived without its code, so nothing was changed. Its action plugin sends the code along: call "
        "the module by its full name, which begins with smallfleet.bluegreen, from a playbook or with ansible -m.",
    )


# The arguments of the modules of this file


@pytest.mark.parametrize(
    "params, words",
    [
        ({}, "missing required arguments: app, state"),
        ({"app": "shop", "state": "opened"}, "value of state must be one of: open, settled, closed, recovered"),
        ({"app": "shop", "state": "open"}, "state is open but all of the following are missing: project_src"),
        ({"app": "shop", "state": "closed", "prots": 1}, "Unsupported parameters"),
        ({"app": "shop", "state": "closed", "colors": {"red": {}}}, "Unsupported parameters"),
        ({"app": "shop", "state": "closed", "colors": {"blue": {"port": "x"}}}, "unable to convert to int"),
        ({"app": "Shop", "state": "closed"}, "bluegreen_app is 'Shop', but it must be"),
    ],
)
def test_options_that_bg_deployment_refuses(run, params, words):
    code, result = run(bg_deployment.main, **params)
    assert code == 1 and words in result["msg"]


def test_bg_info_refuses_an_app_outside_of_the_grammar(run):
    code, result = run(bg_info.main, app="../x")
    assert code == 1 and result["msg"].startswith("bluegreen_app is '../x', but it must be")
