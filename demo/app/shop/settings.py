"""What the environment says about this process."""

from __future__ import annotations

import os

COLOR = os.environ.get("BG_COLOR", "blue")
RELEASE = os.environ.get("SHOP_RELEASE", "1")
REDIS_URL = os.environ.get("REDIS_URL", "redis://redis:6379/0")
# Where tasks wait, if that is not the Redis: results and the health check stay there all the same.
BROKER_URL = os.environ.get("SHOP_BROKER_URL") or REDIS_URL
LEDGER = os.environ.get("SHOP_LEDGER", "/ledger/ledger.jsonl")

# Switches for trying what a deployment does when a release is broken.
# DEMO_HEALTH: ok, fail (500), hang (no answer at all), or the status to answer with.
HEALTH = os.environ.get("DEMO_HEALTH", "ok")
# DEMO_BOOT_SECONDS: how long the web takes before it opens its port.
BOOT_SECONDS = float(os.environ.get("DEMO_BOOT_SECONDS", "0"))
# DEMO_WORKER: ok, or crash (the worker ends with an error as soon as it starts).
WORKER = os.environ.get("DEMO_WORKER", "ok")

QUEUES = ("celery", "reports")
TICK_SECONDS = 5.0
