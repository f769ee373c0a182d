# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import adoption, adoption_routes
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS

SRC = "/srv/shop"
FILE = "/etc/nginx/conf.d/bluegreen-shop.conf"
SITE = "/etc/nginx/conf.d/site.conf"
HEADER = "proxy_set_header Host $host; "


def settings(projects=None, ports=None, **nginx):
    colors = {color: {} for color in ("blue", "green")}
    for color in colors:
        colors[color] = {"project": (projects or {}).get(color), "port": (ports or {}).get(color)}
    return _settings.settings_of({"app": "shop", "colors": colors, "services": LISTS, "nginx": nginx, "broker": {}})


def summary(project="shop", service="web", port=8000, folder=SRC, state="running", **labels):
    return {
        "Names": [f"/{project}-{service}-1"],
        "State": state,
        "Labels": {
            "com.docker.compose.project": project,
            "com.docker.compose.service": service,
            "com.docker.compose.project.working_dir": folder,
            **labels,
        },
        # As the engine gives it: once for IPv4 and once for IPv6.
        "Ports": [{"PublicPort": port, "PrivatePort": 8000}] * 2 if port else [{"PrivatePort": 8000}],
    }


def ways_of(site="", other=""):
    files = {
        "/etc/nginx/nginx.conf": "http { include conf.d/*.conf; }",
        SITE: site,
        "/etc/nginx/conf.d/own.conf": other,
    }
    return adoption_routes.of_files(files)


def passing(to="http://127.0.0.1:8000"):
    return ways_of(f"server {{ {HEADER}\n location / {{\n proxy_pass {to}; }} }}")


# Recognizing


@pytest.mark.parametrize(
    "seen, projects",
    [
        ([summary()], ["shop"]),
        ([summary(), summary()], ["shop"]),
        ([summary("shop"), summary("blog", folder="/srv/blog")], ["shop", "blog"]),
        ([summary(state="exited")], []),
        ([summary(state="restarting")], []),
        ([summary(service="db")], []),
        ([{**summary(), "Labels": {}}], []),
        ([{**summary(), "Labels": None}], []),
        ([{**summary(), "Names": None, "Ports": None}], ["shop"]),
        ([{"Id": "4f"}], []),
        ([summary(**{"com.docker.compose.oneoff": "True"})], []),
    ],
)
def test_apps_are_projects_whose_web_runs(seen, projects):
    assert [app.project for app in adoption.running_apps(seen, "web", SRC)] == projects


@pytest.mark.parametrize(
    "folder, files, own",
    [
        ("/srv/shop", "", True),
        ("/srv/shop/", "", True),
        ("/home/pi", "/srv/shop/compose.yml", True),
        ("/home/pi", "/home/pi/a.yml,/srv/shop/compose.yml", True),
        ("/srv/shop2", "/srv/shop2/compose.yml", False),
        ("", "", False),
    ],
)
def test_an_app_is_our_own_by_its_folder(folder, files, own):
    seen = summary(folder=folder, **{"com.docker.compose.project.config_files": files})
    (app,) = adoption.running_apps([seen], "web", SRC)
    assert (app.own, app.ports, app.names) == (own, (8000,), {("shop-web-1", 8000)})


def recognized(seen, given, ways=adoption_routes.NONE):
    return adoption.recognize(adoption.running_apps(seen, "web", SRC), given, ways)


@pytest.mark.parametrize(
    "seen, given, expected",
    [
        # By its folder, by its project, by its port.
        ([summary()], {}, ("shop", "blue", 8000)),
        ([summary("shop-green", port=18002, folder="/")], {}, ("shop-green", "green", 18002)),
        ([summary("shop-green", port=8000, folder="/")], {}, ("shop-green", "green", 8000)),
        ([summary(folder="/", port=18002)], {}, ("shop", "green", 18002)),
        ([summary(folder="/")], {}, None),
        # A part of what is to be said was said already.
        ([summary()], {"projects": {"blue": "x", "green": "shop"}}, ("shop", "green", 8000)),
        ([summary()], {"ports": {"blue": 8001, "green": 8000}}, ("shop", "green", 8000)),
        ([summary(port=0)], {}, ("shop", "blue", 0)),
    ],
)
def test_the_app_its_color_and_its_port(seen, given, expected):
    found = recognized(seen, settings(**given))
    assert (found and (found.app.project, found.color, found.port)) == expected


def test_what_nginx_serves_comes_first():
    seen = [summary("a-try", port=9000), summary("prod", port=8000, folder="/")]
    given = settings(ports={"blue": 8000, "green": 8001})
    assert recognized(seen, given).app.project == "a-try"
    assert recognized(seen, given, passing()).app.project == "prod"


def test_of_several_ports_the_one_that_nginx_asks():
    two = {**summary(), "Ports": [{"PublicPort": port, "PrivatePort": port} for port in (5555, 8000)]}
    assert recognized([two], settings()).port == 5555
    assert recognized([two], settings(), passing()).port == 8000
    assert recognized([two], settings(ports={"blue": 8000, "green": 8001})).port == 8000


