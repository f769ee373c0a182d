"""The demo's Compose file as the benchmark needs it: a Redis a color, or one outside of both. All pure."""

from __future__ import annotations

import copy

# A real app's Redis is an image of its own, `redis:8`, and does not change with each release. In the demo one
# image serves for all: without this, ways that replace containers in place would lose the queue in every run.
REDIS_IMAGE = "bluegreen-demo:1"
SHARED_NETWORK = "shop-shared"


def with_own_redis(demo: dict) -> dict:
    """Return the Compose file of an app whose colors bring a Redis each."""
    made = copy.deepcopy(demo)
    made["services"]["redis"]["image"] = REDIS_IMAGE
    return made


def with_shared_redis(demo: dict) -> dict:
    """Return the Compose file of an app whose Redis stands in a network outside of both colors."""
    made = copy.deepcopy(demo)
    del made["services"]["redis"]
    for service in made["services"].values():
        service["depends_on"] = [name for name in service.get("depends_on", ()) if name != "redis"]
    made["networks"] = {"default": {"name": SHARED_NETWORK, "external": True}}
    return made
