# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import schema as journal_schema
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    switch as nginx_switch,
    upstream_text,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.proof import Verdict, workers_verdict
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._nginx.fake_nginx import (
    HARD_CODED,
    SERVERS,
    FakeRequests,
    color_in,
)


def names(path):
    return sorted(os.listdir(path.parent))


def test_a_switch(move, path, nginx, journal, host):
    before = path.read_text()
    switched = move("green")
    assert (switched.changed, switched.previous, switched.live) == (True, "blue", "green")
    assert switched.nginx_workers == [[1, 100]]
    assert switched.diff["before"] == before
    assert switched.diff["after"] == path.read_text()
    assert nginx.served == color_in(path) == "green"
    assert "for release 2 (deployment dep-1)" in path.read_text()
    assert nginx.events == ["check", "reload", "ask"]
    assert host.commands == [f"replace {path}"]


def test_the_intent_is_journaled_before_and_the_proof_after(move, path, journal):
    seen = []
    move("green", before_rename=lambda: seen.append(path.read_text()))
    intent, proof = (note["cutover"] for note in journal.notes)
    assert intent["proved"] == "" and proof["proved"] == "green"
    assert (intent["color"], intent["previous"]) == ("green", "blue")
    assert intent["nginx_workers"] == [[1, 100]]
    assert open(intent["backup"]).read() == seen[0]


def test_the_intent_comes_before_the_rename(move, path, journal):
    order = []
    note = journal.note
    journal.note = lambda **facts: (order.append(color_in(path)), note(**facts))
    move("green", before_rename=lambda: order.append(f"policies {color_in(path)}"))
    assert order == ["policies blue", "blue", "green"]


def test_again_changes_nothing(move, path, nginx, journal):
    move("green")
    nginx.events.clear()
    text = path.read_text()
    switched = move("green")
    assert not switched.changed
    # The previous worker processes still finish their requests.
    assert switched.nginx_workers == [[1, 100]]
    assert path.read_text() == text
    assert nginx.events == ["ask"]
    nginx.old = []
    assert move("green").nginx_workers == []


def test_worker_processes_that_another_reload_started_meanwhile_are_waited_for(move, nginx, journal):
    switched = move("green", before_rename=nginx.reload)
    assert switched.nginx_workers == [[1, 100], [2, 200]]
    assert journal.data["cutover"]["nginx_workers"] == [[1, 100], [2, 200]]


def test_a_file_that_nginx_has_not_read_yet_is_loaded(move, nginx, path):
    path.write_text(upstream_text.render("shop", "green", SERVERS))
    switched = move("green")
    assert switched.changed
    assert nginx.served == "green"
    assert "reload" in nginx.events


def test_going_back_restores_the_very_bytes(move, path):
    text = "# mine\nupstream shop {\n  keepalive 8;\n  server localhost:18001;\n}\n"
    path.write_text(text)
    move("green")
    assert "    keepalive 8;\n" in path.read_text()
    assert move("blue").changed
    assert path.read_text() == text


def test_the_backup_is_removed_at_the_end(move, path, nginx):
    move("green")
    assert names(path) == [".bluegreen-shop.conf.before-dep-1", "bluegreen-shop.conf"]
    nginx_switch.forget_backup(nginx.nginx)
    assert names(path) == ["bluegreen-shop.conf"]


def test_a_switch_by_itself_leaves_nothing_behind(host, nginx, path):
    from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal

    assert nginx_switch.switch(host, NullJournal(), nginx.nginx, "green").changed
    assert names(path) == ["bluegreen-shop.conf"]


def test_the_first_deployment_and_its_undoing(move, path, nginx):
    path.write_text(upstream_text.render("shop", None, SERVERS))
    assert move("green").previous is None
    assert nginx.served == "green"
    switched = move(None)
    assert (switched.changed, switched.previous, switched.live) == (True, "green", None)
    assert nginx.served is None
    assert not move(None).changed


def test_the_undoing_of_a_first_deployment_can_be_read_again(move, nginx, journal):
    move(None)
    noted = journal.data["cutover"]
    assert noted["proved"] == ""
    assert journal_schema.OPTIONAL["cutover"]("cutover", noted) == []


def test_the_other_color_as_backup(move, path, nginx):
    nginx.nginx = nginx.nginx._replace(backup=True)
    move("green")
    assert "    server 127.0.0.1:18001 backup;\n" in path.read_text()
    assert not move("green").changed
    nginx.nginx = nginx.nginx._replace(backup=False)
    assert move("green").changed
    assert "backup" not in path.read_text()


def test_a_color_that_does_not_run_is_not_the_backup(move, path, nginx, journal):
    nginx.nginx = nginx.nginx._replace(backup=True)
    path.write_text(upstream_text.render("shop", None, SERVERS))
    move("green")
    assert "backup" not in path.read_text()
    assert not move("green").changed
    move("blue")
    assert "    server 127.0.0.1:18002 backup;\n" in path.read_text()
    # In a rollback the other color is stopped soon.
    journal.data["rolling_back"] = True
    move("green")
    assert "backup" not in path.read_text()