# The lines to write


@pytest.mark.parametrize(
    "seen, given, taken, lines",
    [
        (
            summary(),
            {},
            [],
            ["bluegreen_projects: {blue: shop, green: shop-green}", "bluegreen_ports: {blue: 8000, green: 18002}"],
        ),
        (summary(), {"projects": {"blue": "shop"}}, [], ["bluegreen_ports: {blue: 8000, green: 18002}"]),
        (summary(), {"projects": {"blue": "shop"}, "ports": {"blue": 8000}}, [], []),
        (summary("shop-blue"), {}, [18002, 18003], ["bluegreen_ports: {blue: 8000, green: 18004}"]),
        (
            summary(),
            {"projects": {"blue": "shop-green", "green": "shop"}},
            [],
            ["bluegreen_ports: {blue: 18001, green: 8000}"],
        ),
        (
            summary(port=18002),
            {"projects": {"blue": "shop", "green": "other"}},
            [],
            ["bluegreen_ports: {blue: 18002, green: 18003}"],
        ),
    ],
)
def test_only_the_variables_that_are_missing_are_to_be_written(seen, given, taken, lines):
    given = settings(**given)
    found = recognized([seen], given)
    upstream = adoption.upstream_of(found, given, adoption_routes.NONE)
    assert adoption.variables(found, given, upstream, lambda port: port in taken) == lines


@pytest.mark.parametrize(
    "to, other, given, expected",
    [
        ("http://127.0.0.1:8000", "", {}, ("shop", FILE, False)),
        # The user's own upstream, in a file that could be written anew, or in one that could not.
        ("http://app", "upstream app { server 127.0.0.1:8000; }", {}, ("app", "/etc/nginx/conf.d/own.conf", True)),
        ("http://app", "upstream app { server 127.0.0.1:8000; ip_hash; }", {}, ("shop", FILE, False)),
        ("http://app", "upstream app { server 127.0.0.1:8000; }", {"container": "nginx"}, ("shop", FILE, False)),
        # Its name is taken.
        ("http://shop", "upstream shop { server 127.0.0.1:8000; ip_hash; }", {}, ("shop_live", FILE, False)),
        ("http://shop", "upstream shop { server 127.0.0.1:8000; }", {}, ("shop", "/etc/nginx/conf.d/own.conf", True)),
    ],
)
def test_the_upstream_to_go_by(to, other, given, expected):
    given = settings(**given)
    ways = ways_of(f"server {{ location / {{ proxy_pass {to}; }} }}", other)
    assert tuple(adoption.upstream_of(recognized([summary()], given, ways), given, ways)) == expected


# The finding


def finding(seen, ways, by_hand=False, **given):
    given = settings(**given)
    return adoption.finding(recognized([seen], given, ways), given, ways, SRC, lambda port: False, by_hand)


def test_a_served_app_is_adopted_by_variables_and_a_line():
    assert finding(summary(), passing()) == (
        f"Project shop runs the app of {SRC} already (shop-web-1 publishes port 8000), and Nginx sends requests to it "
        f"({SITE}:3), but {FILE} names no live color: leave the app running, and adopt it as blue.\n"
        "1. Write into the inventory:\n"
        "bluegreen_projects: {blue: shop, green: shop-green}\n"
        "bluegreen_ports: {blue: 8000, green: 18002}\n"
        "2. Run ansible-playbook smallfleet.bluegreen.prepare with bluegreen_prepare_server_block: false, since your "
        f"own server block stays. The playbook writes blue as the live color into {FILE}, and does not reload Nginx.\n"
        f"3. At {SITE}:3 write\n"
        "proxy_pass http://shop;\n"
        "in place of proxy_pass http://127.0.0.1:8000;\n"
        "4. Check and reload Nginx: nginx -t && systemctl reload nginx\n"
        "Then deploy again."
    )


def test_with_an_upstream_of_the_users_own_nginx_stays_as_it_is():
    ways = ways_of("server { location / { proxy_pass http://app; } }", "upstream app { server 127.0.0.1:8000; }")
    assert finding(summary(), ways).split("\n", 1)[1] == (
        "1. Write into the inventory:\n"
        "bluegreen_projects: {blue: shop, green: shop-green}\n"
        "bluegreen_ports: {blue: 8000, green: 18002}\n"
        "bluegreen_nginx_upstream: app\n"
        "bluegreen_nginx_file: /etc/nginx/conf.d/own.conf\n"
        "Then deploy again."
    )


ADOPTED = {"projects": {"blue": "shop"}, "ports": {"blue": 8000}}


