# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the event source with their defaults. Each mistake is one sentence."""

from __future__ import annotations

import os
import re

from github_delivery import is_branch, is_repository
from github_files import long_enough, read_secret

OPTIONS = (
    "host", "port", "path", "secret_file", "secret_env", "branch", "repository", "state_folder", "interval", "answer_timeout"
)


def settings_of(args):
    unknown = sorted(set(args) - set(OPTIONS))
    if unknown:
        raise ValueError(f"github_push has no option {unknown[0]}; it has {', '.join(OPTIONS)}.")
    settings = {
        "host": str(args.get("host") or "127.0.0.1"),
        "port": number(args, "port", None, 1, 65535),
        "path": str(args.get("path") or "/github"),
        "branch": str(args.get("branch") or "main"),
        "repository": str(args.get("repository") or ""),
        "state_folder": str(args.get("state_folder") or ""),
        "interval": number(args, "interval", 60, 1, 86400),
        "answer_timeout": number(args, "answer_timeout", 7200, 0, 604800),
    }
    if not re.fullmatch(r"/[A-Za-z0-9._/-]*", settings["path"]):
        raise ValueError(f"path {settings['path']!r} has to be / and then letters, digits, dots, dashes and slashes.")
    if not is_branch(settings["branch"]):
        raise ValueError(f"branch {settings['branch']!r} has to be a branch's name, such as main or release/2.")
    if settings["repository"] and not is_repository(settings["repository"]):
        raise ValueError(f"repository {settings['repository']!r} has to be owner/name, or empty.")
    if not os.path.isabs(settings["state_folder"]):
        raise ValueError(f"state_folder {settings['state_folder']!r} has to be an absolute path.")
    settings["secret"] = secret_of(args)
    return settings


def number(args, name, default, least, most):
    value = args.get(name, default)
    try:
        if least <= int(value) <= most:
            return int(value)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} {value!r} has to be a whole number from {least} to {most}.")


def secret_of(args):
    file, variable = args.get("secret_file"), args.get("secret_env")
    if bool(file) == bool(variable):
        raise ValueError("github_push needs secret_file or secret_env, one of the two.")
    if file:
        return read_secret(str(file))
    return long_enough(os.environ.get(str(variable), "").encode(), f"secret_env {variable}")
