# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The end of a deployment that was approved: the old color goes. The point of no return.

What fails here is tried again forward, never undone. A broker that still holds tasks is never stopped.
"""

from __future__ import annotations

import contextlib

from .. import _settings
from .._broker import move as broker_move
from .._commands import command
from .._docker import leftovers, restart_policies
from .._docker.containers import ROLES, inspect_container
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._install import guard_units
from .._journal.fencing import Fenced, may_be_kept, require_owner
from .._journal.figures import figures
from .._journal.store import LOCK_WAIT
from .._linux.clock import timestamp
from .._linux.files import remove
from .._nginx import public_requests, switch as nginx_switch
from .._nginx.settings import Nginx
from .._snapshot import file as snapshot_file, restore as snapshot_restore
from .._workers import stop as workers_stop
from . import approval
from .color import colors_of
from .settle import drain, move_tasks, start_broker

# How long the lock is waited for where a way back is turned round, in seconds.
TURN_WAIT = 180


def close(host, store, params, check_mode, keep_candidate):
    """Finish the deployment that awaits approval.

    :param params: ``deployment_id`` and ``epoch`` of the approved deployment, or an empty id for whichever awaits
        approval; ``release``, which must be its release unless empty.
    :param keep_candidate: called with a host, a store and the journal of a deployment that goes back, to turn it round.
    :returns: the module's result.
    """
    journal = store.load()
    if journal is None:
        return _ended(store, params["deployment_id"], params["release"])
    _refuse(store, journal, params)
    if check_mode:
        return {"changed": True, "result": "committed", "id": journal["id"]}
    # The guard may be at a way back just now, and wait for a color that does not become healthy.
    wait = TURN_WAIT if may_be_kept(journal.data) else LOCK_WAIT
    with store.lock(f"finishing deployment {journal['id']}", wait):
        meant, journal = journal["id"], store.load()
        if journal is None:
            # Somebody was faster.
            return _ended(store, meant, "")
        _refuse(store, journal, params)
        if may_be_kept(journal.data):
            keep_candidate(host, store, journal)
        return finish(host, store, journal)


def _start_what_is_down(host, candidate):
    """A full disk, say, may have taken a beat that Docker did not start again: what stays is whole before the other goes."""
    down = [container for container in candidate.of("support", "web", "workers") if not container.running]
    for container in down:
        try:
            host.engine.start(container.id)
        except EngineError as error:
            raise BluegreenError(
                f"Container {container.name} of the new color is down and does not start ({error.message}), so nothing was "
                f"removed: correct that, then run {command('finish')}."
            ) from error
        host.warn(f"Container {container.name} was down and was started again.")
    if down:
        candidate.refresh()


def _ended(store, deployment_id, release):
    """The result where no deployment is open: what is meant was finished already, or must not pass for finished.

    :param release: what is meant where no deployment is named; ``""``: whatever awaited approval.
    """
    history = store.history()
    if deployment_id:
        done = [entry for entry in history if entry["id"] == deployment_id]
        if not done:
            raise Fenced(
                f"deployment_id {deployment_id} names no open deployment of app {store.app}: nothing was finished. Look at "
                "status.yml."
            )
        if done[-1]["result"] != "committed":
            raise _was_rolled_back(store, done[-1])
        return {"changed": False, "result": "committed"}
    if release:
        _refuse_what_is_not_live(store, history, release)
    return {"changed": False, "result": ""}


def _refuse_what_is_not_live(store, history, release):
    if not history:
        raise Fenced(
            f"bluegreen_release is {release!r}, but nothing awaits approval and no deployment of app {store.app} was noted "
            "here: nothing was finished. Deploy it first."
        )
    last = history[-1]
    live = last["release"] if last["result"] == "committed" else last.get("release_from", "")
    if release == live:
        return
    if release == last["release"]:
        raise _was_rolled_back(store, last)
    raise Fenced(
        f"bluegreen_release is {release!r}, but nothing awaits approval, and release {live or '(none)'} of app {store.app} is "
        "live: nothing was finished. Deploy it first."
    )


def _was_rolled_back(store, entry):
    reason = f" ({entry['reason']})" if entry["reason"] else ""
    return Fenced(
        f"Release {entry['release'] or '(none)'} of app {store.app} was rolled back meanwhile{reason}, and "
        f"{entry['from'] or 'no color'} is live: nothing was finished. Deploy again."
    )


def _refuse(store, journal, params):
    if params["deployment_id"]:
        require_owner(store.app, journal, params["deployment_id"], params["epoch"], "finish")
    if may_be_kept(journal.data):
        _refuse_what_goes_back(store, journal, params)
        return
    if journal["back"]:
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} is being undone, and nothing was finished: complete that with "
            f"{command('rollback')}, then deploy again."
        )
    if journal["step"] not in ("awaiting_approval", "finish"):
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} is in step {journal['step']}, not awaiting approval: wait "
            "for it, or undo it with rollback.yml."
        )
    if params["deployment_id"] and journal["step"] != "finish" and approval.is_over(journal):
        raise Fenced(
            f"Release {journal['release'] or '(none)'} of app {store.app} could be approved for {journal['approval_timeout']} s "
            "(bluegreen_approval_timeout), and the answer came later: nothing was finished. Run finish.yml to approve it all "
            "the same, or rollback.yml."
        )
    if params["release"] and params["release"] != journal["release"]:
        raise Fenced(
            f"bluegreen_release is {params['release']!r}, but the release of app {store.app} that awaits approval is "
            f"{journal['release']!r}: nothing was finished."
        )


def _lead_again(host, journal, settings, nginx, candidate, served):
    """Lead Nginx to the color that was approved, from where somebody has led it since; the color that it serves then."""
    try:
        health_gate.require_still_healthy(host, journal, settings, candidate.name, candidate.of("support", "web"))
        nginx_switch.switch(host, journal, nginx._replace(backup=False), candidate.name, journal["release"])
    except BluegreenError as error:
        host.warn(error.message)
        return served
    host.warn(f"Nginx served {served or 'neither color'}, and was led to {candidate.name} again, which was approved.")
    return candidate.name


def or_back(journal, candidate, served):
    """How to go back from a color that cannot be finished, as the end of a sentence; empty where nothing leads back."""
    if journal["step"] != "finish":
        return f", or {command('rollback')}"
    is_left = served == journal["from"] or not any(container.running for container in candidate.of("web"))
    if not journal["release_from"] or not is_left:
        return ""
    return f"; or go back to release {journal['release_from']} with {command('rollback', journal['release_from'])}"


def _refuse_what_goes_back(store, journal, params):
    """A way back that did not end can be turned round, by somebody who says so with the release."""
    release = journal["release"]
    if not params["deployment_id"] and params["release"] == release:
        return
    what = "is being undone" if journal["back"] else f"failed in step {journal['step']}"
    raise Fenced(
        f"Deployment {journal.describe()} of app {store.app} {what}, and nothing was finished: complete the way back with "
        f"{command('rollback')}, or, if Nginx still serves release {release or '(none)'} and it is to stay, name it "
        f"({command('finish', release)})."
    )


def finish(host, store, journal):
    """Let the old color of an approved deployment go; may be interrupted anywhere and run again."""
    settings, old, candidate = colors_of(host, store, journal)
    nginx = Nginx(**settings.nginx)
    # Before the proof, which goes by its web.
    _start_what_is_down(host, candidate)
    served = public_requests.served_color(host, nginx)
    if served != journal["to"] and journal["step"] == "finish":
        served = _lead_again(host, journal, settings, nginx, candidate, served)
    if served != journal["to"]:
        raise BluegreenError(
            f"Nginx is not proved to serve {journal['to']} (it serves {served or 'neither color'}): nothing was removed. Look "
            f"at Nginx, then run {command('finish')} again{or_back(journal, candidate, served)}."
        )
    if old:
        _start_broker(host, old)
    # From here on there is no way back.
    journal.begin("finish")
    kept = journal["old_color"] == "stopped"
    if old:
        if nginx.backup:
            # A backup that is gone would be asked in vain, and the name of one that is keeps Nginx from starting.
            nginx_switch.switch(host, journal, nginx._replace(backup=False), journal["to"], journal["release"])
        drain(host, journal)
        # Meanwhile somebody's docker system prune may have taken what had stopped.
        old.refresh()
        candidate.refresh()
        _start_broker(host, old)
        # Until it is proved empty, the broker has to come back at a boot.
        support = old.of("support")
        restart_policies.disable_restart(host, journal, old.of("init", "web", "workers"))
        if kept:
            _remember_kept(host, store, journal, old)
        _stop_workers(host, journal, old)
        _stop(host, old.of("web", "init"))
        _empty_broker(host, journal, old, candidate)
        restart_policies.disable_restart(host, journal, support)
        _stop(host, old.of(*ROLES))
    if old and not kept:
        _remove(host, old, journal["remove_volumes"])
    if not kept:
        snapshot_file.forget_all(store)
    _prune_images(host, store, journal, candidate)
    journal.done("finish")
    end(store, journal, "committed", images=images_of(candidate))
    return {"changed": True, "result": "committed", "id": journal["id"], "figures": figures(journal)}


def end(store, journal, result, reason="", images=None):
    """Write the line of the history and close the journal, whichever way the deployment went."""
    clock = store.host.clock
    journal.note(result=result, reason=reason)
    nginx_switch.forget_backup(Nginx(**_settings.from_journal(journal.data).nginx))
    # Before the journal goes: without it nobody would come back for the secrets in them.
    store.remove_env_files()
    remove(store.path("broker.url"))
    if result == "rolled_back":
        snapshot_file.forget(store, journal["from"])
    recreated = journal.get("recreated")
    if journal.get("armed"):
        guard_units.disarm(store.host, store.app)
    store.close(
        {
            "id": journal["id"],
            "who": journal["who"],
            "release": journal["release"],
            "release_from": journal["release_from"],
            "from": journal["from"],
            "to": journal["to"],
            "result": result,
            "reason": reason,
            "started": timestamp(journal["opened_at"]),
            "ended": timestamp(clock.wall()),
            **({"live_at": timestamp(journal["live_at"])} if result == "committed" and journal.get("live_at") else {}),
            "images": images or {},
            "init": list(journal["settings"]["services"].get("init") or ()),
            **({"recreated": recreated} if recreated else {}),
            **({"to_kept": True} if journal.get("to_kept") else {}),
            **figures(journal),
        }
    )


def _remember_kept(host, store, journal, old):
    if snapshot_file.of_color(store, old.name) is None:
        # The file was damaged meanwhile: what is still there can be described, with the policies that it had.
        snapshot_restore.remember(host, store, old.name, journal["release_from"], old.of(*ROLES), journal.policy_of)
    snapshot_file.keep(store, old.name, sorted({container.service for container in old.of("workers")}))


def _stop(host, containers):
    for container in containers:
        if inspect_container(host.engine, container.id).running:
            host.engine.stop(container.id)


def _stop_workers(host, journal, old):
    """Old workers that still finish their tasks (on_timeout: leave) get their time once more."""
    running = [container for container in old.of("workers") if container.running]
    if running:
        own = journal["workers"]
        on_timeout = own.get("on_timeout", "fail")
        with old.broker() as broker:
            workers_stop.stop_workers(
                host,
                journal,
                running,
                own.get("stop_timeout"),
                # Removing one that works would lose its task.
                "fail" if on_timeout == "leave" else on_timeout,
                broker,
            )


def _start_broker(host, old):
    try:
        start_broker(host, old)
    except BluegreenError as error:
        raise BluegreenError(
            f"{error.message} So nothing was removed: mend that, then run finish.yml again, or remove that container yourself "
            "if its tasks may be lost."
        ) from error


def _empty_broker(host, journal, old, candidate):
    """Move the last tasks; the old web and workers have stopped, so nothing comes after this."""
    left = move_tasks(host, journal, old, candidate)
    if left:
        queues = ", ".join(f"{count} in {queue}" for queue, count in sorted(left.items()))
        raise BluegreenError(
            f"The broker of the old color {old.name} still holds tasks ({queues}), so it was not stopped: look at them, then "
            "run finish.yml again."
        )
    with old.own_broker() as broker:
        if broker is None and old.server() is not None:
            raise BluegreenError(
                f"The broker of the old color {old.name} went down, and may hold tasks: it was not removed. Run finish.yml again."
            )
        if broker is not None and broker_move.count_messages(broker):
            raise BluegreenError(
                f"The broker of the old color {old.name} still holds tasks, and that of {candidate.name} does not answer: "
                "start it, then run finish.yml again."
            )
    broker_move.finish_hop(journal)


def _remove(host, old, volumes):
    """Remove a color. Services that are in no list of its roles, such as an ignored database, are left alone."""
    own = {container.id for container in old.of(*ROLES)}
    for container in old.containers:
        if container.id in own:
            host.engine.remove(container.id, volumes)
    others = [container.name for container in old.containers if container.id not in own]
    if others:
        host.warn(
            f"{', '.join(others)} of project {old.project} is left, because a color does not start it, and so are the networks "
            "and volumes of that project."
        )
        return
    leftovers.remove_networks(host, old.project)
    if volumes:
        leftovers.remove_volumes(host, old.project)


def images_of(color):
    """Names of the images that a color runs, by id; those of ignored services are the user's own."""
    return {container.image: container.image_name for container in color.of(*ROLES)}


def _prune_images(host, store, journal, candidate):
    """Remove the images of releases that are no longer kept. Only what a deployment of this app ran is ever touched."""
    live = images_of(candidate)
    committed = [entry.get("images") or {} for entry in store.history() if entry["result"] == "committed"]
    # Newest first, and a release that was live more than once counts as one.
    recent = [live]
    for images in reversed(committed):
        if images and set(images) not in map(set, recent) and len(recent) < journal["keep_images"]:
            recent.append(images)
    kept = {image for images in recent for image in images}
    gone = {(image, name) for images in committed for image, name in images.items() if image not in kept}
    if not gone:
        return
    try:
        # One question for all of them: most went long ago.
        here = host.engine.image_ids()
        for image, name in sorted(each for each in gone if each[0] in here):
            if (host.engine.image(name) or {}).get("Id") == image:
                # Another container may still use it; then it stays.
                with contextlib.suppress(EngineError):
                    host.engine.remove_image(name)
    except EngineError as error:
        host.warn(
            f"Images of earlier releases stay, because the engine does not show them ({error.message.rstrip('.')}): the "
            "next finish removes them."
        )
