# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity on what is shipped, in every Python that this machine has and ansible-core supports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from build import LINK, UNSHIPPED
from command import CACHE, LOGS, ROOT, read_log, run
from outcome import Outcome
from setup import need

PIP = re.compile(r"Running|WARNING|Looking|Collecting|Processing|Using cached|Install|Successfully|Requirement| ")


def sanity():
    need("get-pip", "lint-tools")
    rc = run(["ansible-test", "sanity", "--local", "--color", "no"], "sanity", cwd=copy(), timeout=1200)
    text = read_log("sanity")
    ran = len(re.findall(r"^Running sanity test ", text, re.MULTILINE))
    failures = re.search(r"The (\d+) sanity test\(s\) listed below \(out of \d+\) failed", text)
    # Ended without naming a test, or without having run one: that is no success either.
    failed = int(failures[1]) if failures else int(rc != 0 or ran == 0)
    yield Outcome("sanity", max(ran - failed, 0), failed, logs=(findings(text),) if failed else ())


def findings(text):
    """Nine tenths of the log are pip's; what was found is worth showing."""
    path = os.path.join(LOGS, "sanity-findings.log")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line for line in text.splitlines(True) if not PIP.match(line))
    return path


def copy():
    """The sources under the path that ansible-test insists on; a link would not do, it resolves them."""
    folder = os.path.join(CACHE, "sanity", "ansible_collections", "smallfleet", "bluegreen")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout.decode().split("\0")
    for name in filter(None, listed):
        source = os.path.join(ROOT, name)
        if os.path.exists(source) and not name.split("/")[0].startswith(UNSHIPPED) and not name.startswith(LINK):
            target = os.path.join(folder, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    # A repository of its own: in the checkout's this folder is ignored, and so would be all that is in it.
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder
