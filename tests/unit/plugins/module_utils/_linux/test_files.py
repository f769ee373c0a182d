# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import stat

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import files as linux_files
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.files import (
    Distrusted,
    StateFailure,
    make_folder,
    opener,
    write_atomically,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.trusted_program import (
    check_program,
    require_trusted,
)

STRANGER = 4711


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "shop"
    make_folder(str(path))
    return path


@pytest.fixture
def journal(folder):
    path = folder / "deployment.json"
    write_atomically(str(path), "text")
    return path


def read(path):
    with open(path, encoding="utf-8", opener=opener) as source:
        return source.read()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def refused(function, *given):
    with pytest.raises(Distrusted) as refusal:
        function(*given)
    return refusal.value.message


def sentence(path, wrong, way):
    return (
        f"{path} {wrong}, so another user may have written it: look at it, {way}, and run this again."
    )


@pytest.fixture
def become_stranger(monkeypatch):
    """Everything made so far belongs to somebody else from now on; works for any user."""
    return lambda: monkeypatch.setattr(os, "geteuid", lambda: STRANGER)


# What is in order


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_folder_and_its_files_have_their_modes_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        make_folder(str(tmp_path / "shop"))
        write_atomically(str(tmp_path / "shop" / "deployment.json"), "text")
        write_atomically(str(tmp_path / "shop" / "blue.env"), "text", mode=0o600)
        os.close(opener(str(tmp_path / "shop" / "lock"), os.O_RDWR | os.O_CREAT))
    finally:
        os.umask(before)
    # One made under an umask that allows less keeps it; none has more.
    assert mode(tmp_path / "shop") & ~0o750 == 0 and mode(tmp_path / "shop") & 0o700 == 0o700
    assert mode(tmp_path / "shop" / "deployment.json") == 0o640
    assert mode(tmp_path / "shop" / "blue.env") == 0o600
    assert mode(tmp_path / "shop" / "lock") & ~0o640 == 0
    assert read(tmp_path / "shop" / "deployment.json") == "text"


@pytest.mark.parametrize("lax", [0o755, 0o751, 0o750, 0o700])
def test_a_folder_that_strangers_can_read_is_corrected(folder, lax):
    folder.chmod(lax)
    make_folder(str(folder))
    assert mode(folder) == lax & 0o750


def test_a_new_folder_survives_a_power_cut(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(linux_files, "sync_folder", synced.append)
    make_folder(str(tmp_path / "shop"))
    make_folder(str(tmp_path / "shop"))
    assert synced == [str(tmp_path)]


def test_what_is_not_there_is_not_found(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path / "absent" / "deployment.json"):
        with pytest.raises(FileNotFoundError):
            read(path)


def test_a_file_under_two_names_in_its_own_folder_is_read(journal):
    # So it is when the power is cut between the link and the rename of a save.
    os.link(journal, journal.with_name("deployment.json.previous"))
    assert read(journal) == "text"


def test_a_file_that_is_being_replaced_is_read(journal, monkeypatch):
    # A reader may see the second name in the one moment and not the folder's entry for it in the next.
    os.link(journal, journal.with_name("deployment.json.previous"))
    seen = []

    def half(folder, status):
        seen.append(status)
        if len(seen) == 1:
            os.unlink(journal.with_name("deployment.json.previous"))
        return 1

    monkeypatch.setattr(linux_files, "_names_in", half)
    assert read(journal) == "text"


def test_no_descriptor_is_left_open(folder, journal):
    os.symlink("/etc/passwd", folder / "link")
    before = len(os.listdir("/proc/self/fd"))
    read(journal)
    write_atomically(str(journal), "again")
    refused(read, folder / "link")
    make_folder(str(folder))
    assert len(os.listdir("/proc/self/fd")) == before


# Tricks


def test_a_symbolic_link_is_not_read(folder, tmp_path):
    (tmp_path / "elsewhere").write_text("{}")
    link = folder / "deployment.json"
    link.symlink_to(tmp_path / "elsewhere")
    assert refused(read, link) == sentence(link, "is a symbolic link", f"remove it (rm {link})")


def test_a_symbolic_link_is_replaced_and_not_written_through(folder, tmp_path):
    target = tmp_path / "passwd"
    target.write_text("root")
    for name in ("deployment.json", ".deployment.json.tmp"):
        (folder / name).symlink_to(target)
    write_atomically(str(folder / "deployment.json"), "text")
    assert target.read_text() == "root"
    assert not (folder / "deployment.json").is_symlink() and read(folder / "deployment.json") == "text"
    assert os.listdir(folder) == ["deployment.json"]


def test_a_dangling_link_is_not_created_through(folder, tmp_path):
    (folder / "lock").symlink_to(tmp_path / "made")
    refused(opener, str(folder / "lock"), os.O_RDWR | os.O_CREAT)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("does", [read, lambda path: write_atomically(str(path), "text")])
def test_a_folder_that_is_a_link_is_refused(folder, journal, tmp_path, does):
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert refused(does, link / "deployment.json") == sentence(link, "is a symbolic link", f"remove it (rm {link})")
    assert refused(make_folder, str(link)) == sentence(link, "is a symbolic link", f"remove it (rm {link})")
    assert journal.read_text() == "text"


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "shop"
    path.write_text("")
    assert refused(make_folder, str(path)) == sentence(path, "is not a folder", f"remove it (rm {path})")


def test_a_hard_link_to_a_file_elsewhere_is_refused(journal, tmp_path):
    os.link(journal, tmp_path / "elsewhere")
    way = f"put a copy in its place (cp -p {journal} {journal}.new && mv {journal}.new {journal})"
    assert refused(read, journal) == sentence(journal, "has another name elsewhere (a hard link)", way)


def test_a_pipe_is_refused_and_not_waited_for(folder):
    path = folder / "deployment.json"
    os.mkfifo(path)
    assert refused(read, path) == sentence(path, "is not a regular file", f"remove it (rm -r {path})")


def test_a_folder_in_the_place_of_a_file_is_refused(folder):
    (folder / "deployment.json").mkdir()
    refused(read, folder / "deployment.json")


@pytest.mark.parametrize("lax", [0o660, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(journal, lax):
    journal.chmod(lax)
    assert refused(read, journal) == sentence(
        journal, "can be written by others", f"remove that permission (chmod go-w {journal})"
    )


@pytest.mark.parametrize("lax", [0o770, 0o757, 0o777])
def test_a_folder_that_others_can_write_is_refused(folder, journal, lax):
    folder.chmod(lax)
    said = sentence(folder, "can be written by others", f"remove that permission (chmod go-w {folder})")
    assert refused(make_folder, str(folder)) == said
    assert refused(read, journal) == said
    assert refused(lambda: write_atomically(str(journal), "more")) == said
    assert mode(folder) == lax and journal.read_text() == "text"


def test_a_folder_of_somebody_else_is_refused(folder, journal, become_stranger):
    owner = os.geteuid()
    become_stranger()
    said = sentence(
        folder,
        f"belongs to user {owner} and not to user {STRANGER}",
        f"give it to user {STRANGER} (chown {STRANGER} {folder})",
    )
    assert refused(read, journal) == said
    assert refused(lambda: write_atomically(str(journal), "more")) == said
    assert journal.read_text() == "text"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_is_refused(journal):
    os.chown(journal, STRANGER, STRANGER)
    assert refused(read, journal) == sentence(
        journal, f"belongs to user {STRANGER} and not to root", f"give it to root (chown 0 {journal})"
    )


def test_a_folder_below_one_that_others_can_write_is_refused(tmp_path):
    above = tmp_path / "lib"
    above.mkdir()
    above.chmod(0o777)
    assert refused(make_folder, str(above / "shop")) == sentence(
        above, "can be written by others", f"remove that permission (chmod go-w {above})"
    )
    assert os.listdir(above) == []
    # In a folder such as /tmp nobody can take away what is somebody else's.
    above.chmod(0o1777)
    make_folder(str(above / "shop"))


# What the operating system refuses


@pytest.mark.parametrize(
    "number, way",
    [
        (errno.ENOSPC, "no space left on device): make room on that disk, then run this again."),
        (
            errno.EROFS,
            "read-only file system): find out why that disk is read-only (dmesg), and mount it for writing, then",
        ),
        (errno.EACCES, "permission denied): run it as root (become: true), then run this again."),
        (errno.EIO, "input/output error): remove the cause, then run this again."),
    ],
)
def test_a_disk_that_takes_nothing_is_one_sentence(folder, journal, tmp_path, monkeypatch, number, way):
    def refuse(*given, **more):
        raise OSError(number, os.strerror(number))

    for name, does in (
        ("fsync", lambda: write_atomically(str(journal), "more")),
        ("mkdir", lambda: make_folder(str(tmp_path / "blog"))),
    ):
        with monkeypatch.context() as patch, pytest.raises(StateFailure) as failure:
            patch.setattr(os, name, refuse)
            does()
        assert way in failure.value.message and "\n" not in failure.value.message
        assert str(failure.value) == failure.value.message
        # Whoever goes on without the journal tells it by this.
        assert isinstance(failure.value, OSError) and failure.value.errno == number
        assert isinstance(failure.value, BluegreenError)
    assert journal.read_text() == "text"


def test_a_folder_that_is_gone_is_one_sentence_when_written_into(tmp_path):
    with pytest.raises(StateFailure, match="cannot be written .no such file or directory"):
        write_atomically(str(tmp_path / "absent" / "file"), "text")


# What runs by itself at boot


@pytest.fixture
def program(folder, journal):
    path = folder / "guard.pyz"
    write_atomically(str(path), "program")
    return path


@pytest.fixture
def interpreter(tmp_path):
    path = tmp_path / "python3"
    path.write_text("#!")
    path.chmod(0o755)
    return path


NAMES = ("deployment.json", "broker.url")


def test_a_program_that_nobody_else_could_have_written_is_trusted(program, interpreter):
    check_program(str(program), str(interpreter), NAMES)


@pytest.mark.parametrize("name", ["guard.pyz", "deployment.json"])
def test_a_program_or_journal_that_others_can_write_is_not_trusted(program, interpreter, name):
    program.with_name(name).chmod(0o646)
    assert f"{name} can be written by others" in refused(check_program, str(program), str(interpreter), NAMES)


def test_a_program_in_a_folder_that_others_can_write_is_not_trusted(program, interpreter):
    program.parent.chmod(0o777)
    assert f"{program.parent} can be written by others" in refused(check_program, str(program), str(interpreter))


def test_a_program_below_a_folder_that_others_can_write_is_not_trusted(program, interpreter, tmp_path):
    tmp_path.chmod(0o777)
    assert f"{tmp_path} can be written by others" in refused(check_program, str(program), str(interpreter))


def test_a_python_that_others_can_write_is_not_trusted(program, interpreter, tmp_path):
    interpreter.chmod(0o777)
    # What counts is the file that is run, not the name that leads there.
    link = tmp_path / "venv-python"
    link.symlink_to(interpreter)
    assert f"{interpreter} can be written by others" in refused(check_program, str(program), str(link))


def test_a_python_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(StateFailure, match="cannot be read .no such file or directory"):
        require_trusted(str(tmp_path / "python3"))
    assert refused(require_trusted, str(tmp_path)) == sentence(
        str(tmp_path), "is not a regular file", "install Python there again"
    )


def test_the_system_itself_is_trusted():
    require_trusted("/bin/sh")
