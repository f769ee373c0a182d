# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the webhook: its secret, and the folder with what it remembers and what the rulebook answers."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat

from github_turns import Host, Kept, dump, load

SHORTEST_SECRET = 16
_STATES = ("open", "closed", "unknown")


def read_secret(path):
    """What is in the file, which nobody but its owner may read."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(4096).strip()
    except OSError as error:
        raise ValueError(f"secret_file {path} cannot be read: {error.strerror}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"secret_file {path} can be read by others; run: chmod 600 {path}")
    return long_enough(secret, f"secret_file {path}")


def long_enough(secret, where):
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"{where} has a secret of {len(secret)} characters; it needs {SHORTEST_SECRET} or more, "
            "such as `openssl rand -hex 32` prints."
        )
    return secret


class Folder:
    def __init__(self, path):
        self.path = path
        self.answer = os.path.join(path, "answer.json")
        self._state = os.path.join(path, "state.json")
        try:
            os.makedirs(path, 0o700, exist_ok=True)
            mode = os.stat(path).st_mode
            # Kept open as long as the process lives, and not inherited by what it starts.
            self._lock = os.open(os.path.join(path, "lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ValueError(f"state_folder {path} cannot be used: {error.strerror}.") from error
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ValueError(f"state_folder {path} can be written by others; run: chmod 700 {path}")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"state_folder {path} is in use by another rulebook; give each a folder of its own.") from None

    def close(self):
        os.close(self._lock)

    def load(self):
        """What was kept when it was stored last."""
        try:
            with open(self._state, encoding="utf-8") as file:
                return load(json.load(file))
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            raise ValueError(f"{self._state} cannot be read: {error.strerror}.") from error
        except ValueError:
            raise ValueError(
                f"{self._state} is damaged. Remove it; the earlier pushes are then forgotten: one that waits is lost, "
                "and one that is sent again would be deployed again."
            ) from None

    def store(self, kept):
        """Whole or not at all, also when the power goes."""
        temporary = f"{self._state}.tmp"
        descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(dump(kept), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._state)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def take_answer(self, turn):
        """The hosts as the rulebook saw them at the end of this turn, or ``None`` while there is no answer to it."""
        try:
            with open(self.answer, encoding="utf-8") as file:
                answer = json.load(file)
            if answer["turn"] != turn:
                return None
            hosts = [
                Host(str(name), shown["state"], str(shown["release"]), str(shown["result"]))
                for name, shown in answer["hosts"].items()
            ]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{self.answer} is not what the rulebook's last action writes; it is left out.") from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.answer)
        # An unheard-of word must not count as a host that is free.
        return [host if host.state in _STATES else host._replace(state="unknown") for host in hosts]
