# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import schema as journal_schema
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    proof as nginx_proof,
    switch as nginx_switch,
    upstream,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.proof import Child, PublicSide, Verdict
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.running import Checked, Nginx

SERVERS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
SITE = "server { listen 80; location / { proxy_pass http://shop; } }\n"
HARD_CODED = "server { listen 80; location / { proxy_pass http://127.0.0.1:18001; } }\n"


class FakeNginx:
    """An Nginx that reads a real file, starts processes that are numbers, and lies when told so."""

    def __init__(self, path):
        self.nginx = Nginx("shop", str(path), "", SERVERS, "http://127.0.0.1/", "")
        self.path = path
        self.file = str(path)
        self.site = SITE
        self.included = True
        self.invalid = ""
        self.reload_refused = ""
        self.reload_ignored = False
        self.serves_always = None
        self.unresolvable = None
        self.error_log = ""
        self.generation = 1
        self.old = []
        self.loaded = path.read_text()
        self.events = []

    def children(self):
        return [*self.old, Child(self.generation, self.generation * 100)]

    def check(self):
        self.events.append("check")
        if self.invalid:
            return Checked(False, self.invalid, "")
        files = {"/n.conf": f"http {{ include {self.file if self.included else '/none'}; include /site; }}", "/site": self.site}
        if self.included:
            files[self.file] = self.path.read_text()
        return Checked(True, "", "".join(f"# configuration file {name}:\n{text}\n" for name, text in files.items()))

    def reload(self):
        self.events.append("reload")
        if self.reload_refused:
            return self.reload_refused
        if not self.reload_ignored:
            self.loaded = self.path.read_text()
            self.old = [Child(self.generation, self.generation * 100, draining=True)]
            self.generation += 1
        return ""

    def require_resolvable(self, color):
        if color == self.unresolvable:
            raise BluegreenError(f"{color} does not resolve")

    @property
    def served(self):
        if self.serves_always:
            return self.serves_always
        return upstream.live_color(upstream.parse(self.loaded, self.file, "shop"), SERVERS, self.file)


class FakeAsked:
    def __init__(self, running):
        self.running = running

    def ask(self, color):
        self.running.events.append("ask")

    def verdict(self, color):
        served = self.running.served
        return Verdict(served == color, "" if served == color else f"requests reached {served} and not {color}")


class FakeLog:
    def __init__(self, running, dump):
        self.running = running

    def reason(self):
        return self.running.error_log


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "bluegreen-shop.conf"
    path.write_text(upstream.render("shop", "blue", SERVERS, "1"))
    return path


@pytest.fixture
def nginx(path, monkeypatch):
    fake = FakeNginx(path)
    monkeypatch.setattr(nginx_switch, "Running", lambda host, settings: fake)
    monkeypatch.setattr(nginx_switch, "ErrorLog", FakeLog)
    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", FakeAsked)
    monkeypatch.setattr(
        nginx_switch.public_requests, "public_side", lambda running: PublicSide("http://127.0.0.1/", 80, "127.0.0.1", "127.0.0.1")
    )
    return fake


@pytest.fixture
def move(host, journal, nginx):
    def move(color, **options):
        return nginx_switch.switch(host, journal, nginx.nginx, color, "2", **options)

    return move


def color_in(path):
    return upstream.live_color(upstream.parse(path.read_text(), str(path), "shop"), SERVERS, str(path))


def names(path):
    return sorted(os.listdir(path.parent))


def test_a_switch(move, path, nginx, journal, host):
    before = path.read_text()
    switched = move("green")
    assert (switched.changed, switched.previous, switched.live) == (True, "blue", "green")
    assert switched.children == [[1, 100]]
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
    assert intent["children"] == [[1, 100]]
    assert open(intent["kept"]).read() == seen[0]


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
    # The processes of before still finish what they have.
    assert switched.children == [[1, 100]]
    assert path.read_text() == text
    assert nginx.events == ["ask"]
    nginx.old = []
    assert move("green").children == []


def test_a_file_that_nginx_has_not_read_yet_is_no_reason_to_do_nothing(move, nginx, path):
    path.write_text(upstream.render("shop", "green", SERVERS))
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


def test_the_kept_bytes_go_at_the_end(move, path, nginx):
    move("green")
    assert names(path) == [".bluegreen-shop.conf.before-dep-1", "bluegreen-shop.conf"]
    nginx_switch.forget_backup(nginx.nginx)
    assert names(path) == ["bluegreen-shop.conf"]


def test_a_switch_by_itself_leaves_nothing_behind(host, nginx, path):
    from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal

    assert nginx_switch.switch(host, NullJournal(), nginx.nginx, "green").changed
    assert names(path) == ["bluegreen-shop.conf"]


def test_the_first_deployment_and_its_undoing(move, path, nginx):
    path.write_text(upstream.render("shop", None, SERVERS))
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


