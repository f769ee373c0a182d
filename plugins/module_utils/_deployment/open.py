# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Opening a deployment: everything is looked at, nothing is touched until all of it is in order.

The whole of it runs twice on every host: in the plan, which changes nothing anywhere, and again when the
deployment is opened, because time has passed.
"""

from __future__ import annotations

import contextlib

from .._broker.kept_keys import check_patterns
from .._commands import command
from .._compose import version as compose_version
from .._docker.containers import role_of
from .._errors import BluegreenError
from .._install import guard_units
from .._journal import settings_file
from .._journal.fencing import Fenced, may_be_kept
from .._journal.journal import Journal
from .._linux.files import write_atomically
from .._settings import settings_of
from .._snapshot import restore as snapshot_restore
from .._validation import check_deployment_id, check_release
from . import approval
from .color import Color
from .preflight import Survey

# What may pass between the end of one step and the begin of the next one on a slow machine, with room to spare.
SHORTEST_REVERT = 20


def open_deployment(host, store, params, check_mode, recover):
    """Check everything, then take the lock and write the journal.

    :param store: the app's :class:`Store`.
    :param params: parameters of bg_deployment.
    :param recover: called with a host, a store and a reason, to bring a deployment whose owner is gone to an end; returns how.
    :returns: the module's result.
    """
    settings = settings_of(params)
    check_release(params["release"], "bluegreen_release")
    check_patterns("bluegreen_keep_keys", params["keep_keys"])
    if params["deployment_id"]:
        check_deployment_id("deployment_id", params["deployment_id"])
    check_revert_after(params["revert_after"])
    approval.check_timeout(params["approval_timeout"])
    journal = store.load()
    if journal is not None and journal["id"] == params["deployment_id"]:
        return _again(host, store, journal, settings, params)
    survey = Survey(host, store, settings, params)
    if is_abandoned(journal):
        if check_mode:
            return survey.recovery_first(journal)
        how = recover(host, store, "its owner was gone when the next one was deployed")
        host.warn(f"An earlier deployment was open whose owner is gone. {how}")
        journal = store.load()
    if _awaits_approval(journal) and not survey.kept and survey.is_pending(journal):
        # A rollout that was stopped half way is deployed again, and here it is done.
        return survey.result(changed=False, deployment_id=journal["id"], epoch=journal["epoch"])
    require_none_open(store, journal)

    survey.look()
    if check_mode or survey.up_to_date:
        return survey.result(changed=not survey.up_to_date)
    if not params["deployment_id"]:
        raise BluegreenError("deployment_id is empty, but a deployment is opened under an id: give it one.")
    with store.lock(f"opening deployment {params['deployment_id']}"), _all_or_nothing(store, params["deployment_id"]):
        # Somebody may have opened one between the look and the lock.
        require_none_open(store, store.load())
        facts = survey.facts()
        facts["armed"] = _install_guard(host, store, survey.settings.nginx["file"], params["revert_after"])
        live = survey.containers[survey.live] if survey.live else []
        policies = {container.service: container.restart_policy for container in live}
        settings_file.write(store, survey.settings.journaled(), policies, facts["workers"].get("stop_timeout"))
        journal = Journal.create(store, params["deployment_id"], params["owner"] or "an unnamed owner", facts)
        if survey.compose:
            compose_version.remember(store, survey.compose)
        for color, text in survey.renderings.env.items():
            # After a power cut the deployment goes back, and Compose is given none of these any more.
            write_atomically(store.env_file(color, params["deployment_id"]), text, mode=0o600, lasting=False)
        if survey.settings.broker["url"]:
            write_atomically(store.path("broker.url"), survey.settings.broker["url"], mode=0o600)
        try:
            _remember(host, store, journal, survey)
        except BluegreenError as error:
            # Nothing was touched, and a deployment that never began is not to keep the next one out.
            from . import finish as deployment_finish

            deployment_finish.end(store, journal, "rolled_back", error.message)
            raise
        journal.done("open")
    return survey.result(changed=True, deployment_id=journal["id"], epoch=journal["epoch"])


@contextlib.contextmanager
def _all_or_nothing(store, deployment_id):
    """Leave nothing of a deployment that could not be written down whole, as on a full disk: nothing was touched yet."""
    try:
        yield
    except Exception:
        with contextlib.suppress(BluegreenError, OSError):
            journal = store.load()
            if journal is not None and journal["id"] == deployment_id:
                store.discard()
        raise


def _install_guard(host, store, nginx_file, revert_after):
    """Have somebody on the host itself from here on; whether its timer runs."""
    # The plan does not need it, and an import costs a Raspberry Pi more than a question to the engine.
    from .._install import program as host_program

    return host_program.install(host, store, nginx_file) and guard_units.arm(host, store.app, revert_after)


def check_revert_after(seconds):
    """Seconds after which the guard acts, ``0`` for never."""
    if seconds and seconds < SHORTEST_REVERT:
        raise BluegreenError(
            f"bluegreen_revert_after is {seconds} s, but between two steps up to {SHORTEST_REVERT} s may pass without a sign of "
            f"life on a slow host, and then a deployment would be undone that goes well: give it {SHORTEST_REVERT} s or more, "
            "or 0 to turn the way back without a controller off."
        )


def is_abandoned(journal):
    """Whether a deployment is open that nobody goes on with. One that failed waits for a human."""
    return (
        journal is not None
        and journal["step"] != "awaiting_approval"
        and journal["result"] != "failed"
        and not journal.has_owner()
    )


def _remember(host, store, journal, survey):
    """Write down what the live color is made of, and make a kept color whole that is to become live."""
    if survey.live:
        # An ignored service is never stopped, so nobody has to bring it back.
        services = survey.settings.services
        live = [
            each
            for each in survey.containers[survey.live]
            if role_of(each.service, services) or each.service in survey.old_workers
        ]
        release = survey.upstream.release
        snapshot_restore.remember(host, store, survey.live, release, live, lambda container: container.restart_policy)
    if survey.kept:
        snapshot_restore.restore_missing(host, store, journal, Color(host, survey.settings, survey.idle))


def _awaits_approval(journal):
    return (
        journal is not None
        and journal["step"] == "awaiting_approval"
        and journal["done"]
        and not journal["back"]
        and not journal["result"]
    )


def require_none_open(store, journal):
    """Raise when another deployment of the app is open."""
    if journal is None:
        return
    if journal["result"] == "failed":
        way = f"look at it (status.yml), then undo it with {command('rollback')}"
        if may_be_kept(journal.data):
            release = journal["release"]
            way += f", or keep release {release or '(none)'}, which Nginx may still serve, with {command('finish', release)}"
    elif journal["step"] == "awaiting_approval":
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} awaits approval of release "
            f"{journal['release'] or '(none)'}: approve it with finish.yml, or go back with rollback.yml."
        )
    else:
        way = "wait for it, or undo it with rollback.yml"
    raise Fenced(f"Deployment {journal.describe()} of app {store.app} is open, in step {journal['step']}: {way}.")


def _again(host, store, journal, settings, params):
    """The same open once more: nothing to do but to tell, and to decide anew once images are here."""
    if journal["back"] or journal["result"]:
        raise Fenced(f"Deployment {journal.describe()} of app {store.app} is being undone: deploy again under another id.")
    survey = Survey(host, store, settings, params)
    survey.adopt(journal)
    survey.colors(journal["from"])
    if survey.kept:
        survey.require_kept()
    else:
        survey.renderings.render(survey.settings, survey.live or survey.idle)
        survey.decide_from_created()
    return survey.result(changed=False, deployment_id=journal["id"], epoch=journal["epoch"])
