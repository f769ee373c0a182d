# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import os
import stat

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import (
    history as journal_history,
    store as journal_store,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import (
    close,
    history_of,
    log,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import JournalCorrupt, Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import files
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts


def test_only_root_reads_it(store, journal):
    assert os.stat(store.folder).st_mode & 0o777 == 0o750
    assert os.stat(store.path("deployment.json")).st_mode & 0o007 == 0


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_file_with_secrets_has_its_mode_whatever_the_umask_and_an_earlier_crash(tmp_path, umask):
    leftover = tmp_path / ".blue.env.tmp"
    leftover.write_text("of an earlier crash, and longer than what is written now")
    leftover.chmod(0o666)
    before = os.umask(umask)
    try:
        files.write_atomically(str(tmp_path / "blue.env"), "A='1'\n", mode=0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "blue.env").read_text() == "A='1'\n"
    assert os.stat(tmp_path / "blue.env").st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["blue.env"]


@pytest.fixture
def synced(monkeypatch):
    """What was brought to the disk: sizes of files, renames, and folders, in order."""
    order = []
    fsync, replace = os.fsync, os.replace

    def fake_fsync(descriptor):
        status = os.fstat(descriptor)
        order.append("folder" if stat.S_ISDIR(status.st_mode) else status.st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fake_fsync)
    monkeypatch.setattr(os, "replace", lambda *names, **folders: (order.append("rename"), replace(*names, **folders)))
    return order


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, synced):
    files.write_atomically(str(tmp_path / "file"), "text")
    assert synced == [4, "rename", "folder"]


def test_a_line_of_the_history_is_on_the_disk_before_the_journal_goes(store, journal, synced, monkeypatch):
    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: (synced.append("unlink"), unlink(path)))
    close(store, {"id": "dep-1"})
    assert synced[0] == len('{"id": "dep-1"}\n')
    assert synced[1] == "unlink" and synced[-1] == "folder"


def test_no_descriptor_is_left_open(store, journal):
    before = len(os.listdir("/proc/self/fd"))
    journal.note(mark=1)
    with store.lock("a purpose"):
        pass
    close(store, {"id": "dep-1"})
    assert len(os.listdir("/proc/self/fd")) == before


class PowerCut(BaseException):
    """Ends a run at once, past every ``except Exception``."""


@contextlib.contextmanager
def power_cut(monkeypatch, number):
    """Let the file system take ``number`` more effects, then cut the power."""
    left = [number]
    with monkeypatch.context() as patch:
        for name in ("link", "replace", "unlink", "fsync", "ftruncate"):

            def effect(*args, real=getattr(os, name), **kwargs):
                if not left[0]:
                    raise PowerCut
                left[0] -= 1
                return real(*args, **kwargs)

            patch.setattr(os, name, effect)
        with contextlib.suppress(PowerCut):
            yield
            left[0] = -1


def test_a_power_cut_leaves_the_version_before_or_the_one_after(store, journal, monkeypatch):
    seen = set()
    for number in range(12):
        journal.note(mark="before")
        with power_cut(monkeypatch, number):
            journal.note(mark="after")
        seen.add(store.load()["mark"])
        journal.data["mark"] = "before"
    assert seen == {"before", "after"}


def test_after_a_power_cut_a_torn_journal_still_has_the_copy_before(store, journal, monkeypatch):
    for number in range(12):
        journal.note(mark="first")
        journal.note(mark="second")
        with power_cut(monkeypatch, number):
            journal.note(mark="third")
        spoil(store, "deployment.json", '{"version": 1, "id"')
        assert store.load()["mark"] in ("first", "second")
        store.save(journal.data)


def test_what_a_full_disk_kept_from_being_written_leaves_nothing_behind(store, journal, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    journal.note(mark="first")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        journal.best_effort = True
        journal.note(mark="second")
    journal.note(mark="third")
    close(store, {"id": journal["id"], "result": "rolled_back"})
    assert sorted(os.listdir(store.folder)) == ["history.jsonl"]


# Reading


def spoil(store, name, text):
    # A new file: what tears is the version written last, and the copy before may be a second name of another one.
    files.remove(store.path(name))
    with open(store.path(name), "w", encoding="utf-8") as target:
        target.write(text)


def test_no_journal_is_no_deployment(store):
    assert store.load() is None


@pytest.mark.parametrize("text", ["", '{"version": 1, "id": "dep', "[]", "null", '{"version": 2}', '{"id": "x"}'])
def test_the_copy_before_is_used_when_the_journal_is_torn(store, journal, text):
    journal.begin(Step.FETCH)
    spoil(store, "deployment.json", text)
    assert store.load()["step"] == "open"


def test_a_torn_journal_does_not_take_the_place_of_the_copy_before(store, journal, monkeypatch):
    """A power cut may come between the two writes, and then the copy is all that is left."""
    journal.begin(Step.FETCH)
    spoil(store, "deployment.json", "{")
    with monkeypatch.context() as patch:
        patch.setattr(journal_store, "write_atomically", cut_off)
        with pytest.raises(KeyboardInterrupt):
            store.load().begin(Step.STOP_WORKERS)
    assert store.load()["step"] == "open"
    store.load().begin(Step.STOP_WORKERS)
    # From then on the copy is that of the version before again.
    store.load().begin(Step.START_CANDIDATE)
    spoil(store, "deployment.json", "{")
    assert store.load()["step"] == "stop_workers"


def cut_off(*_given):
    raise KeyboardInterrupt


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"redis://redis\n\n", "redis://\ufffd".encode()])
def test_a_url_that_is_damaged_keeps_nobody_from_going_back(store, journal, host, damage):
    with open(store.path("broker.url"), "wb") as target:
        target.write(damage)
    assert store.broker_url() == ""
    assert host.warnings == [
        f"{store.path('broker.url')} is damaged, so tasks are looked for in all databases of the broker service."
    ]