def test_a_color_that_is_not_there_is_nobodys_backup(move, path, nginx, journal):
    nginx.nginx = nginx.nginx._replace(backup=True)
    path.write_text(upstream.render("shop", None, SERVERS))
    move("green")
    assert "backup" not in path.read_text()
    assert not move("green").changed
    move("blue")
    assert "    server 127.0.0.1:18002 backup;\n" in path.read_text()
    # On the way back the color that is left is stopped soon.
    journal.data["back"] = True
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
    assert "The file of before is back, and Nginx is proved to serve blue." in failure.value.message
    assert failure.value.details["failure"]["served"] == "blue"
    assert path.read_text() == text
    assert nginx.served == "blue"
    assert list(dict.fromkeys(nginx.events[:len(events)])) == events
    # What is journaled is what is so: blue is proved, and nobody who serves green is left to wait for.
    cutover = journal.data["cutover"]
    assert cutover["proved"] == "blue"
    assert (cutover["children"] == []) is ("serves_always" not in lie)


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
    # It takes the color over, but something else answers: after the way back blue is asked for again.
    class Fooled(FakeAsked):
        def verdict(self, color):
            return Verdict(color == "blue" and self.running.served == "blue", "the last answer was 502")

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Fooled)
    with pytest.raises(BluegreenError, match="the last answer was 502. The file of before is back, and Nginx is proved to serve"):
        move("green")
    assert nginx.events.count("reload") == 2
    assert nginx.served == "blue"


def test_a_way_back_that_cannot_be_proved_is_said(move, path, nginx, monkeypatch, journal):
    class Dead(FakeAsked):
        def verdict(self, color):
            return Verdict(False, "connection refused")

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Dead)
    with pytest.raises(BluegreenError) as failure:
        move("green")
    assert "it is not proved that Nginx serves blue: connection refused. Look at its error log." in failure.value.message
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


def test_prove(host, nginx):
    assert nginx_switch.prove(host, nginx.nginx, "blue").proved
    assert not nginx_switch.prove(host, nginx.nginx, "green").proved
    assert nginx.events == ["ask", "ask"]


def test_children_verdict_is_that_of_the_proof(nginx):
    # The fake and the real decision have to mean the same by a reload.
    noted = nginx.children()
    nginx.reload()
    assert nginx_proof.children_verdict(noted, nginx.children()).proved


# The way back, where only the URL cannot be asked any more

MOVED = "server { listen 80; return 301 /; }\nserver { listen 81; location / { proxy_pass http://shop; } }\n"


@pytest.fixture
def unasked(nginx, monkeypatch):
    """Requests through the public URL show nothing."""
    class Nothing(FakeAsked):
        reached = None

        def verdict(self, color):
            return Verdict(color == self.reached, "" if color == self.reached else f"none opened a connection to {color}")

    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", Nothing)
    return Nothing


@pytest.mark.parametrize("site", [SITE, MOVED])
def test_going_back_goes_on_where_only_the_url_shows_nothing(move, nginx, path, journal, host, unasked, site):
    path.write_text(upstream.render("shop", "green", SERVERS, "2"))
    nginx.loaded, nginx.site = path.read_text(), site
    journal.note(back=True)
    assert move("blue").changed
    assert color_in(path) == "blue"
    assert nginx.served == "blue"
    assert journal.data["cutover"]["proved"] == "blue"
    assert host.warnings == [
        f"Nginx is back at blue: its new worker processes have read {path}, and no request went to green. But bluegreen_public_url "
        "http://127.0.0.1/ did not show it (none opened a connection to blue): correct that before the next deployment."
    ]


@pytest.mark.parametrize(
    "facts, spoil",
    [
        # Forward it is no proof.
        ({"back": False}, lambda nginx, asked: None),
        # Requests still go where they must not.
        ({"back": True}, lambda nginx, asked: setattr(asked, "reached", "green")),
        # Nginx read nothing, or reads something else.
        ({"back": True}, lambda nginx, asked: setattr(nginx, "reload_ignored", True)),
        ({"back": True}, lambda nginx, asked: setattr(nginx, "included", False)),
        ({"back": True}, lambda nginx, asked: setattr(nginx, "invalid", "no")),
        ({"back": True}, lambda nginx, asked: setattr(nginx, "site", "server { listen 81; }")),
        ({"back": True}, lambda nginx, asked: setattr(nginx, "site", HARD_CODED)),
    ],
)
def test_everything_else_has_to_be_proved(move, nginx, path, journal, host, unasked, facts, spoil):
    path.write_text(upstream.render("shop", "green", SERVERS, "2"))
    nginx.loaded = path.read_text()
    journal.note(**facts)
    spoil(nginx, unasked)
    with pytest.raises(BluegreenError, match="Nginx was not moved to blue"):
        move("blue")
    assert host.warnings == []


@pytest.mark.parametrize("back", [True, False])
def test_a_url_that_does_not_reach_nginx_any_more(move, nginx, path, journal, host, monkeypatch, unasked, back):
    def elsewhere(running):
        raise BluegreenError("does not reach this Nginx")

    monkeypatch.setattr(nginx_switch.public_requests, "public_side", elsewhere)
    path.write_text(upstream.render("shop", "green", SERVERS, "2"))
    nginx.loaded = path.read_text()
    journal.note(back=back)
    if back:
        assert move("blue").changed
        assert len(host.warnings) == 2
    else:
        with pytest.raises(BluegreenError, match="does not reach this Nginx"):
            move("blue")
    assert color_in(path) == ("blue" if back else "green")
