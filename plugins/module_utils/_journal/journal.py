# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The files of one app on the host: the journal of the open deployment, the lock, the lease, the history.

The journal says what was meant; what is so, the host itself shows. It is written before each effect, in a way that
a power cut leaves either the version before or the one after, and the version before is kept beside it.

A deployment belongs to whoever knows its id and its epoch. The epoch is raised by the one who takes a deployment
over, so that a controller that slept through that can do nothing when it wakes up.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re

from .. import _progress, _redact
from .._commands import command
from .._errors import BluegreenError
from .._linux.clock import Deadline, timestamp
from .._linux.files import make_folder, opener, remove, sync_folder, telling, write_atomically
from .._resources.host import used_memory
from .._validation import COLORS, one_line
from . import figures, schema as journal_schema
from .schema import STEPS, VERSION

STATE_ROOT = "/var/lib/bluegreen"
RUN_ROOT = "/run/bluegreen"

# A lease still has a length when the dead-man timer is turned off with revert_after: 0.
DEFAULT_LEASE = 900
# How long a module waits for another one that holds the lock of the same app, in seconds.
LOCK_WAIT = 10
# Of how many deployments the history tells, and at how many it is cut down to that.
HISTORY_KEPT = 500
HISTORY_LIMIT = 600

_ENV_FILE = re.compile(rf"\.?({'|'.join(COLORS)})(-.+)?\.env(\.tmp)?", re.DOTALL)


class Fenced(BluegreenError):
    """The deployment is not, or no longer, that of the caller; nothing was done."""


