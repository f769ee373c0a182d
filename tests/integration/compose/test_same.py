# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same release again: for every way to give an environment, the hash that is compared is the one that Compose wrote
on the containers, and it is another one as soon as the environment is.
"""

from __future__ import annotations

import pytest

# By name: the files of a project, the version of Compose that first knows the form, and a file with another value.
FORMS = {
    "environment": (
        {"compose.yml": 'services: {web: {image: IMAGE, environment: {A: "1", B: "${BG_RELEASE}"}}}'},
        (2, 22),
        {"compose.yml": 'services: {web: {image: IMAGE, environment: {A: "2", B: "${BG_RELEASE}"}}}'},
    ),
    "env_file": (
        {
            "compose.yml": "services: {web: {image: IMAGE, env_file: app.env}, worker: {image: IMAGE, env_file: "
            "app.env, environment: {B: own}}}",
            "app.env": "A=1\nB='x y'\n# C=3\n",
        },
        (2, 22),
        {"app.env": "A=2\nB='x y'\n# C=3\n"},
    ),
    "several env_files": (
        {
            "compose.yml": "services: {web: {image: IMAGE, env_file: [a.env, b.env]}}",
            "a.env": "A=1\nB=1\n",
            "b.env": "B=2\n",
        },
        (2, 22),
        {"b.env": "B=3\n"},
    ),
    "dollars in an env_file": (
        {
            "compose.yml": "services: {web: {image: IMAGE, env_file: app.env}}",
            "app.env": "A='$x ${y}'\nB='$$x'\nC=\"\\$z\"\nD=\"$BG_RELEASE\"\n",
        },
        (2, 22),
        {"app.env": "A='$x ${z}'\nB='$$x'\nC=\"\\$z\"\nD=\"$BG_RELEASE\"\n"},
    ),
    "an env_file that need not be there": (
        {
            "compose.yml": "services: {web: {image: IMAGE, env_file: [{path: none.env, required: false}, app.env]}}",
            "app.env": "A=1\n",
        },
        (2, 24),
        {"none.env": "B=1\n"},
    ),
    "a raw env_file": (
        {"compose.yml": "services: {web: {image: IMAGE, env_file: [{path: a.env, format: raw}]}}", "a.env": "A='$x'\n"},
        (2, 30),
        {"a.env": "A='$y'\n"},
    ),
    ".env": (
        {"compose.yml": 'services: {web: {image: IMAGE, environment: [A, "B=${B:-none}"]}}', ".env": "A=1\nB=2\n"},
        (2, 22),
        {".env": "A=1\nB=3\n"},
    ),
    "secrets of files": (
        {
            "compose.yml": "services: {web: {image: IMAGE, secrets: [key, {source: key, target: other, mode: 0440}]}}\n"
            "secrets: {key: {file: ./key}}",
            "key": "k",
        },
        (2, 22),
        {"compose.yml": "services: {web: {image: IMAGE, secrets: [key]}}\nsecrets: {key: {file: ./key}}"},
    ),
    "secrets of the environment": (
        {
            "compose.yml": "services: {web: {image: IMAGE, secrets: [key], env_file: app.env}}\n"
            "secrets: {key: {environment: KEY}}",
            ".env": "KEY='a$$b'\n",
            "app.env": "A=1\n",
        },
        (2, 22),
        {"app.env": "A=2\n"},
    ),
    "configs with content": (
        {
            "compose.yml": "services: {web: {image: IMAGE, configs: [{source: conf, target: /etc/x}], env_file: "
            "app.env}}\n"
            'configs: {conf: {content: "a ${BG_RELEASE} $$x"}}',
            "app.env": "A=1\n",
        },
        (2, 24),
        {"app.env": "A=2\n"},
    ),
    "build args": (
        {
            "compose.yml": 'services: {web: {image: IMAGE, build: {context: ., args: {A: "1"}}, env_file: app.env}}',
            "Dockerfile": "FROM scratch\n",
            "app.env": "A=1\n",
        },
        (2, 22),
        {"app.env": "A=2\n"},
    ),
    "profiles": (
        {
            "compose.yml": "services: {web: {image: IMAGE, profiles: [used], env_file: app.env}, other: {image: IMAGE, "
            "profiles: [unused]}}",
            "app.env": "A=1\n",
        },
        (2, 22),
        {"app.env": "A=2\n"},
    ),
    "dollars in the Compose file": (
        {
            "compose.yml": 'services: {web: {image: IMAGE, environment: {A: "$$x $${y} $$$$"}, command: [sh, -c, "echo '
            '$$HOME"], labels: {l: "$$z"}, env_file: app.env}}',
            "app.env": "B=1\n",
        },
        (2, 22),
        {"app.env": "B=2\n"},
    ),
    "extends and include": (
        {
            "compose.yml": "include: [sub/redis.yml]\nservices: {web: {extends: {file: base.yml, service: base}}}",
            "base.yml": "services: {base: {image: IMAGE, env_file: app.env, volumes: ['./d:/d']}}",
            "sub/redis.yml": "services: {redis: {image: IMAGE, env_file: app.env, volumes: ['./d:/d']}}",
            "sub/app.env": "A=1\n",
            "app.env": "A=2\n",
        },
        (2, 22),
        {"sub/app.env": "A=3\n"},
    ),
    "dependencies": (
        {
            "compose.yml": "services: {web: {image: IMAGE, env_file: app.env, depends_on: [redis, db]}, redis: {image: "
            "IMAGE}, db: {image: IMAGE}, worker: {image: IMAGE, depends_on: {redis: {condition: service_started, "
            "restart: true}}}}",
            "app.env": "A=1\n",
        },
        (2, 22),
        {"app.env": "A=2\n"},
    ),
    "what containers share": (
        {
            "compose.yml": "services: {redis: {image: IMAGE}, web: {image: IMAGE, network_mode: 'service:redis', "
            "env_file: app.env}, "
            "worker: {image: IMAGE, pid: 'service:redis', ipc: 'service:redis', volumes_from: [redis, 'web:ro']}}",
            "app.env": "A=1\n",
        },
        (2, 22),
        {"app.env": "A=2\n"},
    ),
    "much else": (
        {
            "compose.yml": """
