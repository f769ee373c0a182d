# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose.starts import examine

SERVICES = {"web": ["web"], "support": ["redis"], "init": ["migrate"], "workers": ["worker"], "ignored": ["db"]}
OLD, NEW = (2, 37, 2), (2, 37, 3)


def found(service, version=NEW, name="web", colors=("blue", "green"), **model):
    rendered = {
        color: {"services": {each: {} for each in ("web", "redis", "migrate", "worker", "db")}}
        for color in ("blue", "green")
    }
    for color in colors:
        rendered[color]["services"][name] = service
        rendered[color].update(model)
    return examine(rendered, SERVICES, version)


@pytest.mark.parametrize("version", [OLD, NEW, (5, 5, 0)])
@pytest.mark.parametrize(
    "service, model",
    [
        ({}, {}),
        ({"configs": [], "secrets": None, "post_start": []}, {"configs": None}),
        ({"configs": [{"source": "conf"}], "secrets": [{"source": "key", "target": "/key"}]},
         {"configs": {"conf": {"name": "x", "file": "/srv/shop/conf"}}, "secrets": {"key": {"file": "/srv/shop/key"}}}),
        # Nothing is copied, and nobody uses it.
        ({"configs": [{"source": "conf"}]}, {"configs": {"conf": {"content": ""}, "other": {"content": "a"}}}),
    ],
)
def test_what_the_engine_does_alone_is_nothing_to_say(service, model, version):
    assert found(service, version, **model) == ([], [])


HOOK = (
    "Service web has the key {}, which only Docker Compose runs when it starts or stops a container, but a color is "
    "started and stopped without Compose: remove the key, and {}."
)


@pytest.mark.parametrize("version", [(2, 30, 0), (5, 5, 0)])
@pytest.mark.parametrize(
    "service, sentence",
    [
        (
            {"post_start": [{"command": ["/warm-up"]}]},
            HOOK.format(
                "post_start",
                "do the same in the container's own command, or in a service of its own, which bluegreen_init_services "
                "names",
            ),
        ),
        (
            {"pre_start": [{"command": ["/migrate"]}]},
            HOOK.format(
                "pre_start", "run the same in a service of its own, and name that service in bluegreen_init_services"
            ),
        ),
        (
            {"pre_stop": [{"command": ["/flush"]}]},
            HOOK.format(
                "pre_stop", "let the program itself do the same at its stop signal (which stop_signal: sets)"
            ),
        ),
        (
            {"provider": {"type": "cloud"}},
            "Service web has the key provider, so it has no container for a color to start: name it in "
            "bluegreen_ignored_services.",
        ),
        (
            {"use_api_socket": True},
            "Service web has the key use_api_socket, for which Docker Compose copies credentials into a container at "
            "the container's start, but a color is started without Compose: remove the key and write volumes: "
            "[\"/var/run/docker.sock:/var/run/docker.sock\"].",
        ),
    ],
)
def test_what_only_compose_does_is_refused(service, sentence, version):
    assert found(service, version) == ([sentence], [])
    # One color is enough, and who starts an ignored service is not known.
    assert found(service, version, colors=("green",)).errors == [sentence]
    assert found(service, version, name="db") == ([], [])


COPIED = [
    ("configs", "content", "Config", "configs: {it: {file: ./it}}"),
    ("configs", "environment", "Config", "configs: {it: {file: ./it}}"),
    ("secrets", "environment", "Secret", "secrets: {it: {file: ./it}}"),
    ("secrets", "content", "Secret", "secrets: {it: {file: ./it}}"),
]


@pytest.mark.parametrize("name", ["web", "redis", "migrate", "worker"])
@pytest.mark.parametrize("kind, form, word, line", COPIED)
def test_what_compose_copies_at_the_start_is_refused(kind, form, word, line, name):
    model = {kind: {"it": {form: "A"}}}
    sentence = (
        f"{word} it of service {name} is given by {form}. Docker Compose 2.37.3 copies it into a container only when "
        f"it starts the container, but a color is started without Compose: put it into a file and write {line}."
    )
    assert found({kind: [{"source": "it", "target": "/x"}, {"source": "it"}]}, name=name, **model) == ([sentence], [])


@pytest.mark.parametrize("kind, form, word, line", COPIED)
def test_what_compose_copies_when_it_creates_a_container_is_warned_of(kind, form, word, line):
    sentence = (
        f"{word} it of service web is given by {form}. Docker Compose copies it into a container only once, so a "
        "container that a rollback creates again (after docker system prune) would lack it, and with Docker Compose "
        f"2.37.3 or later the deployment is refused: put it into a file and write {line}."
    )
    assert found({kind: [{"source": "it"}]}, OLD, **{kind: {"it": {form: "A"}}}) == ([], [sentence])


def test_a_service_that_the_file_does_not_have_is_somebody_elses_finding():
    assert examine({color: {"services": {}} for color in ("blue", "green")}, SERVICES, NEW) == ([], [])
