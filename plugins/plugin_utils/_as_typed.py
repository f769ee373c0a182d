# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Labels as they were typed, where Ansible has made a number, a date or nothing of them. Pure, but for :func:`read`.

YAML reads ``1.10`` without quotes as a number, and the label 1.1 would be that of another release. AWX hands the answer to
a survey on as ``!unsafe '1.10'``, and ansible-core 2.19 and later read what has that tag as if it had no quotes.
"""

from __future__ import annotations

import datetime
import os

import yaml

# Variables that are labels: whatever is typed as their value is meant as text.
LABELS = ("bluegreen_app", "bluegreen_release")
UNSAFE = "!unsafe"


class Unreadable(Exception):
    """Whether this option gives the variable cannot be known."""


def read(path):
    """The text of a file of variables. A pipe is not read: it was read to its end already."""
    if not os.path.isfile(path):
        raise Unreadable(path)
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except (OSError, ValueError):
        raise Unreadable(path) from None


def as_typed(name, value, options, reading=read):
    """The text of a variable of which Ansible has made ``value``; ``None`` where it cannot be known.

    Only what is tagged ``!unsafe`` was text for the program that wrote it. A number without the tag may have lost its text
    before it was written.

    options: those of ``-e``, in their order; the last one that has the variable counts.
    """
    node = _last(name, options, reading)
    if not isinstance(node, yaml.ScalarNode) or node.tag != UNSAFE:
        return None
    made = _made_of(node.value)
    if isinstance(made, str):
        return None
    # True is equal to 1, and a date to none of them.
    same = isinstance(value, type(made)) and isinstance(made, bool) == isinstance(value, bool)
    return node.value if same and value == made else None


def refusal(name, value, rendered, options, reading=read):
    """The sentence with which a label is refused that is not text, or does not stay what it is; empty for a good one.

    rendered: what a template makes of it that consists of the variable alone.
    """
    if isinstance(value, str):
        # Before ansible-core 2.19 a template makes a boolean of True, too; an option of a module makes the text of it again.
        if rendered is not None and str(rendered) == value:
            return ""
        return (
            f"{name} is {value!r}, of which jinja2_native makes {_shown(rendered)} in each template: nothing was done. Turn it "
            "off, with ANSIBLE_JINJA2_NATIVE=False or in ansible.cfg."
        )
    node = _last(name, options, reading)
    found = f"{name} is {_shown(value)}, and not text: nothing was done. "
    if node is not None and node.tag == UNSAFE:
        return found + (
            "AWX gave it as text, which only the collection's own playbooks read as it was typed: use them, such as "
            "smallfleet.bluegreen.deploy, or begin your playbook with import_playbook of one."
        )
    # As it stands there, such as 1.10.
    label = node.value if isinstance(node, yaml.ScalarNode) and node.value else "…"
    return found + f'Write it in quotes where it is given, {name}: "{label}", or give it with -e {name}={label}.'


def _last(name, options, reading):
    """Where the variable was given last; ``None`` where no option gives it or where that cannot be known."""
    for option in reversed(options):
        # Anything else is key=value, which stays text.
        if option[:1] not in ("@", "{", "["):
            continue
        try:
            node = _entry(name, reading(option[1:]) if option[0] == "@" else option)
        except Unreadable:
            return None
        if node is not None:
            return node
    return None


def _entry(name, text):
    """The YAML node of a variable, in YAML or JSON; ``None`` where it is not in it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Unreadable(str(error)) from None
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode) or any(key.tag == "tag:yaml.org,2002:merge" for key, dummy in root.value):
        raise Unreadable("not a plain mapping")
    found = [value for key, value in root.value if key.value == name]
    return found[-1] if found else None


def _made_of(text):
    """What YAML makes of a text without quotes; the text itself where it makes nothing."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(yaml.ScalarNode(loader.resolve(yaml.ScalarNode, text, (True, False)), text))
    except (yaml.YAMLError, ValueError):
        return text
    finally:
        loader.dispose()


def _shown(value):
    if value is None:
        return "null (nothing)"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    for kind, name in (((int, float), "a number"), (datetime.date, "a date"), ((list, tuple), "a list"), (dict, "a dictionary")):
        if isinstance(value, kind):
            return f"{value} ({name})"
    return f"{value}"
