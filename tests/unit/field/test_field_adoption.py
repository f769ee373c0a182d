"""tests/system/field/adoption_steps.py: what the plan says of a running app, done to the letter."""

from __future__ import annotations

import adoption_steps
import pytest
import yaml
from adoption_steps import Line

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import adoption, adoption_routes
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS

SITE = """\
upstream app { server localhost:8000; least_conn; }
server {
    location / {
        proxy_pass http://app;
    }
    location /ws/ {
        proxy_set_header Host $host;
        proxy_pass http://127.0.0.1:8000;
    }
}
"""


def finding():
    """The sentence as the plan has it."""
    labels = {"project": "shop", "service": "web", "project.working_dir": "/srv/shop"}
    seen = {
        "Names": ["/shop-web-1"],
        "State": "running",
        "Labels": {f"com.docker.compose.{name}": value for name, value in labels.items()},
        "Ports": [{"PublicPort": 8000, "PrivatePort": 8000}],
    }
    settings = _settings.settings_of({"app": "shop", "colors": {}, "services": LISTS, "nginx": {}, "broker": {}})
    ways = adoption_routes.of_files({"/etc/nginx/nginx.conf": "http { include site.conf; }", "/etc/nginx/site.conf": SITE})
    found = adoption.recognize(adoption.running_apps([seen], "web", "/srv/shop"), settings, ways)
    return adoption.finding(found, settings, ways, "/srv/shop", lambda port: False, False)


@pytest.mark.parametrize(
    "shown",
    [
        lambda text: yaml.safe_dump({"fatal": {"msg": text}}, default_style="|"),
        lambda text: f"[ERROR]: Task failed: {text}\nOrigin: /srv/x",
    ],
    ids=["yaml", "as it is"],
)
def test_the_steps_are_read_as_they_are_shown(shown):
    steps = adoption_steps.steps_in(shown(finding()))
    assert steps.variables == {
        "bluegreen_projects": {"blue": "shop", "green": "shop-green"},
        "bluegreen_ports": {"blue": 8000, "green": 18002},
    }
    assert (steps.prepare, steps.reload) == (True, "nginx -t && systemctl reload nginx")
    assert [(line.number, line.new) for line in steps.lines] == [
        (4, "proxy_pass http://shop; proxy_set_header Host app; proxy_redirect http://app/ /;"),
        (8, "proxy_pass http://shop;"),
    ]


def test_the_lines_are_written_where_they_belong():
    text = adoption_steps.written(SITE, adoption_steps.steps_in(finding()).lines)
    assert text.splitlines()[3] == "        proxy_pass http://shop; proxy_set_header Host app; proxy_redirect http://app/ /;"
    assert text.splitlines()[7] == "        proxy_pass http://shop;"
    again = adoption_routes.of_files({"/etc/nginx/nginx.conf": "http { include site.conf; }", "/etc/nginx/site.conf": text})
    assert again.to((8000,)) == []


def test_a_line_that_is_not_there_is_not_guessed():
    with pytest.raises(ValueError, match="line 1 is"):
        adoption_steps.written(SITE, [Line("/etc/nginx/site.conf", 1, "b;", "a;")])
