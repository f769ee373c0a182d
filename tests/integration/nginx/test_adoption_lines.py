# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that adopt a running app, written into a real Nginx: the app is asked, and answers, as before."""

from __future__ import annotations

import http.client
import http.server
import threading

import pytest
from adoption_steps import Line, written

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import adoption_routes
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import upstream_text
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.running import Seen

PATHS = ("/app/x", "/app/", "/x")


class Asked(http.server.BaseHTTPRequestHandler):
    """Redirects to an absolute address, as older frameworks do, and says what it was asked."""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", f"http://{self.headers['Host']}{self.path}/next")
        self.send_header("X-Asked", f"{self.headers['Host']} {self.path} {self.headers['A']}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def port():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked) as app:
        threading.Thread(target=app.serve_forever, daemon=True).start()
        yield app.server_port
        app.shutdown()


def answers(lab):
    found = []
    for path in PATHS:
        client = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=5)
        client.request("GET", path, headers={"Host": "shop.example.org"})
        answer = client.getresponse()
        found.append((answer.status, answer.headers["Location"], answer.headers["X-Asked"]))
        client.close()
    return found


@pytest.mark.parametrize(
    "site",
    [
        "location / { proxy_pass http://127.0.0.1:PORT; }",
        "location / { proxy_pass http://localhost:PORT; }",
        "location /app/ { proxy_pass http://127.0.0.1:PORT/; }",
        "location /app/ { proxy_pass http://127.0.0.1:PORT/in/; }",
        "location / { proxy_pass http://app; }",
        "location / { proxy_set_header Host $host; proxy_pass http://127.0.0.1:PORT; }",
        "proxy_set_header A b; location / { proxy_pass http://127.0.0.1:PORT; }",
        "proxy_set_header A 'b c'; location / { proxy_pass http://127.0.0.1:PORT; } location /app/ { proxy_pass "
        "http://app; }",
        "proxy_set_header Host $host; location / { proxy_set_header A b; proxy_pass http://127.0.0.1:PORT; }",
        "location / { proxy_set_header Host $proxy_host; proxy_pass http://127.0.0.1:PORT; }",
        "proxy_redirect off; location / { proxy_pass http://127.0.0.1:PORT; }",
        "location / { proxy_pass http://127.0.0.1:PORT$request_uri; }",
        "location / { set $up http://127.0.0.1:PORT; proxy_pass $up; }",
    ],
)
def test_the_app_notices_nothing(host, lab, port, site):
    lab.write("app", f"upstream app {{ server 127.0.0.1:{port}; least_conn; }}\n")
    lab.site(site.replace("PORT", str(port)))
    lab.reload()
    before = answers(lab)
    # What prepare.yml writes.
    lab.owned.write_text(upstream_text.render("shop", "blue", {"blue": f"127.0.0.1:{port}", "green": "127.0.0.1:9"}))
    lines: list = []
    for way in adoption_routes.of_seen(Seen(host, lab.settings)).to((port,)):
        lines += [line for line in way.through("shop") if line not in lines]
    file = lab.folder / "conf.d" / "site.conf"
    assert {line.place.rpartition(":")[0] for line in lines} == {str(file)}
    steps = [Line(str(file), int(line.place.rpartition(":")[2]), line.new, line.old) for line in lines]
    lab.write("site", written(file.read_text(), steps))
    lab.reload()
    ways = adoption_routes.of_seen(Seen(host, lab.settings))
    assert {way.upstream for way in ways.to((port,))} == {"shop"}
    assert answers(lab) == before
