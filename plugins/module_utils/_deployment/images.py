# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Images: those that a color runs, and those of earlier releases, which are removed in the end."""

from __future__ import annotations

import contextlib
from typing import Any

from .._docker.containers import ROLES
from .._docker.engine import EngineError
from .._host import Host
from .color import Color


def images_of(color: Color) -> dict[str, str]:
    """Names of the images that a color runs, by id; those of ignored services are the user's own."""
    return {container.image: container.image_name for container in color.of(*ROLES)}


def superseded(live: dict[str, str], history: list[dict[str, Any]], keep: int) -> set[tuple[str, str]]:
    """Images, as ``(id, name)``, that only releases older than those to keep ran. Pure.

    :param live: images of the live color, names by id.
    :param history: entries of the history, oldest first. Only what a deployment of this app ran is ever removed.
    :param keep: how many releases are kept, the live one included.
    """
    committed = [entry.get("images") or {} for entry in history if entry["result"] == "committed"]
    # Newest first, and a release that was live more than once counts as one.
    recent = [live]
    for images in reversed(committed):
        if images and set(images) not in map(set, recent) and len(recent) < keep:
            recent.append(images)
    kept = {image for images in recent for image in images}
    return {(image, name) for images in committed for image, name in images.items() if image not in kept}


def prune_images(host: Host, live: dict[str, str], history: list[dict[str, Any]], keep: int) -> None:
    """Remove the images of releases that are no longer kept. The parameters are those of :func:`superseded`."""
    gone = superseded(live, history, keep)
    if not gone:
        return
    try:
        # One question for all of them: most were removed long ago.
        here = host.engine.image_ids()
        for image, name in sorted(each for each in gone if each[0] in here):
            if (host.engine.image(name) or {}).get("Id") == image:
                # Another container may still use it; then it stays.
                with contextlib.suppress(EngineError):
                    host.engine.remove_image(name)
    except EngineError as error:
        host.warn(
            f"Images of earlier releases stay, because the engine does not show them ({error.message.rstrip('.')}): "
            "the next finish removes them."
        )