class Store:
    """The folder of an app below ``/var/lib/bluegreen``.

    :param app: name of the app, already checked against the grammar.
    :param host: a :class:`Host`.
    """

    def __init__(self, app, host, root=STATE_ROOT, run_root=RUN_ROOT):
        self.app = app
        self.host = host
        self.folder = os.path.join(root, app)
        self.lease_mark = os.path.join(run_root, app)
        self._is_torn = False

    def path(self, name):
        return os.path.join(self.folder, name)

    def env_file(self, color, deployment_id):
        """What Compose is given for a color. Without this file it does nothing, and a later deployment has another one: so a
        controller that slept until its deployment was over cannot create containers of a color that is live by then.
        """
        return self.path(f"{color}-{deployment_id}.env")

    def env_files(self):
        """All that there are, and what a crash left of one; those of earlier versions do not name a deployment."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return [self.path(name) for name in sorted(names) if _ENV_FILE.fullmatch(name)]

    def remove_env_files(self):
        """Remove them all: they hold secrets, and without them Compose does nothing more."""
        for path in self.env_files():
            remove(path)

    def broker_url(self):
        """The broker's URL of the open deployment; it may hold a password, so the journal does not have it."""
        path = self.path("broker.url")
        try:
            with open(path, "rb", opener=opener) as source:
                text = source.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        if text.isprintable() and "\ufffd" not in text:
            return text
        # Damage must keep nobody from going back.
        self.host.warn(f"{path} is damaged, so tasks are looked for in all of the broker service's databases.")
        return ""

    def secrets(self):
        """What the files hold that root alone reads, to be taken out of what others may read."""
        found = _redact.texts_in(self.broker_url())
        for path in self.env_files():
            with contextlib.suppress(FileNotFoundError):
                with open(path, encoding="utf-8", errors="replace", opener=opener) as source:
                    found |= _redact.in_env_text(source.read())
        return found

    def create(self):
        """Make the folder, readable by root alone because env files hold secrets."""
        make_folder(os.path.dirname(self.folder))
        make_folder(self.folder)

    # Lock

    @contextlib.contextmanager
    def lock(self, purpose, wait=LOCK_WAIT):
        """Hold the host's lock of this app.

        It is the kernel's (``flock``): it ends with the last process that holds it, and no file has to be removed
        by hand, ever. What the file says is only for the message to the next one.

        :param purpose: what the lock is for, named to whoever finds it held.
        :param wait: seconds to wait for another holder.
        """
        self.create()
        descriptor = opener(self.path("lock"), os.O_RDWR | os.O_CREAT)

        def sign():
            with contextlib.suppress(OSError):
                # Only for people, and a full disk must not keep anybody from going back.
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{one_line(purpose, 160)} (process {os.getpid()})".encode(), 0)

        try:
            self._acquire(descriptor, wait)
            sign()
            _progress.in_another_process.append(sign)
            self.host.keep_open.add(descriptor)
            yield
        finally:
            with contextlib.suppress(ValueError):
                _progress.in_another_process.remove(sign)
            self.host.keep_open.discard(descriptor)
            os.close(descriptor)

    def _acquire(self, descriptor, wait):
        deadline = Deadline(self.host.clock, wait)
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if deadline.over:
                holder = one_line(os.pread(descriptor, 200, 0).decode("utf-8", "replace"), 200) or "another process"
                raise Fenced(
                    f"The lock of app {self.app} is held by {holder} on this host: wait until it has ended, and "
                    "run this again."
                )
            deadline.sleep(0.1)

    # Journal

    def load(self):
        """The open deployment as a :class:`Journal`, or ``None``.

        :raises JournalCorrupt: there is a journal and neither it nor the copy before it can be read.
        """
        broken, problems = [], []
        for name in ("deployment.json", "deployment.json.previous"):
            try:
                with open(self.path(name), "rb", opener=opener) as source:
                    found = Journal(self, journal_schema.journal(source.read(journal_schema.LIMIT + 1), self.app))
                self._is_torn = bool(broken)
                return found
            except FileNotFoundError:
                if name == "deployment.json":
                    return None
            except journal_schema.Unreadable as error:
                broken.append(name)
                problems += [f"{name}: {problem}" for problem in error.problems]
        raise JournalCorrupt(
            f"The journal {self.path('deployment.json')} cannot be read ({' and '.join(broken)} damaged): run "
            f"{command('recover')}, which goes by what the host shows and keeps the file aside.",
            problems=problems,
        )

    def set_aside(self, stamp):
        """Keep a journal that nobody can read under another name, so that it is no longer the journal.

        :param stamp: what distinguishes it from others of its kind.
        :returns: the names that are there now.
        """
        kept = []
        # The copy first: left behind alone, it is nobody's.
        for name in ("deployment.json.previous", "deployment.json"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path(name), self.path(f"{name}.corrupt-{stamp}"))
                kept.append(f"{name}.corrupt-{stamp}")
        remove(self.lease_mark)
        sync_folder(self.folder)
        return kept

    def save(self, data):
        """Write the journal and with it the lease, each before the effect that it announces."""
        current, previous = self.path("deployment.json"), self.path("deployment.json.previous")
        # A link and two renames: at every instant there is one whole version under one of the two names. A torn one takes
        # no other's place.
        if not self._is_torn:
            with contextlib.suppress(FileNotFoundError):
                remove(previous + ".new")
                os.link(current, previous + ".new")
                os.replace(previous + ".new", previous)
                # Where the write after it failed the last time, both are names of one file, and then a rename does nothing.
                remove(previous + ".new")
        write_atomically(current, json.dumps(journal_schema.tidied(data), indent=1, sort_keys=True) + "\n")
        self._is_torn = False
        self._mark_lease()

    def _mark_lease(self):
        # /run is empty after a boot, which ends every lease: also in a container, which keeps the kernel's boot id.
        if not os.path.exists(self.lease_mark):
            make_folder(os.path.dirname(self.lease_mark))
            os.close(opener(self.lease_mark, os.O_WRONLY | os.O_CREAT))

    def close(self, entry):
        """End the deployment: its line goes to the history, then the journal goes."""
        self.log(entry)
        # The copy first: left behind, it would pass for the copy of the next deployment's journal.
        remove(self.path("deployment.json.previous"))
        remove(self.path("deployment.json"))
        remove(self.lease_mark)
        sync_folder(self.folder)

    def log(self, entry):
        """Write a line of the history, once for each deployment. The oldest ones go in time: each look reads all of them."""
        entries = self.history()
        if not entries or entries[-1].get("id") != entry["id"]:
            path = self.path("history.jsonl")
            with telling(path), open(path, "ab+", opener=opener) as target:
                # A line that a power cut tore must not swallow this one.
                target.seek(max(target.tell() - 1, 0))
                gap = "" if target.read() in (b"", b"\n") else "\n"
                target.write(f"{gap}{json.dumps(journal_schema.tidied(entry), sort_keys=True)}\n".encode())
                target.flush()
                os.fsync(target.fileno())
        if len(entries) >= HISTORY_LIMIT:
            # What stays is whole already, so a disk that is full fails no deployment for this.
            with contextlib.suppress(OSError, BluegreenError):
                self._cut_history()

    def _cut_history(self):
        with open(self.path("history.jsonl"), "rb", opener=opener) as source:
            lines = source.readlines()
        text = b"".join(lines[-HISTORY_KEPT:]).decode("utf-8", "replace")
        write_atomically(self.path("history.jsonl"), text)

    def discard(self):
        """Remove a deployment that has changed nothing yet, without a line in the history."""
        self.remove_env_files()
        for name in ("broker.url", "deployment.json.previous", "deployment.json"):
            remove(self.path(name))
        remove(self.lease_mark)
        sync_folder(self.folder)

    def history(self, last=None):
        """Lines of the history, oldest first; a line torn by a power cut is passed over."""
        entries = []
        with contextlib.suppress(FileNotFoundError):
            with open(self.path("history.jsonl"), "rb", opener=opener) as source:
                for line in source:
                    with contextlib.suppress(journal_schema.Unreadable):
                        entries.append(journal_schema.entry(line))
        return entries if last is None else entries[-last:]


