# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Labels as they were typed, if Ansible has turned them into a number, a date or null. Pure, except :func:`read`.

YAML reads ``1.10`` without quotes as a number, and 1.1 would be the label of another release. AWX passes the answer to
a survey as ``!unsafe '1.10'``, and ansible-core 2.19 and later read a text with that tag as if it had no quotes.
"""

from __future__ import annotations

import datetime
import os
from typing import Any, Callable, Sequence

import yaml

# Variables that are labels: their values are always meant as text.
LABELS = ("bluegreen_app", "bluegreen_release")
UNSAFE = "!unsafe"


class Unreadable(Exception):
    """It cannot be found out whether this option of ``-e`` sets the variable."""


def read(path: str) -> str:
    """The text of a file of variables. A pipe is not read, because Ansible has read it to its end already.

    :raises Unreadable: if it is not a file, or cannot be read.
    """
    if not os.path.isfile(path):
        raise Unreadable(path)
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except (OSError, ValueError):
        raise Unreadable(path) from None


def as_typed(name: str, value: Any, options: Sequence[str], reading: Callable[[str], str] = read) -> str | None:
    """The text that Ansible has turned into ``value``; ``None`` if it cannot be found out.

    Only a value with the tag ``!unsafe`` was text for the program that wrote it. A number without the tag may have lost
    its text before it was written.

    :param options: those of ``-e``, in their order; the last one that sets the variable counts.
    """
    node = _last(name, options, reading)
    if not isinstance(node, yaml.ScalarNode) or node.tag != UNSAFE:
        return None
    made = _made_of(node.value)
    if isinstance(made, str):
        return None
    # True == 1 in Python, so compare types as well.
    same = isinstance(value, type(made)) and isinstance(made, bool) == isinstance(value, bool)
    return node.value if same and value == made else None


def refusal(
    name: str, value: Any, rendered: Any, options: Sequence[str], reading: Callable[[str], str] = read
) -> str:
    """Why a label is refused; empty for a label that is text, and that templates leave a text (unlike ``1.10``).

    :param rendered: the result of a template that consists only of the variable.
    :param options: those of ``-e``, in their order.
    """
    if isinstance(value, str):
        # Before ansible-core 2.19 a template turns the text True into a boolean, and a module's option turns it back.
        if rendered is not None and str(rendered) == value:
            return ""
        return (
            f"{name} is {value!r}, but jinja2_native turns it into {_shown(rendered)} in each template. Nothing was "
            "done. Turn jinja2_native off, with ANSIBLE_JINJA2_NATIVE=False or in ansible.cfg."
        )
    node = _last(name, options, reading)
    found = f"{name} is {_shown(value)}, not text. Nothing was done. "
    if node is not None and node.tag == UNSAFE:
        return found + (
            "AWX passed it as text, but only the collection's own playbooks keep it as it was typed. Use one of them, "
            "such as smallfleet.bluegreen.deploy, or begin your playbook with an import_playbook of one."
        )
    # The text as it was written, such as 1.10.
    label = node.value if isinstance(node, yaml.ScalarNode) and node.value else "…"
    return found + f'Write it in quotes, {name}: "{label}", or use -e {name}={label}.'


def _last(name: str, options: Sequence[str], reading: Callable[[str], str]) -> yaml.Node | None:
    """The YAML node that set the variable last; ``None`` if no option sets it, or if that cannot be found out."""
    for option in reversed(options):
        # The other options are key=value, which remains text.
        if option[:1] not in ("@", "{", "["):
            continue
        try:
            node = _entry(name, reading(option[1:]) if option[0] == "@" else option)
        except Unreadable:
            return None
        if node is not None:
            return node
    return None


def _entry(name: str, text: str) -> yaml.Node | None:
    """The YAML node of a variable in a text of YAML or JSON; ``None`` if the text does not set it."""
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


def _made_of(text: str) -> Any:
    """The value that YAML reads from a text without quotes."""
    loader = yaml.SafeLoader("")
    try:
        # PyYAML's stubs have no types for this function.
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        return text
    finally:
        loader.dispose()


def _shown(value: Any) -> str:
    if value is None:
        return "null (nothing)"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    kinds: tuple[tuple[Any, str], ...] = (
        ((int, float), "a number"), (datetime.date, "a date"), ((list, tuple), "a list"), (dict, "a dictionary"),
    )  # fmt: skip
    for kind, name in kinds:
        if isinstance(value, kind):
            return f"{value} ({name})"
    return f"{value}"
