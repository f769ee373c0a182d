# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app of which a test says where its broker is, and the choice that follows from it."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.detect import choose, of_rendering
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError

ROLES = {"web": ["web"], "support": ["cache", "queue"], "init": [], "workers": ["worker", "beat"], "ignored": ["db"]}
WORKER = ["celery", "--app=shop", "worker"]


def app(color="blue", worker=None, web=None, command=None, **services):
    """What Compose renders of a color."""
    defined = {
        "web": {"environment": web or {}, "command": ["gunicorn"]},
        "worker": {"environment": worker or {}, "command": command or WORKER},
        "beat": {"environment": None, "command": None},
        "cache": {"image": "memcached"},
        "queue": {"image": "registry/queue"},
        "db": {"image": "postgres"},
    }
    for name, changes in services.items():
        defined[name] = {**defined[name], **changes}
    return {"name": f"shop-{color}", "services": defined}


def chosen(mode="auto", service="redis", url="", roles=None, green=None, **parts):
    """The choice for two colors that are alike, or of which ``green`` differs; ``parts`` are those of :func:`app`."""
    colors = {"blue": app("blue", **parts), "green": app("green", **(parts if green is None else green))}
    return choose(
        {"mode": mode, "service": service, "url": url},
        {**ROLES, **(roles or {})},
        {color: of_rendering(rendered) for color, rendered in colors.items()},
    )


def refused(**parts):
    """The sentence with which the choice is refused."""
    with pytest.raises(BluegreenError) as refusal:
        chosen(**parts)
    assert "hunter2" not in refusal.value.message
    return refusal.value.message


def celery(url):
    """The environment of a service that is given this URL of the broker."""
    return {"CELERY_BROKER_URL": url}


INSIDE = "redis://:hunter2@queue:6379/0?secret=hunter2"
OUTSIDE = "redis://:hunter2@redis.lan/3"
