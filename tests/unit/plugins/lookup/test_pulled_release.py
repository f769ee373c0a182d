# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import subprocess

from ansible_collections.smallfleet.bluegreen.plugins.lookup.pulled_release import LookupModule


def git(folder, *arguments):
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder, **files):
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=change")
    return git(folder, "rev-parse", "HEAD")[:12]


def wanted(folder):
    (found,) = LookupModule().run([str(folder / "release")])
    return found


def test_the_commit_is_the_last_one_that_changed_the_file(tmp_path):
    git(tmp_path, "init", "--quiet")
    first = commit(tmp_path, release="1.4.2\n")
    commit(tmp_path, inventory="all:\n")
    assert wanted(tmp_path) == {"release": "1.4.2", "commit": first, "refusal": ""}
    second = commit(tmp_path, release="# again\n1.4.2\n")
    assert wanted(tmp_path) == {"release": "1.4.2", "commit": second, "refusal": ""}


def test_what_no_commit_has_is_refused(tmp_path):
    assert re.search("cannot be read.*: commit a file", wanted(tmp_path)["refusal"])
    (tmp_path / "release").write_text("1.4.2\n")
    assert "Git does not tell which commit changed it" in wanted(tmp_path)["refusal"]
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, another="file")
    git(tmp_path, "rm", "--quiet", "--cached", "release")
    git(tmp_path, "commit", "--quiet", "--amend", "--message=without it")
    assert "no commit has it" in wanted(tmp_path)["refusal"]


def test_garbage_is_refused(tmp_path):
    (tmp_path / "release").write_text("")
    assert "it has no label" in wanted(tmp_path)["refusal"]