class JournalCorrupt(BluegreenError):
    """No readable version of the journal is left."""


class Journal:
    """The open deployment. Every change is on the disk when the method returns.

    :ivar data: the journal as it is written; its schema is in docs/journal.md.
    :ivar best_effort: whether what cannot be written is only warned of. Forward, no effect comes before its journal; but a
        full disk must not keep anybody from going back.
    """

    def __init__(self, store, data):
        self.store = store
        self.data = data
        self.best_effort = False
        # Time before this was spent without this process; what follows is that of the phase which it works on.
        self._begun = self._now()
        self._phase = ""

    @classmethod
    def create(cls, store, deployment_id, who, facts):
        """A new deployment in step ``open``; on the disk when this returns."""
        clock = store.host.clock
        journal = cls(
            store,
            {
                "version": VERSION,
                "app": store.app,
                "id": deployment_id,
                "epoch": 1,
                "guard": False,
                "who": who,
                "opened_at": clock.wall(),
                "step": "open",
                "done": False,
                "back": False,
                "result": "",
                "reason": "",
                "seconds": {},
                "policies": {},
                "signalled": [],
                "hops": [],
                **facts,
            },
        )
        journal.data["counted"] = journal._begun._asdict()
        wrong = journal_schema.problems({**journal.data, "lease": {"boot_id": "", "until": 0.0}}, store.app)
        if wrong:
            # Nobody could go back by a journal that nobody reads.
            raise BluegreenError(
                f"Deployment {deployment_id} is not opened, because its journal could not be read again: {'; '.join(wrong)}. "
                "Correct the variable of that name."
            )
        journal.begin("open")
        return journal

    def __getitem__(self, key):
        return self.data[key]

    def get(self, key, default=None):
        return self.data.get(key, default)

    # Steps

    def begin(self, step, **facts):
        """Announce a step before its first effect."""
        self._count(step)
        self._phase = step
        self.data.update(facts, step=step, done=False)
        self.save()

    def done(self, step, **facts):
        """Record that a step's effects are proved."""
        self._count(step)
        self._phase = ""
        self.data.update(facts, step=step, done=True)
        if step == "cutover":
            self.data["live_at"] = self.store.host.clock.wall()
        self.save()

    def _now(self):
        clock = self.store.host.clock
        return figures.Moment(clock.boot_id(), clock.boottime(), clock.wall())

    def _count(self, phase):
        """Count the time up to now; ``phase`` is what this process has worked on unless it has begun another."""
        if self._begun:
            figures.count(self.data, figures.without_a_run(self.data), self._begun)
            self._begun = None
        figures.count(self.data, self._phase or phase, self._now())

    def note(self, **facts):
        """Record facts within a step."""
        self.data.update(facts)
        self.save()

    def note_told(self, containers, ran, **facts):
        """Record, with facts, that the workers of a color take no more tasks, before those of them that run are told.

        :param ran: whether any of them does.
        """
        self._count(self.data["step"])
        self.note(**facts, **figures.workers_told(self.data, {container.project for container in containers}, ran))

    def note_consuming(self, containers):
        """Record that workers of a color were proved to consume."""
        self._count(self.data["step"])
        self.note(**figures.workers_consume(self.data, {container.project for container in containers}))

    def note_policy(self, container):
        """Keep the restart policy of a container before it is taken away; the first one noted counts."""
        if container.id not in self.data["policies"]:
            self.data["policies"][container.id] = container.restart_policy
            self.save()

    def policy_of(self, container):
        """The restart policy that a container had before it was taken away, else the one that it has."""
        return self.data["policies"].get(container.id, container.restart_policy)

    def _look_at_memory(self):
        try:
            used = used_memory()
        except (OSError, ValueError, KeyError):
            # Only people look at this.
            return
        memory = self.data.setdefault("memory", {"before": used, "peak": used})
        memory["peak"] = max(memory["peak"], used)

    def save(self):
        if self._phase:
            self._count(self._phase)
        self._look_at_memory()
        clock = self.store.host.clock
        length = self.data.get("revert_after") or DEFAULT_LEASE
        self.data["lease"] = {"boot_id": clock.boot_id(), "until": round(clock.boottime() + length, 1)}
        try:
            self.store.save(self.data)
        except OSError as error:
            sentence = (
                f"The journal {self.store.path('deployment.json')} cannot be written ({(error.strerror or str(error)).lower()}): "
                "make room there, or mend its file system."
            )
            if not self.best_effort:
                raise BluegreenError(sentence) from error
            self.store.host.warn(sentence)

    def alive(self):
        """A sign of life from inside a wait: renews the lease once a third of it has gone, and looks at the memory."""
        self._look_at_memory()
        length = self.data.get("revert_after") or DEFAULT_LEASE
        if self.data["lease"]["until"] - self.store.host.clock.boottime() < length * 2 / 3:
            self.save()

    # Ownership

    def is_of_this_boot(self):
        """Whether the owner showed a sign of life on this boot."""
        return self.data["lease"]["boot_id"] == self.store.host.clock.boot_id() and os.path.exists(self.store.lease_mark)

    def lease_is_live(self):
        """Whether the owner showed a sign of life on this boot, and not too long ago."""
        return self.lease_left() > 0.0

    def lease_left(self):
        """Seconds until the owner counts as gone, 0 when it does already."""
        if not self.is_of_this_boot():
            return 0.0
        return max(self.data["lease"]["until"] - self.store.host.clock.boottime(), 0.0)

    def has_owner(self):
        """Whether somebody still goes on with it, who must not be disturbed.

        One that goes back, has failed or only has to be closed has no owner beside whoever holds the lock, and neither has
        one that the guard took over.
        """
        return not self.data["back"] and not self.data["result"] and not self.data.get("guard") and self.lease_is_live()

    def take_over(self, guard=False):
        """Make the deployment the caller's: whoever had it before can do nothing more.

        :param guard: whether the caller is the guard, which goes on with it after its own death too.
        """
        self._count(figures.WAY_BACK)
        self._phase = figures.WAY_BACK
        self.data.update(epoch=self.data["epoch"] + 1, guard=guard)
        self.save()

    def describe(self):
        """The deployment in half a sentence, for messages."""
        return f"{self.data['id']} by {self.data['who']} since {timestamp(self.data['opened_at'])}"


