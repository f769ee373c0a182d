# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for AWX, whose server is on no registry: as much of its API as the modules of awx.awx use for configure.yml.

Objects are kept as they are given, beside the defaults of AWX 24.6.1 that a module compares with. Roles, associations,
surveys, project updates and the templates of approval nodes are there; permissions are not.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

API = "/api/v2/"
# What AWX gives a new object of that kind by itself.
DEFAULTS = {
    "inventories": {"kind": "", "host_filter": None, "variables": "", "description": ""},
    "hosts": {"enabled": True, "variables": "", "description": ""},
    "projects": {"scm_update_on_launch": False, "scm_revision": "", "credential": None, "status": "pending"},
    "job_templates": {"limit": "", "extra_vars": "---", "survey_enabled": False},
    "workflow_job_templates": {"limit": "", "extra_vars": "---", "survey_enabled": False},
    "execution_environments": {"credential": None, "pull": ""},
    "workflow_job_template_nodes": {"unified_job_template": None, "all_parents_must_converge": False},
}
ROLES = {
    "teams": ("admin_role", "member_role", "read_role"),
    "job_templates": ("admin_role", "execute_role", "read_role"),
    "workflow_job_templates": ("admin_role", "execute_role", "read_role", "approval_role"),
}
# What can be added to an object of that kind, and which kind of objects that is.
ASSOCIATIONS = {
    "inventories": {"hosts": "hosts"},
    "job_templates": {"credentials": "credentials", "instance_groups": "instance_groups"},
    "organizations": {"galaxy_credentials": "credentials"},
    "roles": {"users": "users", "teams": "teams"},
    "teams": {"users": "users"},
    "workflow_job_template_nodes": dict.fromkeys(("success_nodes", "failure_nodes"), "workflow_job_template_nodes"),
}
NAMED_BY = {"users": "username", "workflow_job_template_nodes": "identifier"}
UNIFIED = ("projects", "job_templates", "workflow_job_templates")