BOTH = "deployment.json and deployment.json.previous are"


@pytest.mark.parametrize("copy, broken", [(None, "deployment.json is"), ("", BOTH), ("[]", BOTH)])
@pytest.mark.parametrize("text", ["{", "[]"])
def test_without_a_readable_copy_the_journal_is_corrupt(store, journal, text, copy, broken):
    spoil(store, "deployment.json", text)
    files.remove(store.path("deployment.json.previous"))
    if copy is not None:
        spoil(store, "deployment.json.previous", copy)
    with pytest.raises(JournalCorrupt) as failure:
        store.load()
    assert failure.value.message.startswith(
        f"The journal {store.path('deployment.json')} cannot be read ({broken} damaged): run ansible-playbook "
        "smallfleet.bluegreen.recover, "
    )


def test_bytes_that_are_no_text_are_damage_too(store, journal):
    journal.begin(Step.FETCH)
    with open(store.path("deployment.json"), "wb") as target:
        target.write(b"\xff\xfe\x00")
    assert store.load()["step"] == "open"


# The history


def test_a_deployment_ends_with_one_line_and_no_journal(store, journal):
    close(store, {"id": "dep-1", "result": "committed"})
    assert store.load() is None
    assert not os.path.exists(store.lease_mark)
    assert sorted(os.listdir(store.folder)) == ["history.jsonl"]
    assert [(entry["id"], entry["result"]) for entry in history_of(store)] == [("dep-1", "committed")]


def test_a_deployment_that_is_closed_twice_has_one_line(store, journal):
    for dummy in range(2):
        close(store, {"id": "dep-1", "result": "committed"})
    assert len(history_of(store)) == 1


def test_closing_may_be_cut_off_anywhere_and_repeated(host, tmp_path, monkeypatch):
    for number in range(12):
        store = Store("shop", host, root=str(tmp_path / str(number)), run_root=str(tmp_path / "run"))
        store.create()
        journal = create_journal(store, "dep-1", "ada", facts())
        journal.note(result="committed")
        with power_cut(monkeypatch, number):
            close(store, {"id": "dep-1", "result": "committed"})
        if store.load() is not None:
            close(store, {"id": "dep-1", "result": "committed"})
        assert [entry["id"] for entry in history_of(store)] == ["dep-1"]
        # Nothing of it may pass for the next deployment, should that one's journal be torn.
        create_journal(store, "dep-2", "ada", facts())
        spoil(store, "deployment.json", "{")
        try:
            assert store.load()["id"] == "dep-2"
        except JournalCorrupt:
            pass


def test_the_history_passes_over_a_line_torn_by_a_power_cut(store):
    spoil(store, "history.jsonl", '{"id": "dep-1"}\n{"id": "de\n\n{"id": "dep-3"}\n')
    assert [entry["id"] for entry in history_of(store)] == ["dep-1", "dep-3"]
    assert [entry["id"] for entry in history_of(store, last=1)] == ["dep-3"]


