# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan says of a running app, read as its owner reads it: variables, lines of Nginx, commands. All pure."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml


class Line(NamedTuple):
    """What to write at a line of a file in place of ``old``."""

    file: str
    number: int
    new: str
    old: str = ""


class Steps(NamedTuple):
    variables: dict
    prepare: bool
    lines: list
    reload: str


def steps_in(output):
    """The steps of the first finding about an adoption in a playbook's output."""
    rows = [row.strip() for row in output.splitlines()]
    begin = next(number for number, row in enumerate(rows) if "leave the app running, and adopt it as" in row)
    end = next(number for number in range(begin, len(rows)) if rows[number].startswith("Then deploy again."))
    variables, lines, prepare, reload = {}, [], False, ""
    for row in rows[begin + 1:end]:
        place = re.match(r"\d+\. At (/\S+):(\d+) write$", row)
        if place:
            lines.append(Line(place.group(1), int(place.group(2)), ""))
        elif re.match(r"bluegreen_\w+: ", row):
            variables.update(yaml.safe_load(row))
        elif row.startswith("in place of "):
            lines[-1] = lines[-1]._replace(old=row[len("in place of "):])
        elif ". Run ansible-playbook smallfleet.bluegreen.prepare" in row:
            prepare = True
        elif ". Check and reload Nginx: " in row:
            reload = row.partition(". Check and reload Nginx: ")[2]
        elif lines and not lines[-1].new:
            lines[-1] = lines[-1]._replace(new=row)
    return Steps(variables, prepare, lines, reload)


def written(text, lines):
    """A file of Nginx with the lines in it; the numbers are those of the file as it was."""
    rows = text.splitlines()
    for line in lines:
        row = rows[line.number - 1]
        if line.old not in row:
            raise ValueError(f"line {line.number} is {row!r} and not {line.old!r}")
        rows[line.number - 1] = row.replace(line.old, line.new, 1)
    return "\n".join(rows) + "\n"