@pytest.mark.parametrize(
    "ways, by_hand, given, said, unsaid",
    [
        # What is written already is not asked for again.
        (
            passing(),
            False,
            ADOPTED,
            ["1. Run ansible-playbook smallfleet.bluegreen.prepare", "2. At "],
            ["inventory", "stop"],
        ),
        (
            passing("http://shop"),
            False,
            ADOPTED,
            [
                "nothing in the Nginx configuration sends requests",
                "1. Run ansible-playbook smallfleet.bluegreen.prepare",
                "2. Check and reload",
            ],
            ["server block"],
        ),
        (
            passing("http://10.0.0.9:8000"),
            False,
            ADOPTED,
            ["In the server block of this app write proxy_pass http://shop;"],
            ["At "],
        ),
        (
            passing(),
            True,
            ADOPTED,
            [f"1. Write this and nothing else into {FILE} (", "upstream shop { server 127.0.0.1:8000; }"],
            ["Run ansible-playbook"],
        ),
        (
            passing(),
            False,
            {"container": "edge"},
            ["docker exec edge nginx -t && docker exec edge nginx -s reload"],
            ["systemctl"],
        ),
        # To stop it is said only of what Nginx is known not to serve.
        (adoption_routes.NONE, False, ADOPTED, ["If nobody uses it any more", "docker compose -p shop stop"], []),
        (
            adoption_routes.UNKNOWN,
            False,
            {},
            [
                "it is unknown whether Nginx sends requests to it (the Nginx configuration uses a variable, or is "
                "broken)",
                "If you are sure that Nginx does not use port 8000, stop it",
            ],
            ["nobody uses it"],
        ),
    ],
)
def test_what_is_said(ways, by_hand, given, said, unsaid):
    text = finding(summary(), ways, by_hand, **given)
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []


@pytest.mark.parametrize("name", ["shop-web-1", "web"])
def test_an_nginx_in_a_container_goes_by_the_names_of_containers(name):
    text = finding(summary(), passing(f"http://{name}:8000"), container="edge")
    assert 'bluegreen_nginx_servers: {blue: "shop-web-1:8000", green: "shop-green-web-1:8000"}\n' in text
    given = {"container": "edge", "servers": {"blue": "shop-web-1:8000", "green": "shop-green-web-1:8000"}}
    assert "bluegreen_nginx_servers" not in finding(summary(), passing(f"http://{name}:8000"), **given)
    # On the host such a name is another one's.
    assert finding(summary(), passing(f"http://{name}:8000")) == ""


def test_the_name_that_the_app_is_asked_by_is_kept():
    ways = ways_of("server { location / {\nproxy_pass http://127.0.0.1:8000; } }")
    assert (
        f"3. At {SITE}:2 write\n"
        "proxy_pass http://shop; proxy_set_header Host 127.0.0.1:8000; proxy_redirect http://127.0.0.1:8000/ /;\n"
        "in place of proxy_pass http://127.0.0.1:8000;\n"
    ) in finding(summary(), ways)
    ways = ways_of("server { proxy_set_header A b;\nlocation / { proxy_pass http://127.0.0.1:8000; } }")
    assert "proxy_pass http://shop; proxy_set_header Host 127.0.0.1:8000; proxy_set_header A b; proxy_redirect " in (
        finding(summary(), ways)
    )


@pytest.mark.parametrize(
    "port, words",
    [
        (80, "publishes port 80, but a color needs one that is 1024 or higher: at a quiet time, publish a port such "),
        (0, "publishes no port, but a color needs one"),
    ],
)
def test_what_has_no_port_for_a_color_cannot_be_adopted(port, words):
    ways = passing(f"http://127.0.0.1:{port}" if port else "http://shop-web-1:8000")
    text = finding(summary(port=port), ways, container="" if port else "edge")
    assert words in text and "\n" not in text and " stop" not in text


def test_what_runs_beside_the_colors_stops_nothing():
    given = settings()
    found = recognized([summary()], given)
    assert finding(summary(), adoption_routes.NONE) == ""
    assert adoption.beside(found, SRC) == (
        f"Project shop runs from {SRC} too (shop-web-1), beside the two colors, and nothing in the Nginx configuration "
        "sends requests to it: if it is this app, started by hand earlier, its workers keep working until you stop it."
    )


def test_a_file_that_leads_to_a_running_app_is_right_and_the_settings_are_not():
    (app,) = adoption.running_apps([summary()], "web", SRC)
    assert adoption.of_file(app, "", 8000, settings(), lambda port: False) == (
        f"{FILE} sends requests to port 8000, which shop-web-1 of project shop publishes, but no color has this "
        "project and this port: leave the app running, and make it blue, the live color. Write into the inventory:\n"
        "bluegreen_projects: {blue: shop, green: shop-green}\n"
        "bluegreen_ports: {blue: 8000, green: 18002}\n"
        "Then deploy again."
    )


@pytest.mark.parametrize(
    "places, words",
    [
        (
            ["/a.conf:3", "/a.conf:9"],
            "Nginx sends requests to port 18002 of that project (/a.conf:3, /a.conf:9): leave the project running, ",
        ),
        ([], "it is unknown whether Nginx sends requests to its port 18002 ("),
    ],
)
def test_an_idle_color_that_nginx_serves_is_not_simply_stopped(places, words):
    text = adoption.served_idle("green", "shop-green", 18002, places, settings())
    assert text.startswith(f"According to {FILE}, color green is idle, but project shop-green runs, and {words}")
