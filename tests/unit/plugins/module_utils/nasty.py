# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a user, an attacker or a damaged disk can put in the place of others."""

from __future__ import annotations

import copy
import string

WORDS = string.ascii_letters + string.digits

NASTY = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**31, 1.5, -0.0, 1e308),
    *("", " ", "\n", "\0", "x\n", "\nx", "../..", "/", "//", "/etc/passwd", "a/../b", "-x", "--all", "$(id)"),
    *("`id`", "a;b", "a b", "a\tb", "a\r\nb", "127.0.0.1:80; } server {", "'\"", "{{ 7 * 7 }}", "%s%n", "blue "),
    *("Blue", "\u0661\u0662", "\uff11\uff18\uff10\uff10\uff11", "bl\u03c5e", "a\u2028b", "\u202eeulb", "\ud800"),
    *("x" * 5000,),
    *([], {}, [[]], [{}], {"": ""}, [None], {"a": {"b": [1]}}, {"__proto__": 1}),
]


def places(data, path=()):
    """The path of every value in a journal."""
    yield path
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield from places(data[key], (*path, key))


def changed(whole, path, value):
    data = copy.deepcopy(whole)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def mutations(rng, example, number):
    """The example with something done to it that an attacker, or a typing error, could do."""
    odd = "\n\r\t\0 \x1b\x7f\u0661\uff11\u2028\u202e\u00e9\ud800;{}$'\"`\\#%&|<>../:@[]-_" + WORDS
    for dummy in range(number):
        value = list(example)
        for dummy in range(rng.choice((1, 1, 2, 5))):
            place = rng.randrange(len(value) + 1)
            way = rng.randrange(4)
            if way == 0:
                value.insert(place, rng.choice(odd))
            elif way == 1 and value:
                value[place % len(value)] = rng.choice(odd)
            elif way == 2 and value:
                del value[place % len(value)]
            else:
                value[place:place] = value[:200] * rng.choice((1, 2, 20))
        yield "".join(value)
    for tail in odd:
        yield example + tail
        yield tail + example