LIES = [
    ({"invalid": 'unknown directive "x" in /a:1'}, 'nginx -t says: unknown directive "x" in /a:1', ["check"]),
    ({"included": False}, "no include of the Nginx configuration names it", ["check"]),
    ({"site": HARD_CODED}, "/site:1 sends requests to 127.0.0.1:18001 and not to the upstream shop", ["check"]),
    ({"reload_refused": "invalid PID number"}, "nginx -s reload says: invalid PID number", ["check", "reload"]),
    (
        {"reload_ignored": True, "error_log": "bind() failed (98: Address already in use)"},
        "Nginx started no new worker process (Nginx says: bind() failed (98: Address already in use))",
        ["check", "reload"],
    ),
    ({"serves_always": "blue"}, "requests reached blue and not green", ["check", "reload", "ask"]),
]


@pytest.mark.parametrize("lie, words, events", LIES)
def test_every_lie_is_told_and_undone(move, path, nginx, journal, lie, words, events):
    for name, value in lie.items():
        setattr(nginx, name, value)
    text = path.read_text()
    with pytest.raises(BluegreenError) as failure:
        move("green")
    assert failure.value.message.startswith("Nginx was not moved to green: ")
    assert words in failure.value.message
    assert "The previous file is back, and Nginx was verified to serve blue." in failure.value.message
    assert failure.value.details["failure"]["served"] == "blue"
    assert path.read_text() == text
    assert nginx.served == "blue"
    assert list(dict.fromkeys(nginx.events[:len(events)])) == events
    # The journal says that blue is proved, and names no worker process that serves green.
    cutover = journal.data["cutover"]
    assert cutover["proved"] == "blue"
    assert (cutover["nginx_workers"] == []) is ("serves_always" not in lie)


def test_no_reload_before_the_files_are_known_to_be_good(move, nginx):
    nginx.invalid = "x"
    with pytest.raises(BluegreenError):
        move("green")
    assert "reload" not in nginx.events


def test_a_failed_reload_is_given_time(move, nginx, host):
    nginx.reload_ignored = True
    with pytest.raises(BluegreenError):
        move("green", timeout=4.0)
    assert 4.0 <= host.clock.now - 1000.0 < 4.5


def test_nginx_that_had_taken_the_file_over_reads_the_old_one_again(move, path, nginx, monkeypatch):
    # Nginx moves to green, but something else answers there.
    class Fooled(FakeRequests):
        def verdict(self, color):
            return Verdict(color == "blue" and self.running.served == "blue", "the last answer was 502")

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Fooled)
    with pytest.raises(
        BluegreenError, match="the last answer was 502. The previous file is back, and Nginx was verified to serve"
    ):
        move("green")
    assert nginx.events.count("reload") == 2
    assert nginx.served == "blue"


def test_a_color_that_accepts_nothing_any_more_is_given_up_at_once(move, nginx, host, monkeypatch):
    class Ended(FakeRequests):
        def verdict(self, color):
            return Verdict(color == "blue" and self.running.served == "blue", "the last answer was 502")

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Ended)
    nginx.refused = "green"
    begun = host.clock.now
    with pytest.raises(
        BluegreenError, match="the last answer was 502, and nothing accepts connections at 127.0.0.1:18002 any more"
    ):
        move("green")
    assert host.clock.now == begun
    assert nginx.served == "blue"


def test_an_undoing_that_cannot_be_proved_is_said(move, path, nginx, monkeypatch, journal):
    class Dead(FakeRequests):
        def verdict(self, color):
            return Verdict(False, "connection refused")

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Dead)
    with pytest.raises(BluegreenError) as failure:
        move("green")
    assert failure.value.message.endswith(
        "Nginx could not be verified to serve blue: connection refused. Look at Nginx's error log, remove the cause, "
        "and run this again."
    )
    assert failure.value.details["failure"]["served"] is None
    assert journal.data["cutover"]["proved"] == ""
    assert color_in(path) == "blue"


def test_an_accident_puts_the_file_back(move, path, nginx):
    def killed():
        raise KeyboardInterrupt

    nginx.reload = killed
    with pytest.raises(KeyboardInterrupt):
        move("green")
    assert color_in(path) == "blue"


@pytest.mark.parametrize("obstacle", ["name", "url", "policies"])
def test_an_obstacle_before_the_rename_changes_nothing(move, path, nginx, journal, monkeypatch, obstacle):
    def refuse(*args):
        raise BluegreenError("no")

    if obstacle == "name":
        nginx.unresolvable = "green"
    elif obstacle == "url":
        monkeypatch.setattr(nginx_switch.public_requests, "public_side", refuse)
    text = path.read_text()
    with pytest.raises(BluegreenError):
        move("green", before_rename=refuse if obstacle == "policies" else None)
    assert path.read_text() == text
    assert names(path) == ["bluegreen-shop.conf"]
    assert journal.notes == []
    assert nginx.events == []


def test_plan_changes_nothing(path, nginx, journal):
    text = path.read_text()
    planned = nginx_switch.plan(journal, nginx.nginx, "green", "2")
    assert planned.changed
    assert planned.diff["before"] == text == path.read_text()
    assert "127.0.0.1:18002" in planned.diff["after"]
    assert not nginx_switch.plan(journal, nginx.nginx, "blue", "2").changed
    assert names(path) == ["bluegreen-shop.conf"]


def test_workers_verdict_is_that_of_the_proof(nginx):
    # FakeNginx and the real decision have to understand a reload in the same way.
    noted = nginx.nginx_workers()
    nginx.reload()
    assert workers_verdict(noted, nginx.nginx_workers()).proved
