# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for AWX, whose server is on no registry: the four requests by which ansible-rulebook runs a workflow."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

TEMPLATE = {
    "id": 7, "type": "workflow_job_template", "name": "shop release",
    "summary_fields": {"organization": {"name": "Shop"}},
    "related": {"launch": "/api/v2/workflow_job_templates/7/launch/"},
    "ask_limit_on_launch": False, "ask_labels_on_launch": False, "ask_inventory_on_launch": False,
    # As awx/configure.yml makes it: a survey asks for the release.
    "ask_variables_on_launch": False,
}


class AWX:
    def __init__(self):
        self.launched = []  # what each workflow was started with
        self.statuses = []  # how each of them is

    def get(self, path, query):
        if path == "/api/v2/config/":
            return {"version": "24.6.1"}
        if path == "/api/v2/unified_job_templates/":
            return {"results": [TEMPLATE] if query["name"] == [TEMPLATE["name"]] else [], "next": None}
        if path == "/api/v2/workflow_jobs/":
            numbers = map(int, query["id__in"][0].split(","))
            return {"results": [self._job(number) for number in numbers]}
        return None

    def post(self, path, body):
        if path != TEMPLATE["related"]["launch"]:
            return None
        self.launched.append(body)
        self.statuses.append("running")
        return self._job(len(self.launched))

    def _job(self, number):
        url = f"/api/v2/workflow_jobs/{number}/"
        return {"id": number, "url": url, "status": self.statuses[number - 1], "created": "2026-11-25T20:00:00Z"}


@contextmanager
def running():
    """(AWX, its address)"""
    awx = AWX()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            self.reply(awx.get(parts.path, parse_qs(parts.query)))

        def do_POST(self):
            self.reply(awx.post(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def reply(self, answer):
            body = json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield awx, f"http://127.0.0.1:{server.server_port}/api/"
    finally:
        server.shutdown()
        server.server_close()