services:
  web:
    image: IMAGE
    ports: ["127.0.0.1:${BG_PORT}:80", "90"]
    healthcheck: {test: [CMD, "true"], interval: 3s, start_period: 1m}
    deploy: {replicas: 1, resources: {limits: {memory: 64M, cpus: "0.5"}}, restart_policy: {condition: any}}
    volumes: ["data:/data", "./x:/x:ro", "/anonymous", {type: tmpfs, target: /t}]
    networks: {default: {aliases: [w]}}
    ulimits: {nofile: {soft: 100, hard: 200}}
    logging: {driver: json-file, options: {max-size: 10m}}
    stop_grace_period: 1m30s
    extra_hosts: ["h:198.51.100.4"]
    tmpfs: [/run]
    cap_drop: [ALL]
    devices: ["/dev/null:/dev/x"]
    environment: {EMPTY: "", UNSET: , NUMBER: 5, FRACTION: 1.50, WORD: "true"}
    env_file: app.env
    entrypoint: /bin/x "a b"
    labels: ["l=v", "m"]
    pull_policy: never
    init: true
    x-note: {a: 1}
    user: "1000:1000"
    shm_size: 64m
volumes: {data: {}}
""",
            "app.env": "A=1\nexport B=2\nC=${A}x\nD='two\nlines'\nEMPTY\n",
            "x": "",
        },
        (2, 22),
        {"app.env": "A=1\nexport B=2\nC=${A}y\nD='two\nlines'\nEMPTY\n"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_hash_is_the_one_on_the_containers(compose, form):
    files, since, other = FORMS[form]
    if compose.version < since:
        pytest.skip("this Compose does not know it")
    compose.write(files)
    # Some services by name, as the role names those that are not ignored.
    services = sorted(set(compose.rendered()["services"]) - {"db"})
    created, hashes = compose.create(*services), compose.hashes(services)
    assert {service: hashes[service] for service in created} == {
        service: container.config_hash for service, container in created.items()
    }
    # The same without a run of Compose, which the oldest version is always asked for.
    assert compose.proved(services) == (created.keys() if compose.version >= (2, 26) else set())
    compose.write(other)
    assert compose.hashes(services) != hashes
    assert compose.proved(services) < created.keys()
