# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a host and its Compose files show before a deployment, and what stands against one."""

from __future__ import annotations

import contextlib
import os
import re

from .. import _settings
from .._broker import connection as broker_connection, detect as broker_detect, preflight as broker_preflight
from .._commands import command
from .._compose import (
    bind_mounts,
    cli as compose_cli,
    rules as compose_rules,
    starts as compose_starts,
    version as compose_version,
)
from .._compose.renderings import Renderings
from .._docker.containers import ROLES, of_project, role_of
from .._errors import BluegreenError
from .._install import guard_units
from .._linux import sockets
from .._linux.own_addresses import is_own
from .._nginx import preflight as nginx_preflight, served_files, upstream
from .._nginx.running import Seen
from .._nginx.settings import Nginx
from .._resources import host as host_resources, memory_budget, memory_use
from .._settings import color_services, health_url, other
from .._snapshot import restore as snapshot_restore
from .._snapshot.file import kept_color
from .._validation import COLORS
from .._workers import finish_container, unlisted
from . import adoption, adoption_routes, kept_color as deployment_kept_color, up_to_date
from .color import Color
from .plan import plan


class Survey:
    """What the host and the Compose files show before a deployment.

    :ivar live: the live color, ``""`` when there is none yet.
    :ivar idle: the color that becomes live.
    :ivar seen: the Nginx that runs, a :class:`running.Seen`; ``None`` before a look.
    :ivar renderings: what Compose renders for the colors that were needed.
    :ivar compose: the version of Compose, empty where it was not needed.
    :ivar up_to_date: whether there is nothing to do.
    :ivar pending: whether the release is live already, and awaits approval.
    :ivar reasons: why there is something to do, as half sentences.
    :ivar old_workers: services of the live color that run Celery and are in no list.
    :ivar room: what memory is free, and what the live color holds.
    :ivar init_before_stop: init services that run while the old workers do; ``init_reason`` says why none does.
    :ivar memory: what becomes of the old workers and the old web, a :class:`memory_budget.Decision`.
    """

    def __init__(self, host, store, settings, params):
        self.host = host
        self.store = store
        self.settings = settings
        self.params = params
        self.live = self.idle = ""
        self.upstream_text = ""
        self.upstream = None
        self.seen = None
        self.containers = {color: [] for color in COLORS}
        self.renderings = Renderings(host, params)
        self.compose = ()
        self.reasons = []
        self.up_to_date = self.pending = False
        self.broker_reason = ""
        self.old_workers = []
        self.room = memory_budget.Room(free=0, web=0)
        self.memory = memory_budget.Decision("stop", "", "running", "")
        self.init_before_stop, self.init_reason = [], ""
        # Going back to the kept color needs no Compose file: what was stopped is started.
        self.kept = params["prefer"] == "rollback"

    def look(self):
        """Look at everything, the cheap things first; raise one error that names all that is wrong at that stage."""
        with self.host.engine.each_once():
            self._look()

    def _look(self):
        self.seen = Seen(self.host, self._nginx_settings())
        self.host.engine.ping()
        try:
            self.colors()
        except BluegreenError:
            self._raise(self._file_findings())
            raise
        if self.kept:
            self.require_kept()
            self._choose_kept_broker()
        else:
            compose_cli.check_source(self.params["project_src"], self.params["files"])
            self.compose = compose_version.version(self.host, self.store)
            compose_cli.check_version(self.compose)
            self._compare()
        self._raise(self._adoption_findings())
        self._raise(self._live_findings() + self._idle_findings() + self._celery_findings())
        if not self.kept and not self.up_to_date:
            self._decide()
        against = nginx_preflight.preflight(
            self.host, self._nginx_settings(), self._published_beside(), self.seen, switches=not self.up_to_date
        )
        if against and not self.live:
            self._warn_of_served()
        self._raise(against)
        if not self.up_to_date:
            if not guard_units.has_systemd():
                self.host.warn(guard_units.WITHOUT_SYSTEMD)
            if not self.kept:
                services, release = color_services(self.settings), self.params["release"]
                for sentence in served_files.find_warnings(self.host, self.seen, self.renderings.models, services, release):
                    self.host.warn(sentence)
            self._raise(self._room_findings() + self._broker_findings())

    def adopt(self, journal):
        """Take over what was decided when the deployment was opened."""
        self.settings = _settings.from_journal(journal.data, self.store.broker_url())
        self.broker_reason = "found out when the deployment was opened"
        self.old_workers = list(journal.get("old_workers") or ())
        self.init_before_stop = list(journal.get("init_before_stop") or ())
        self.memory = self.memory._replace(
            strategy=journal.get("worker_strategy") or "stop", old_web=journal.get("old_web") or "running"
        )

    def colors(self, live=None):
        """Find out which color is live: what the file that Nginx reads says."""
        nginx = self.settings.nginx
        with contextlib.suppress(FileNotFoundError):
            with open(nginx["file"], encoding="utf-8", errors="replace") as source:
                self.upstream_text = source.read()
            self.upstream = upstream.parse(self.upstream_text, nginx["file"], nginx["upstream"])
        if live is None and self.upstream:
            live = upstream.live_color(self.upstream, nginx["servers"], nginx["file"])
        self.live = live or ""
        self.idle = other(live) if live else COLORS[0]
        for color in COLORS:
            self.containers[color] = of_project(self.host.engine, self.settings.projects[color])

    def is_pending(self, journal):
        """Whether the release to deploy is the one that awaits approval, whole; then there is nothing to do but to ask.

        From here on live and idle are those of its deployment.
        """
        if self.params["release"] != journal["release"]:
            return False
        self.colors(journal["to"])
        self.renderings.render(self.settings, self.live)
        # What would have to be pulled or built first cannot be while another deployment is open; the label counts then.
        images = self._shown()["images"] if self.undecided else self._images_here()
        self.pending = self.up_to_date = not self._differences(images, journal["settings"]["services"].get("init"))
        self.live, self.idle = journal["from"], journal["to"]
        return self.pending

    def require_kept(self):
        """Raise unless the idle color was kept whole; its release is the one to deploy."""
        kept, last = kept_color(self.store), (self.store.history(1) or [{}])[0]
        if not self.live or not kept or kept["color"] != self.idle:
            before = last.get("release_from", "") if last.get("result") == "committed" else ""
            way = f" ({command('deploy', before)})" if before else ""
            raise BluegreenError(
                f"There is nothing to go back to: no deployment of app {self.settings.app} is open, and no old color was "
                f"kept. Deploy the earlier release instead{way}; with bluegreen_old_color: stopped the old color is kept from "
                "the next deployment on."
            )
        deployment_kept_color.require_named(last, kept, self.params["release"])
        release, compared = kept["release"] or "(none)", snapshot_restore.compare(kept, self.containers[self.idle])
        if compared.replaced:
            raise BluegreenError(
                f"Containers of the kept color {self.idle} were replaced by others ({', '.join(compared.replaced)}): deploy "
                f"release {release} again instead."
            )
        self._raise(snapshot_restore.image_findings(self.host, compared.missing))
        # Its services may have other names than those of the release that is live.
        services = self._services_of_kept(kept)
        if not services["web"]:
            raise BluegreenError(
                f"The kept color {self.idle} has no container of web service {self.settings.services['web'][0]} "
                f"(bluegreen_web_services): name the web service of release {release} there, or deploy release {release} again."
            )
        self.settings = self.settings._replace(services=services)
        self.params["release"] = kept["release"]
        self.reasons = [f"back to release {release}, which was kept"]
        if compared.missing:
            names = ", ".join(described["name"] for described in compared.missing)
            self.reasons.append(f"somebody removed {names}, created again")

    def _services_of_kept(self, kept):
        """The lists of services, without those that only the release that is live has."""
        there = {described["service"] for described in kept["containers"]}
        services = self.settings.services
        own = {role: [name for name in services[role] if name in there] for role in ROLES}
        # A color that an earlier version kept does not say which of its services are workers.
        return {**services, **own, "workers": kept.get("workers", own["workers"])}

    def _compare(self):
        """Find out by the live color alone whether there is nothing to do; the other one is needed only where there is."""
        if self.live:
            self.renderings.render(self.settings, self.live)
            self.up_to_date = self._is_proved_up_to_date()
        if self.up_to_date:
            self._choose_broker({self.live: broker_detect.of_rendering(self.renderings.models[self.live])})
            return
        self.renderings.render(self.settings, *COLORS)
        self._compose_findings()

    def _is_proved_up_to_date(self):
        if not self._model["services"].keys() >= set(color_services(self.settings)) or self.undecided:
            return False
        own = rf"(?<![a-z0-9])({self.live}|{re.escape(self.settings.projects[self.live])})(?![a-z0-9])"
        if any(re.search(own, name) for name in compose_rules.images(self._model, self.settings.services).values()):
            # The other color has images of its own.
            return False
        return not self._differences(self._images_here())

    @property
    def _model(self):
        """The configuration of the color that becomes live; where that one is not needed, of the other."""
        return self.renderings.models.get(self.idle) or self.renderings.models[self.live]

    def _nginx_settings(self):
        return Nginx(**self.settings.nginx)

    def _published_beside(self):
        """``{port: service}`` of what the live color publishes on the host, beside the port that Nginx is switched to."""
        project = self.settings.projects.get(self.live)
        ports = {
            port["PublicPort"]: _label(summary, "service")
            for summary in self.host.engine.containers()
            if _label(summary, "project") == project and role_of(_label(summary, "service"), self.settings.services)
            for port in summary.get("Ports") or ()
            if port.get("PublicPort")
        }
        ports.pop(self.settings.ports.get(self.live), None)
        return ports

    # Findings

    def _raise(self, sentences):
        if sentences:
            raise BluegreenError("\n".join(sentences), findings=list(sentences))

    def _compose_findings(self):
        findings = compose_rules.examine(
            self.renderings.models,
            self.settings.services,
            self.settings.ports,
            self.params["color_volumes"],
            nginx_servers=self.settings.nginx["servers"] if self.settings.nginx["container"] else None,
            init_before_stop=self.params.get("init_before_stop") or (),
        )
        mounts = bind_mounts.warnings(
            self.renderings.models,
            self.settings.services,
            self.params["project_src"],
            self.params["release"],
            bind_mounts.holds_code,
        )
        starts = compose_starts.examine(self.renderings.models, self.settings.services, self.compose)
        for sentence in findings.warnings + mounts + starts.warnings:
            self.host.warn(sentence)
        self._raise(findings.errors + starts.errors)
        self._choose_broker({color: broker_detect.of_rendering(self.renderings.models[color]) for color in COLORS})

    def _choose_broker(self, services):
        given = self.params["broker"] or {}
        choice = broker_detect.choose(
            {**self.settings.broker, "mode": given.get("mode") or "auto"}, self.settings.services, services
        )
        for sentence in choice.warnings:
            self.host.warn(sentence)
        self.broker_reason = choice.reason
        self._use_broker(mode=choice.mode, service=choice.service, url=choice.url)

    def _choose_kept_broker(self):
        """The same from the containers; a question that they leave open must not keep anybody from going back."""
        self.broker_reason = "by the lists of services"
        with contextlib.suppress(BluegreenError):
            self._choose_broker({self.live: broker_detect.of_containers(self.containers[self.live])})

    def _use_broker(self, **changes):
        self.settings = self.settings._replace(broker={**self.settings.broker, **changes})

    def _broker_findings(self):
        live = self.containers[self.live] if self.live else []
        shown = broker_preflight.look(
            self.host,
            broker_connection.BrokerSettings(**self.settings.broker),
            live,
            [c for c in live if c.service in (*self.settings.services["workers"], *self.old_workers)],
            bool((self.params["broker"] or {}).get("url")),
            self.params.get("keep_keys") or (),
        )
        if shown.warning:
            self.host.warn(shown.warning)
        self._use_broker(url=shown.url)
        if live:
            for sentence in broker_preflight.look_beside(self.host, Color(self.host, self.settings, self.live)):
                self.host.warn(sentence)
            return [shown.finding] if shown.finding else []
        leftover = broker_preflight.leftover_finding(Color(self.host, self.settings, self.idle))
        return [leftover] if leftover else []

    def _adoption_findings(self):
        """Find the app itself, where it runs by hand and no color is live."""
        if self.live:
            return []
        src, apps = self.params["project_src"], self._running_apps()
        if adoption.recognize(apps, self.settings, adoption_routes.UNKNOWN) is None:
            return []
        try:
            ways = adoption_routes.of_seen(self.seen)
        except BluegreenError as error:
            # What visitors use can be told only once Nginx is found.
            return [error.message]
        found = adoption.recognize(apps, self.settings, ways)
        finding = adoption.finding(found, self.settings, ways, src, self._taken, self._is_written_by_hand(apps))
        if not finding:
            self.host.warn(adoption.beside(found, src))
        return [finding] if finding else []

    def _warn_of_served(self):
        """What Nginx says against it may be to pass to the upstream, which has no server before the first deployment."""
        try:
            ways = adoption_routes.of_seen(self.seen)
        except BluegreenError:
            # That is what stands against it.
            return
        if self.settings.nginx["upstream"] in ways.targets:
            return
        own = [way for way in ways.found if is_own(way.host)]
        served = {way.place: (way.port, _listener(way.port)) for way in own}
        sentence = adoption.without_live_color(
            self.settings, {place: what for place, what in served.items() if what[1]}
        )
        if sentence:
            self.host.warn(sentence)

    def _file_findings(self):
        """Find the running app to which the file sends requests, where the settings know no such color."""
        active = [server for server in self.upstream.servers if not server.backup and not server.down] if self.upstream else []
        port = active[0].address.rpartition(":")[2] if len(active) == 1 else ""
        for app in self._running_apps() if port.isdigit() else ():
            if int(port) in app.ports and is_own(active[0].address.rpartition(":")[0]):
                return [adoption.of_file(app, "", int(port), self.settings, self._taken)]
        return []

    def _running_apps(self):
        return adoption.running_apps(
            self.host.engine.containers(), self.settings.services["web"][0], self.params["project_src"]
        )

    def _is_written_by_hand(self, apps):
        """Whether prepare.yml would not write a live color: into a file of somebody else, or where both colors run."""
        both = {app.project for app in apps} >= set(self.settings.projects.values())
        return both or bool(self.upstream and not self.upstream.owned)

    def _taken(self, port):
        holder = self._published_by(port)
        return _label(holder, "project") not in self.settings.projects.values() if holder else bool(_listener(port))

    def _live_findings(self):
        if not self.live:
            return []
        project, port = self.settings.projects[self.live], self.settings.ports[self.live]
        web = [c for c in self.containers[self.live] if c.service == self.settings.services["web"][0]]
        if any(c.running for c in web):
            return []
        for app in self._running_apps():
            if port in app.ports and app.project != project:
                return [adoption.of_file(app, self.live, port, self.settings, self._taken)]
        holder = self._published_by(port)
        if holder:
            return [
                f"Nginx sends requests to {self.live} (port {port}), which container {_name(holder)} of "
                f"project {_label(holder, 'project') or '(none)'} publishes, but bluegreen_projects.{self.live} is "
                f"{project!r} and its web service {self.settings.services['web'][0]!r}: name the project and the "
                "services that run."
            ]
        return [
            f"Nginx sends requests to {self.live} (port {port}), but service {self.settings.services['web'][0]} of project "
            f"{project} does not run: start it, or, if no color is to be live, remove {self.settings.nginx['file']} and run "
            "prepare.yml."
        ]

    def _celery_findings(self):
        """Find the Celery of the live color that is in no list, and refuse where its tasks could not be kept."""
        live, services = self.containers[self.live] if self.live else [], self.settings.services
        findings = unlisted.findings_of_webs(live, services, is_live=True)
        if not findings and self.renderings.models:
            commands = {name: each.command for name, each in broker_detect.of_rendering(self._model).items()}
            findings = unlisted.findings_of_commands(commands, services)
        self.old_workers = unlisted.services_with_celery(live, services)
        if self.old_workers and not services["workers"]:
            findings.append(unlisted.dropped_finding(self.live, self.old_workers))
        elif self.old_workers and not self.kept:
            self.host.warn(unlisted.unlisted_sentence(self.live, self.old_workers))
        return findings

    def _idle_findings(self):
        project, port = self.settings.projects[self.idle], self.settings.ports[self.idle]
        services = self.settings.services
        # What a color does not start is nobody's to stop: it may be the database of an app that was adopted.
        allowed, workers = (*services["support"], *services["ignored"]), services["workers"]
        running = [
            c.service
            for c in self.containers[self.idle]
            # A worker that outlived its deployment is done when its Celery is; what is frozen around it goes with fetch.
            if c.running and c.service not in allowed and not (c.service in workers and finish_container.is_over(c))
        ]
        if self.settings.services["web"][0] in running:
            ways = adoption_routes.of_seen(self.seen)
            past = [way.place for way in ways.to((port,)) if way.upstream != self.settings.nginx["upstream"]]
            if past or not ways.complete:
                return [adoption.served_idle(self.idle, project, port, list(dict.fromkeys(past)), self.settings)]
        if running:
            return [
                f"Color {self.idle} is idle, but {', '.join(running)} of project {project} runs: stop it first "
                f"(docker compose -p {project} stop {' '.join(sorted(set(running)))})."
            ]
        holder = self._published_by(port)
        if holder and _label(holder, "project") != project:
            return [
                f"bluegreen_ports.{self.idle} is {port}, but container {_name(holder)} holds that port: "
                "choose another port."
            ]
        if holder and _label(holder, "service") in services["ignored"]:
            return [
                f"bluegreen_ports.{self.idle} is {port}, but container {_name(holder)} (service "
                f"{_label(holder, 'service')}, bluegreen_ignored_services) holds that port: give it another port in the "
                "Compose file, or choose another one for the color."
            ]
        process = "" if holder else _listener(port)
        if process:
            return [
                f"bluegreen_ports.{self.idle} is {port}, but {process} listens on that port: choose another port."
            ]
        return []

    def _published_by(self, port):
        for summary in self.host.engine.containers():
            if summary.get("State") == "running" and any(p.get("PublicPort") == port for p in summary.get("Ports") or ()):
                return summary
        return None

    def _room_findings(self):
        engine, roles = self.host.engine, self.settings.services
        live = self.containers[self.live] if self.live else []
        by_role = {role: [c for c in live if role_of(c.service, roles) == role] for role in ROLES}
        by_role["workers"] += [c for c in live if c.service in self.old_workers]
        findings = []
        if live:
            findings.append(self._memory_finding(by_role))
        docker_root = host_resources.docker_root_of(engine, live[0].id if live else "")
        if docker_root:
            missing = {c.image for c in live} if not self.kept and self._missing_images() else set()
            needed = host_resources.DISK_RESERVE + sum(host_resources.size_of_image(engine, image) for image in missing)
            free = host_resources.free_disk(docker_root)
            findings.append(host_resources.disk_finding(docker_root, free, needed, "images and layers"))
        folder = self.store.folder
        findings.append(
            host_resources.disk_finding(folder, host_resources.free_disk(folder), host_resources.STATE_RESERVE, "the journal")
        )
        for path, why in (
            (folder, "the journal"),
            (os.path.dirname(self.store.lease_mark), "the lease"),
            (os.path.dirname(os.path.realpath(self.settings.nginx["file"])), "the file that Nginx reads"),
        ):
            findings.append(host_resources.writing_finding(path, why))
        return [sentence for sentence in findings if sentence]

    def _memory_finding(self, by_role):
        """Decide what becomes of the old workers and the old web; a sentence when the host has no room for it."""
        engine = self.host.engine
        self.room = memory_budget.Room(
            free=host_resources.available_memory(),
            web=memory_use.memory_of(engine, by_role["web"]),
            support=memory_use.memory_of(engine, by_role["support"]),
            workers=memory_use.memory_of(engine, by_role["workers"]),
            app=memory_use.app_of(by_role["workers"]),
        )
        broker, run = self.settings.broker["mode"], any(c.running for c in by_role["workers"])
        if run and not self.kept:
            self._choose_init_before_stop()
        wanted = (self.params["workers"] or {}).get("strategy") or "stop"
        self.memory = memory_budget.decide(wanted, self.params["old_web"], self.room, broker, run)
        sentence = memory_budget.warning(self.memory.strategy, broker)
        if sentence:
            self.host.warn(sentence)
        if self.memory.old_web == "stopped" and self.settings.nginx["backup"]:
            # A backup that does not run would be asked in vain, and its name may keep Nginx from starting.
            self.host.warn("bluegreen_nginx_backup is left out this time: the old web, which it names, is stopped until the approval.")
            self.settings = self.settings._replace(nginx={**self.settings.nginx, "backup": False})
        return memory_budget.finding(self.memory, self.room)

    def _choose_init_before_stop(self):
        """Those that were asked for, in the order of all; none where they do not fit beside the old workers."""
        asked = self.params.get("init_before_stop") or ()
        names, need = [name for name in self.settings.services["init"] if name in asked], memory_budget.before_stop(self.room)
        if need.fits:
            self.init_before_stop = names
        elif names:
            self.init_reason = f"{', '.join(names)}, because {need.line}"

    def _missing_images(self):
        names = compose_rules.images(self._model, self.settings.services)
        return {service: name for service, name in names.items() if self.host.engine.image(name) is None}

    # Is there anything to do?

    def _decide(self):
        self._refuse_missing_images()
        self.reasons = self._differences(self._images_here()) if self.live else ["first deployment"]
        if not self.reasons and self.undecided:
            self.reasons = ["images are compared once they have been pulled or built"]
        self.up_to_date = not self.reasons

    def _images_here(self):
        """Ids of the images that the release runs, by service; ``None`` where one is not on the host."""
        names = compose_rules.images(self._model, self.settings.services)
        return {service: (self.host.engine.image(name) or {}).get("Id") for service, name in names.items()}

    @property
    def builds(self):
        """Services that have to be built to know which image they run."""
        if self.params["pull"] == "build":
            return [name for name in color_services(self.settings) if self._model["services"][name].get("build")]
        if self.params["pull"] == "never":
            return []
        return compose_rules.builds_without_image(self._model, self.settings.services)

    @property
    def undecided(self):
        """Whether only the images themselves will tell if there is anything to do."""
        return not self.kept and (self.params["pull"] == "always" or bool(self.builds))

    def decide_from_created(self):
        """Decide by the images that the created containers have."""
        created = {c.service: c.image for c in self.containers[self.idle]}
        self.reasons = self._differences(created) if self.live else ["first deployment"]
        self.up_to_date = not self.reasons

    def _refuse_missing_images(self):
        if self.params["pull"] == "never":
            self._raise(
                [
                    f"Image {name} of service {service} is not on this host, and bluegreen_pull is never: load it there, "
                    "or set bluegreen_pull to missing."
                    for service, name in sorted(self._missing_images().items())
                ]
            )

    def _differences(self, images, init=None):
        """What keeps the live color from being the release to deploy.

        :param images: those of that release.
        :param init: the init services that the live color was deployed with, where that is not for the history to say.
        """
        services = color_services(self.settings)
        there, wanted = {each.service for each in self.containers[self.live]}, self.settings.services["init"]
        if init is None and not there.issuperset(wanted):
            init = up_to_date.init_services_of(self.live, self.store.history())
        done = up_to_date.done_without_container(wanted, there, init)
        # Where the label says that there is something to do, more reasons are not worth a run of Compose.
        is_worth_asking = self.params["release"] == self.upstream.release
        hashes = self.renderings.hashes(self.settings, self.live, self.containers[self.live], is_worth_asking)
        found = up_to_date.differences(
            self._shown(),
            {
                "release": self.params["release"],
                "hashes": {name: found for name, found in hashes.items() if name in services and name not in done},
                "images": images,
            },
        )
        if done and init is None and not found:
            self.host.warn(
                f"Init service {', '.join(sorted(done))} has no container in color {self.live}, and the history does not say "
                "whether it ever had one: it counts as done. If it is new, give the release another label."
            )
        return found

    def _shown(self):
        mine = [c for c in self.containers[self.live] if role_of(c.service, self.settings.services)]
        init = self.settings.services["init"]
        return {
            "release": self.upstream.release,
            "hashes": {c.service: c.config_hash for c in mine},
            "images": {c.service: c.image for c in mine},
            "broken": {c.service for c in mine if not (c.exit_code == 0 if c.service in init else c.running)},
        }

    # Results

    def facts(self):
        """What the journal keeps of this."""
        live = self.containers[self.live] if self.live else []
        return {
            "release": self.params["release"],
            "release_from": self.upstream.release if self.live else "",
            "from": self.live,
            "to": self.idle,
            "settings": self.settings.journaled(),
            "old_containers": [{"id": c.id, "name": c.name, "service": c.service} for c in live],
            # What was kept has its policies there; a container that runs is asked.
            "policies": snapshot_restore.policies_of(kept_color(self.store)) if self.kept else {},
            "old_workers": self.old_workers,
            "init_before_stop": self.init_before_stop,
            "workers": self.params["workers"] or {},
            "worker_strategy": self.memory.strategy,
            "old_web": self.memory.old_web,
            "memory_budget": memory_budget.record(self.room, host_resources.oom_kills()),
            "unknown_tasks": self.params["unknown_tasks"],
            "keep_keys": self.params["keep_keys"],
            "drain_timeout": self.params["drain_timeout"],
            # Whoever goes back may want to come forward again.
            "old_color": "stopped" if self.kept else self.params["old_color"],
            "to_kept": self.kept,
            "remove_volumes": self.params["remove_volumes"],
            "keep_images": self.params["keep_images"],
            "revert_after": self.params["revert_after"],
            "watch": self.params["watch"],
            "approval_timeout": self.params["approval_timeout"],
            "on_timeout": self.params["on_timeout"],
        }

    def recovery_first(self, journal):
        """The result of a look that finds a deployment whose owner is gone: how the host is after it, nobody can tell yet."""
        self.live, self.idle = journal["from"], journal["to"]
        return {
            **self._outline(True, "", 0),
            "fetch": {"leftover": False},
            "plan": [
                f"recover: bring deployment {journal.describe()} to an end, whose owner is gone (step {journal['step']})",
                "deploy: look at the host again, and go on",
            ],
        }

    def _outline(self, changed, deployment_id, epoch):
        settings = self.settings
        return {
            "changed": changed,
            "id": deployment_id,
            "epoch": epoch,
            "live": self.live,
            "idle": self.idle,
            "up_to_date": self.up_to_date,
            "pending": self.pending,
            "undecided": self.undecided and not self.up_to_date if self.renderings.models else False,
            "release": self.params["release"],
            "projects": settings.projects,
            "ports": settings.ports,
            "broker": settings.broker["mode"],
            "broker_service": settings.broker["service"],
            "worker_strategy": self.memory.strategy,
            "old_web": self.memory.old_web,
            "init_before_stop": self.init_before_stop,
            "worker_services": {
                "old": [*settings.services["workers"], *self.old_workers] if self.live else [],
                "new": settings.services["workers"],
            },
        }

    def result(self, changed, deployment_id="", epoch=0):
        settings = self.settings
        result = {**self._outline(changed, deployment_id, epoch), "plan": [], "fetch": self._fetch()}
        if not self.up_to_date:
            result["plan"] = plan(
                settings.app,
                self.live,
                self.idle,
                settings.services,
                {
                    "projects": settings.projects,
                    "reasons": self.reasons,
                    "fetch": "" if self.kept else self._fetch_text(),
                    "leftover": result["fetch"]["leftover"],
                    "init_before_stop": self.init_before_stop,
                    "init_reason": self.init_reason,
                    "strategy": self.memory.strategy,
                    "strategy_reason": self.memory.strategy_reason,
                    "old_web": self.memory.old_web,
                    "old_web_reason": self.memory.old_web_reason,
                    "memory": memory_budget.needs(
                        self.room, self.memory, self.params["unknown_tasks"] != "move", self.init_before_stop
                    ),
                    "broker": settings.broker["mode"],
                    "broker_reason": self.broker_reason,
                    "stop_timeout": (self.params["workers"] or {}).get("stop_timeout"),
                    "health_url": health_url(settings, self.idle),
                    "nginx_file": settings.nginx["file"],
                    "old_color": "stopped" if self.kept else self.params["old_color"],
                },
            )
            result["diff"] = self._diff()
        return result

    def _fetch(self):
        """How the candidate's containers are to be created, in the words of bg_fetch."""
        leftover = any(c.running for c in self.containers[self.idle] if c.service == self.settings.broker["service"])
        if self.kept:
            return {"leftover": leftover}
        return {
            "leftover": leftover and self.settings.broker["mode"] == "color",
            "env_files": compose_cli.env_files(self.params["project_src"], self.store.env_file(self.idle, self.params["deployment_id"])),
            "services": color_services(self.settings),
            "pull": {"always": "always", "never": "never"}.get(self.params["pull"], "missing"),
            "build": "always" if self.builds else "policy" if self.params["pull"] != "never" else "never",
        }

    def _fetch_text(self):
        if self.builds:
            return f"build {', '.join(self.builds)}"
        return {"always": "pull all images", "never": "pull nothing"}.get(self.params["pull"], "pull images that are missing")

    def _diff(self):
        nginx = self.settings.nginx
        return {
            "before_header": nginx["file"],
            "after_header": nginx["file"],
            "before": self.upstream_text,
            "after": upstream.render(
                nginx["upstream"],
                self.idle,
                nginx["servers"],
                release=self.params["release"],
                deployment_id=self.params["deployment_id"],
                backup=nginx["backup"],
                tuning=self.upstream.tuning if self.upstream else (),
            ),
        }


def _listener(port):
    """Who listens on a port of this host, ``""`` when nobody does."""
    for connection in sockets.connections("self"):
        if connection.state == sockets.LISTENING and connection.local[1] == port:
            return sockets.holder_of(connection.inode) or "a process that cannot be seen from here"
    return ""


def _name(summary):
    # One that is just being removed has none any more.
    return ((summary.get("Names") or [""])[0] or summary["Id"]).lstrip("/")


def _label(summary, name):
    return (summary.get("Labels") or {}).get(f"com.docker.compose.{name}", "")