class NoJournal:
    """Stands in for a journal where there is none: in check mode, and in a module used by itself."""

    data = {}

    def get(self, key, default=None):
        return default

    def begin(self, step, **facts):
        pass

    def done(self, step, **facts):
        pass

    def note(self, **facts):
        pass

    def note_told(self, containers, ran, **facts):
        self.note(**facts)

    def note_consuming(self, containers):
        pass

    def note_policy(self, container):
        pass

    def policy_of(self, container):
        return container.restart_policy

    def alive(self):
        pass


class Watched(NoJournal):
    """An open deployment that is only looked at, without the lock: the guard and rollback.yml can act meanwhile.

    Each sign of life is a look at whether it still is the caller's.

    :raises Fenced: it is not, or no longer, here and in :meth:`alive`.
    """

    def __init__(self, store, deployment_id, epoch, step):
        self._store = store
        self._caller = (deployment_id, epoch, step)
        self.alive()

    def get(self, key, default=None):
        return self.data.get(key, default)

    def alive(self):
        journal = self._store.load()
        refuse_stranger(self._store.app, journal, *self._caller)
        self.data = journal.data


@contextlib.contextmanager
def fenced(store, deployment_id, epoch, step, check_mode=False):
    """Hold the lock for the whole of an effect, and let it happen only to the caller's own deployment.

    :param deployment_id: id of the deployment that the caller opened; empty for a module used by itself, which is
        refused while a deployment is open.
    :param step: the step that the effect belongs to; a deployment never goes back to an earlier one.
    :returns: a :class:`Journal`, or :class:`NoJournal`.
    :raises Fenced: nothing was done.
    """
    if check_mode:
        yield NoJournal()
        return
    with store.lock(f"step {step}" + (f" of deployment {deployment_id}" if deployment_id else "")):
        journal = store.load()
        refuse_stranger(store.app, journal, deployment_id, epoch, step)
        yield journal or NoJournal()


def refuse_stranger(app, journal, deployment_id, epoch, step):
    """Raise :class:`Fenced` unless the journal allows this caller this step."""
    if not deployment_id:
        if journal is not None:
            raise Fenced(
                f"Deployment {journal.describe()} of app {app} is open: finish it (finish.yml) or undo it "
                "(rollback.yml) before changing this app by hand."
            )
        return
    if journal is None:
        raise Fenced(
            f"deployment_id {deployment_id} names no open deployment of app {app}: it was ended meanwhile. Look at "
            "status.yml and deploy again."
        )
    if journal["id"] != deployment_id:
        raise Fenced(
            f"deployment_id {deployment_id} is not the open deployment of app {app}, which is {journal.describe()}."
        )
    if journal["epoch"] != epoch:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} was taken over meanwhile (epoch {journal['epoch']}, not {epoch}): "
            "nothing was done. Look at status.yml."
        )
    if journal["result"] or journal["back"]:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} is being undone: run rollback.yml to complete that, then deploy again."
        )
    if STEPS.index(step) < STEPS.index(journal["step"]):
        raise Fenced(
            f"Deployment {deployment_id} of app {app} has reached {journal['step']} and does not go back to {step}."
        )
