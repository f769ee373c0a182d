"""The demo's shop, configured as the shapes of the field bed need it: by the environment, as apps of today are.

FIELD_CELERY         Celery's settings, as JSON
REDIS_HOST           the broker's host, where there is no URL: it is made of this and of
REDIS_PASSWORD       the password, or REDIS_PASSWORD_FILE the file that holds it
FIELD_SLOW_WORKER    seconds that the worker of every release but the first needs before it takes a task
FIELD_RENAMES_TASK   release 2 knows the task shop.work_late by another name only, later releases by both
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.parse
from pathlib import Path


def _url():
    host = os.environ["REDIS_HOST"]
    password = os.environ.get("REDIS_PASSWORD") or Path(os.environ.get("REDIS_PASSWORD_FILE") or os.devnull).read_text("utf-8")
    return f"redis://:{urllib.parse.quote(password.strip(), safe='')}@{host}:6379/0" if password else f"redis://{host}:6379/0"


if "REDIS_URL" not in os.environ:
    os.environ["REDIS_URL"] = _url()

from shop import settings, tasks  # noqa: E402  pylint: disable=wrong-import-position

app = tasks.app
app.conf.update(json.loads(os.environ.get("FIELD_CELERY") or "{}"))
# The shop's options are the ones to keep where a shape has some of its own.
app.conf.broker_transport_options = {"socket_connect_timeout": 2, **app.conf.broker_transport_options}

if os.environ.get("FIELD_RENAMES_TASK") and settings.RELEASE != "1":

    @app.task(name="shop.work_afterwards", bind=True, acks_late=True)
    def work_afterwards(self, kind, seconds):
        tasks._perform(self.request.id, kind, seconds)  # pylint: disable=protected-access

    tasks.work_late = work_afterwards
    if settings.RELEASE == "2":
        app.finalize()
        app.tasks.pop("shop.work_late")

if settings.RELEASE != "1" and "worker" in sys.argv:
    time.sleep(float(os.environ.get("FIELD_SLOW_WORKER", "0")))


def web(environ, start_response):
    """The shop's web; only a web imports it."""
    from shop.web import app as shop  # pylint: disable=import-outside-toplevel

    return shop(environ, start_response)