class AWX:
    def __init__(self, users=(), credentials=()):
        self.objects = {}  # {address: object}
        self.members = {}  # {address of an association: [ids]}
        self.surveys = {}  # {address: survey}
        self.git_answers = True  # whether a sync of a project succeeds
        self._number = 0
        for name in users:
            self._make("users", {"username": name})
        for name in credentials:
            self._make("credentials", {"name": name})

    # -- for tests -------------------------------------------------------------------------------

    def one(self, kind, name):
        (found,) = [each for each in self._all(kind) if each[NAMED_BY.get(kind, "name")] == name]
        return found

    def names(self, kind):
        return sorted(each[NAMED_BY.get(kind, "name")] for each in self._all(kind))

    def team(self, name):
        """Names of its members."""
        ids = self.members.get(f"{API}teams/{self.one('teams', name)['id']}/users/", [])
        return sorted(each["username"] for each in self._all("users") if each["id"] in ids)

    def after(self, identifier, how):
        """Steps of the workflow that follow on a step."""
        node = self.one("workflow_job_template_nodes", identifier)
        ids = self.members.get(f"{node['url']}{how}_nodes/", [])
        return sorted(each["identifier"] for each in self._all("workflow_job_template_nodes") if each["id"] in ids)

    # -- the API ---------------------------------------------------------------------------------

    def get(self, path, query):
        if path in self.objects:
            return 200, self.objects[path]
        if path.endswith("/survey_spec/"):
            return 200, self.surveys.get(path, {})
        parts = path.removeprefix(API).strip("/").split("/")
        if len(parts) == 1:
            kinds = UNIFIED if parts[0] == "unified_job_templates" else parts
            return 200, _page(each for kind in kinds for each in self._all(kind) if self._matches(each, query))
        kind = ASSOCIATIONS[parts[0]][parts[2]]
        if kind == "hosts":
            return 200, _page(each for each in self._all("hosts") if str(each["inventory"]) == parts[1])
        ids = self.members.get(path, [])
        return 200, _page(each for number in ids for each in self._all(kind) if each["id"] == number)

    def post(self, path, body):
        parts = path.removeprefix(API).strip("/").split("/")
        if len(parts) == 1:
            return 201, self._make(parts[0], body)
        if parts[-1] == "survey_spec":
            self.surveys[path] = body
            return 200, {}
        if parts[-1] == "update":
            return 202, self._sync(self.objects[f"{API}projects/{parts[1]}/"])
        if parts[-1] == "create_approval_template":
            made = self._make("workflow_approval_templates", body)
            node = self.objects[f"{API}workflow_job_template_nodes/{parts[1]}/"]
            node["unified_job_template"] = made["id"]
            node["related"]["unified_job_template"] = made["url"]
            return 201, made
        _known = ASSOCIATIONS[parts[0]][parts[2]]
        members = self.members.setdefault(path, [])
        if body.get("disassociate"):
            members.remove(body["id"])
        else:
            members.append(body["id"])
        return 204, None

    def patch(self, path, body):
        found = self.objects[path]
        # Like AWX, which ignores what is not a field of the object.
        changed = any(found.get(name) != value for name, value in body.items() if name.startswith("scm_"))
        found.update({name: value for name, value in body.items() if name in found or path.startswith(f"{API}projects/")})
        if changed and path.startswith(f"{API}projects/"):
            self._sync(found)
        return 200, found

    def delete(self, path):
        del self.objects[path]
        return 204, None

    # -- how it is kept --------------------------------------------------------------------------

    def _all(self, kind):
        return [each for path, each in self.objects.items() if path.startswith(f"{API}{kind}/")]

    def _make(self, kind, given):
        self._number += 1
        number, url = self._number, f"{API}{kind}/{self._number}/"
        roles = {}
        for name in ROLES.get(kind, ()):
            self._number += 1
            roles[name] = {"id": self._number}
            if (kind, name) == ("teams", "member_role"):
                # The same association under two addresses.
                self.members[f"{API}roles/{self._number}/users/"] = self.members.setdefault(f"{url}users/", [])
        related = {name: f"{url}{name}/" for name in ("survey_spec", "update")}
        if template := given.get("unified_job_template"):
            related["unified_job_template"] = next(path for path, each in self.objects.items() if each["id"] == template)
        made = {
            **DEFAULTS.get(kind, {}), **given, "id": number, "url": url, "type": kind.rstrip("s"),
            "related": related, "summary_fields": {"object_roles": roles},
        }
        self.objects[url] = made
        if kind == "projects":
            self._sync(made)
        return made

    def _sync(self, project):
        made = self._make("project_updates", {
            "name": project["name"], "status": "successful" if self.git_answers else "failed", "failed": not self.git_answers,
            "finished": "2026-11-30T06:00:00Z", "event_processing_finished": True, "scm_revision": "0" * 40,
        })
        project.update(status=made["status"], scm_revision=made["scm_revision"] if self.git_answers else "")
        project["summary_fields"]["current_update"] = {"id": made["id"]}
        return made

    def _matches(self, each, query):
        kind = each["url"].split("/")[3]
        wanted = {name: values[0] for name, values in query.items()}
        for name, value in wanted.items():
            if name == "organization__name":
                organization = self.objects.get(f"{API}organizations/{each.get('organization')}/", {})
                if organization.get("name") != value:
                    return False
            elif name in ("name", "username", "identifier"):
                if each.get(NAMED_BY.get(kind, "name")) != value:
                    return False
            elif str(each.get(name)) != value:
                return False
        return True


def _page(objects):
    found = list(objects)
    return {"count": len(found), "next": None, "previous": None, "results": found}


@contextmanager
def running(**made_before):
    """(AWX, its address)"""
    awx = AWX(**made_before)
    with served(awx) as address:
        yield awx, address


@contextmanager
def served(awx):
    """The address at which an object answers whose methods are called as HTTP's, and return status and content.

    A KeyError of theirs is a 404.
    """

    class Handler(BaseHTTPRequestHandler):
        def answer(self, method):
            parts = urlsplit(self.path)
            # A page of the API ends with a slash, also where a lookup leaves it out.
            path = f"{parts.path.rstrip('/')}/"
            length = int(self.headers["Content-Length"] or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            given = {"get": [parse_qs(parts.query)], "delete": []}.get(method, [body])
            try:
                status, given = getattr(awx, method)(path, *given)
            except KeyError as error:
                status, given = 404, {"detail": f"{method} {path}: {error}"}
            text = b"" if given is None else json.dumps(given).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self.answer("get")

        def do_POST(self):
            self.answer("post")

        def do_PATCH(self):
            self.answer("patch")

        def do_DELETE(self):
            self.answer("delete")

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