def test_a_history_that_cannot_be_written_is_one_sentence_and_the_journal_stays(store, journal, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(BluegreenError) as failure:
        patch.setattr(os, "fsync", refuse)
        close(store, {"id": "dep-1"})
    assert failure.value.message == (
        f"{store.path('history.jsonl')} cannot be written (no space left on device): make room on that disk, then run "
        "this again."
    )
    assert store.load()["id"] == "dep-1"


def test_a_torn_last_line_does_not_swallow_the_next_one(store, journal):
    spoil(store, "history.jsonl", '{"id": "dep-0"}\n{"id": "dep-1", "resu')
    close(store, {"id": "dep-1", "result": "rolled_back"})
    assert [(entry["id"], entry["result"]) for entry in history_of(store)] == [("dep-0", ""), ("dep-1", "rolled_back")]


@pytest.mark.parametrize("lines, kept", [(598, 599), (599, 600), (600, 500), (5000, 500)])
def test_the_oldest_lines_of_a_long_history_go(store, lines, kept):
    spoil(store, "history.jsonl", "".join(f'{{"id": "dep-{number}"}}\n' for number in range(lines)))
    os.chmod(store.path("history.jsonl"), 0o640)
    log(store, {"id": "dep-new", "result": "committed"})
    entries = history_of(store)
    assert (len(entries), entries[-1]["id"]) == (kept, "dep-new")
    assert entries[-2]["id"] == f"dep-{lines - 1}"
    assert os.stat(store.path("history.jsonl")).st_mode & 0o777 == 0o640
    assert os.listdir(store.folder).count("history.jsonl") == 1 and len(os.listdir(store.folder)) == 1


def test_a_history_that_cannot_be_cut_fails_no_deployment(store, monkeypatch):
    spoil(store, "history.jsonl", "".join(f'{{"id": "dep-{number}"}}\n' for number in range(600)))

    def full(*given, **more):
        raise BluegreenError("no space left on device")

    monkeypatch.setattr(journal_history, "write_atomically", full)
    log(store, {"id": "dep-new", "result": "committed"})
    assert len(history_of(store)) == 601


def test_an_app_without_a_deployment_has_no_history(store):
    assert history_of(store) == []


def test_a_line_can_be_written_without_the_end_of_a_deployment(store, journal):
    for dummy in range(2):
        log(store, {"id": "damaged-1", "who": "", "reason": "two\nlines"})
    assert [(entry["id"], entry["reason"]) for entry in history_of(store)] == [("damaged-1", "two lines")]
    assert store.load()["id"] == "dep-1"
    log(store, {"id": "damaged-2"})
    assert [entry["id"] for entry in history_of(store)] == ["damaged-1", "damaged-2"]


# A journal that nobody can read


def test_a_damaged_journal_is_kept_aside(store, journal):
    journal.note(reason="x")
    for name in ("deployment.json", "deployment.json.previous"):
        spoil(store, name, f"{{torn {name}")
    assert sorted(store.set_aside("1")) == ["deployment.json.corrupt-1", "deployment.json.previous.corrupt-1"]
    assert store.load() is None
    assert not os.path.exists(store.lease_mark)
    for name in ("deployment.json", "deployment.json.previous"):
        with open(store.path(f"{name}.corrupt-1"), encoding="utf-8") as source:
            assert source.read() == f"{{torn {name}"


def test_only_what_is_there_is_kept_aside(store):
    assert store.set_aside("1") == []
    spoil(store, "deployment.json", "{")
    assert store.set_aside("2") == ["deployment.json.corrupt-2"]
    assert os.listdir(store.folder) == ["deployment.json.corrupt-2"]


def test_a_damaged_journal_does_not_take_the_place_of_an_earlier_one(store):
    for stamp in ("1", "2"):
        spoil(store, "deployment.json", f"{{{stamp}")
        store.set_aside(stamp)
    assert sorted(os.listdir(store.folder)) == ["deployment.json.corrupt-1", "deployment.json.corrupt-2"]


def test_keeping_aside_may_be_cut_off_anywhere_and_repeated(host, tmp_path, monkeypatch):
    for number in range(4):
        store = Store("shop", host, root=str(tmp_path / str(number)), run_root=str(tmp_path / "run"))
        store.create()
        create_journal(store, "dep-1", "ada", facts()).note(reason="x")
        for name in ("deployment.json", "deployment.json.previous"):
            spoil(store, name, "{")
        with power_cut(monkeypatch, number):
            store.set_aside("1")
        # Damaged as before, or gone: what is left never passes for a deployment.
        with contextlib.suppress(JournalCorrupt):
            assert store.load() is None
        store.set_aside("2")
        assert store.load() is None
        kept = [name for name in os.listdir(store.folder) if "corrupt" in name]
        assert len(kept) == 2


# What stays beside the journal


def test_the_broker_url_is_not_in_the_journal(store, journal):
    assert store.broker_url() == ""
    spoil(store, "broker.url", "redis://:secret@redis:6379/0")
    assert store.broker_url() == "redis://:secret@redis:6379/0"


def test_env_files_are_a_file_a_color_and_deployment(store):
    paths = [store.env_file(color, each) for color in ("blue", "green") for each in ("dep-1", "dep-2")]
    assert [os.path.relpath(path, store.folder) for path in paths] == [
        "blue-dep-1.env",
        "blue-dep-2.env",
        "green-dep-1.env",
        "green-dep-2.env",
    ]


def test_all_env_files_go_whatever_deployment_and_version_they_are_of(store):
    assert store.env_files() == []
    store.create()
    mine = ["blue-dep-1.env", "green-a.b_c-d.env", "blue.env", "green.env", ".green-dep-1.env.tmp", ".blue.env.tmp"]
    others = ["lock", "deployment.json", "green.environment", "settings.json", "mygreen.env"]
    for name in (*mine, *others):
        spoil(store, name, "A='1'\n")
    assert sorted(map(os.path.basename, store.env_files())) == sorted(mine)
    store.remove_env_files()
    assert sorted(os.listdir(store.folder)) == sorted(others)
