# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Everything that is checked before a deployment. It changes nothing."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Mapping, Optional, Sequence

from .. import _settings
from .._broker import detect as broker_detect, preflight as broker_preflight
from .._commands import command
from .._compose import (
    bind_mounts,
    cli as compose_cli,
    rules as compose_rules,
    starts as compose_starts,
    version as compose_version,
)
from .._docker.containers import ROLES
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._install import guard_units
from .._journal.history import history_of
from .._journal.journal import Journal
from .._journal.store import Store
from .._nginx import preflight as nginx_preflight, served_files
from .._settings import Settings, color_services
from .._snapshot import restore as snapshot_restore
from .._snapshot.file import kept_color
from .._validation import COLORS, release_label
from . import (
    adoption_preflight,
    color_preflight,
    health_preflight,
    kept_color as deployment_kept_color,
    last_roles,
    port_holders,
    room_preflight,
    up_to_date,
)
from .color import Color
from .findings import Findings
from .situation import Situation


class Preflight(Situation):
    """A situation, and the checks that find it out by asking the host, Compose, Nginx and the broker."""

    def __init__(self, host: Host, store: Store, settings: Settings, params: dict[str, Any]) -> None:
        super().__init__(host, store, settings, params)
        self.found = Findings()
        self._has_health_check = True

    def leave_out_health_check(self, against: Findings) -> None:
        """Refuse the deployment for what is wrong with the health check, and do not ask the live web by it."""
        self._has_health_check = not self.found.add(against.sentences)

    def run(self) -> None:
        """Check everything, the cheap things first, and say all that is wrong at once.

        :raises BluegreenError: something has to be corrected; ``findings`` has all sentences.
        """
        with self.host.engine.each_once():
            self.host.engine.ping()
            place = self._find_place()
            if self.kept:
                self._find_kept(place)
            else:
                with self.found.collected():
                    self._read_compose_files()
                self._choose_broker_of_renderings()
            is_adoptable = self._check_place(place)
            self.found.add(color_preflight.celery_findings(self))
            if self.renderings.models and not self.up_to_date:
                self._decide(is_sound=not self.found.sentences)
            if place is not None or is_adoptable:
                # The color to deploy is known only once this is settled.
                self.reasons = []
            has_nginx = not is_adoptable and self._check_nginx()
            if not self.up_to_date:
                self._warn_of_host(has_nginx)
                self.found.add(room_preflight.findings(self))
                if self.broker_reason and place is None and not is_adoptable:
                    with self.found.collected():
                        self.found.add(self._broker_findings())
            self.found.require_none()

    def adopt(self, journal: Journal) -> None:
        """Take over what was decided when the deployment was opened."""
        self.settings = _settings.from_journal(journal.data, self.store.broker_url())
        self.broker_reason = "found out when the deployment was opened"
        self.old_workers = list(journal.get("old_workers") or ())
        self.init_before_stop = list(journal.get("init_before_stop") or ())
        self.memory = self.memory._replace(
            strategy=journal.get("worker_strategy") or "stop", old_web=journal.get("old_web") or "running"
        )

    def is_pending(self, journal: Journal) -> bool:
        """Whether the release to deploy awaits approval already, unchanged; then only the approval is left.

        From here on live and idle are those of its deployment.
        """
        if self.params["release"] != journal["release"]:
            return False
        self.find_colors(journal["to"])
        self.render(self.live)
        images = self.image_ids()
        if self.undecided:
            # Another deployment is open, so nothing can be pulled or built: the label decides.
            images = dict(up_to_date.live_release(self).images)
        init = journal["settings"]["services"].get("init")
        self.pending = self.up_to_date = not up_to_date.reasons_to_deploy(self, images, init)
        self.live, self.idle = journal["from"], journal["to"]
        return self.pending

    def decide_from_created(self) -> None:
        """Decide whether there is something to do, by the images that the created containers have."""
        self._decide_by({each.service: each.image for each in self.containers[self.idle]})

    # The release to deploy

    def _find_place(self) -> Optional[BluegreenError]:
        """Find out which color is live; returns the error if the file of Nginx does not say that."""
        try:
            self.find_colors()
        except EngineError:
            raise
        except BluegreenError as error:
            return error
        return None

    def _find_kept(self, place: Optional[BluegreenError]) -> None:
        if place is not None:
            self.found.add(adoption_preflight.findings_of_file(self))
            self.found.require_none()
            raise place
        self.require_kept()
        self._choose_kept_broker()

    def _read_compose_files(self) -> None:
        """Render both colors, or the live one alone where it shows that there is nothing to do."""
        compose_cli.check_source(self.params["project_src"], self.params["files"])
        self.compose = compose_version.version(self.host, self.store)
        compose_cli.check_version(self.compose)
        if self.live:
            self.render(self.live)
            self.up_to_date = not self.undecided_services and up_to_date.is_proved(self)
        if not self.up_to_date:
            self.render(*COLORS)
            self._check_compose_files()

    def _check_place(self, place: Optional[BluegreenError]) -> bool:
        """Check whether live and idle color are where they should be; whether Nginx has to be changed for that."""
        if place is not None:
            adoptable = adoption_preflight.findings_of_file(self) if self.web else []
            self.found.add(adoptable or [place.message])
            return bool(adoptable)
        if not self.web:
            # The Compose file does not say what to look for.
            return False
        if self.found.add(adoption_preflight.findings(self)) or self.found.add(color_preflight.live_findings(self)):
            return True
        self.found.add(color_preflight.idle_findings(self))
        return False

    def _check_compose_files(self) -> None:
        models, services = self.renderings.models, self.settings.services
        findings = self._examined(services)
        src, release = self.params["project_src"], self.params["release"]
        mounts = bind_mounts.warnings(models, services, src, release, bind_mounts.holds_code)
        starts = compose_starts.examine(models, services, self.compose)
        for sentence in (*findings.warnings, *mounts, *starts.warnings):
            self.host.warn(sentence)
        self.found.add([*self.undecided_services, *findings.errors, *starts.errors])
        self.found.add(self._against_likely_services())

    def _against_likely_services(self) -> Iterator[str]:
        """What two colors could not share of services without a role, if each had its likely one."""
        found = self.roles.likely.items() if self.roles else ()
        likely = {name: role for name, role in found if role != "ignored"}
        services = {
            role: [*names, *(name for name in likely if likely[name] == role)]
            for role, names in self.settings.services.items()
        }
        for sentence in self._examined(services).errors if likely else ():
            for name in likely:
                if sentence.startswith(f"Service {name} "):
                    yield f"If a color is to start {name}: {sentence}"

    def _examined(self, services: Mapping[str, Sequence[str]]) -> compose_rules.Findings:
        return compose_rules.examine(
            self.renderings.models,
            services,
            self.settings.ports,
            self.params["color_volumes"],
            nginx_servers=self.nginx.servers if self.nginx.container else None,
            init_before_stop=self.params.get("init_before_stop") or (),
        )

    def _decide(self, is_sound: bool) -> None:
        """Decide whether there is something to do, unless something is wrong already."""
        if self.params["pull"] == "never":
            missing = self.found.add(
                f"Image {name} of service {service} is not on this host, and bluegreen_pull is never: load it "
                "there, or set bluegreen_pull to missing."
                for service, name in sorted(self.missing_images().items())
            )
            is_sound = is_sound and not missing
        if not is_sound:
            self.reasons = [] if self.live else ["first deployment"]
            return
        self._decide_by(self.image_ids())
        if self.up_to_date and self.undecided:
            self.reasons, self.up_to_date = ["images are compared once they have been pulled or built"], False

    def _decide_by(self, images: Mapping[str, Optional[str]]) -> None:
        self.reasons = up_to_date.reasons_to_deploy(self, images) if self.live else ["first deployment"]
        self.up_to_date = not self.reasons

    def require_kept(self) -> None:
        """Make the color that was kept stopped the one to deploy.

        :raises BluegreenError: none was kept, another one is meant, or not all of it can be brought back.
        """
        kept, last = kept_color(self.store), (history_of(self.store, 1) or [{}])[0]
        if not self.live or not kept or kept["color"] != self.idle:
            raise _nothing_kept(self.settings.app, last)
        deployment_kept_color.require_named(last, kept, self.params["release"])
        compared = snapshot_restore.compare(kept, self.containers[self.idle])
        label = release_label(kept["release"])
        if compared.replaced:
            raise BluegreenError(
                f"Containers of the kept color {self.idle} were replaced by others ({', '.join(compared.replaced)}): "
                f"deploy release {label} again instead."
            )
        self.found.add(snapshot_restore.image_findings(self.host, compared.missing))
        self.found.require_none()
        services, was_auto = self._services_of_kept(kept), self.settings.auto
        if not services["web"]:
            raise BluegreenError(
                f"The kept color {self.idle} has no container of web service {self.web} (bluegreen_web_services): name "
                f"the web service of release {label} there, or deploy release {label} again."
            )
        self.settings = self.settings._replace(services=services, auto=())
        if was_auto:
            self.settings = _settings.with_broker(self.settings, self.params)
        self.params["release"] = kept["release"]
        self.reasons = [f"back to release {label}, which was kept"]
        if compared.missing:
            names = ", ".join(described["name"] for described in compared.missing)
            self.reasons.append(f"created again, because they were removed: {names}")

    def _services_of_kept(self, kept: Mapping[str, Any]) -> dict[str, list[str]]:
        """The lists of services, without those that only the release that is live has."""
        there = {described["service"] for described in kept["containers"]}
        services = self.settings.services
        if self.settings.auto:
            services = last_roles.of_kept(self.settings, self.store, kept)
        own = {role: [name for name in services[role] if name in there] for role in ROLES}
        return {**services, **own, "workers": kept.get("workers", own["workers"])}

    # Nginx and the host

    def _check_nginx(self) -> bool:
        """Check whether Nginx can be switched, and is set up for it."""
        against = nginx_preflight.preflight(
            self.host, self.nginx, self._published_beside(), self.seen, switches=not self.up_to_date
        )
        if against and not self.live:
            # The correction may be to pass to the upstream, which has no server before the first deployment.
            adoption_preflight.warn_of_served(self)
        return not self.found.add(against)

    def _published_beside(self) -> dict[int, str]:
        """``{port: service}`` that the live color publishes, without the port that Nginx sends requests to."""
        if not self.live:
            return {}
        project, services = self.settings.projects[self.live], color_services(self.settings)
        ports = port_holders.published_by(self.host.engine, project, services)
        ports.pop(self.settings.ports[self.live], None)
        return ports

    def _warn_of_host(self, has_nginx: bool) -> None:
        if not guard_units.has_systemd():
            self.host.warn(guard_units.WITHOUT_SYSTEMD)
        asks = self._has_health_check and self.web and not self.kept
        answers = health_preflight.warning(self) if asks else ""
        if answers:
            self.host.warn(answers)
        if self.renderings.models and has_nginx:
            services, release = color_services(self.settings), self.params["release"]
            for sentence in served_files.find_warnings(
                self.host, self.seen, self.renderings.models, services, release
            ):
                self.host.warn(sentence)

    # The broker

    def _choose_broker_of_renderings(self) -> None:
        """Choose the broker by the Compose file, unless it may be, or be used by, a service without a role."""
        models = self.renderings.models
        if not models or self.roles and {"support", "workers"} & {*self.roles.likely.values()}:
            return
        with self.found.collected():
            self.settings = _settings.with_broker(self.settings, self.params)
            self._choose_broker({color: broker_detect.of_rendering(model) for color, model in models.items()})

    def _choose_kept_broker(self) -> None:
        """Choose by the containers, else by the lists of services: an open question must not prevent a rollback."""
        self.broker_reason = "by the lists of services"
        with contextlib.suppress(BluegreenError):
            self._choose_broker({self.live: broker_detect.of_containers(self.containers[self.live])})

    def _choose_broker(self, services: Mapping[str, Any]) -> None:
        mode = (self.params["broker"] or {}).get("mode") or "auto"
        given = self.settings.broker._replace(mode=mode)._asdict()
        choice = broker_detect.choose(given, self.settings.services, services)
        for sentence in choice.warnings:
            self.host.warn(sentence)
        self.broker_reason = choice.reason
        self.use_broker(mode=choice.mode, service=choice.service, url=choice.url)

    def _broker_findings(self) -> list[str]:
        live, workers = self.live_containers, {*self.settings.services["workers"], *self.old_workers}
        answer = broker_preflight.look(
            self.host,
            self.settings.broker,
            live,
            [each for each in live if each.service in workers],
            bool((self.params["broker"] or {}).get("url")),
            self.params.get("keep_keys") or (),
        )
        if answer.warning:
            self.host.warn(answer.warning)
        self.use_broker(url=answer.url)
        if live:
            for sentence in broker_preflight.look_beside(self.host, Color(self.host, self.settings, self.live)):
                self.host.warn(sentence)
            return [answer.finding] if answer.finding else []
        leftover = broker_preflight.leftover_finding(Color(self.host, self.settings, self.idle))
        return [leftover] if leftover else []


def _nothing_kept(app: str, last: Mapping[str, Any]) -> BluegreenError:
    before = last.get("release_from", "") if last.get("result") == "committed" else ""
    way = f" ({command('deploy', before)})" if before else ""
    return BluegreenError(
        f"Nothing to roll back: no deployment of app {app} is open, and no old color was kept. Deploy the earlier "
        f"release instead{way}, or set bluegreen_old_color: stopped to keep the old color from the next deployment on."
    )
