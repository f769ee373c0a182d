# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook as a user runs it, on a fleet of hosts that are files.

Real: ansible-rulebook with its rule engine, the rulebooks and the event source of this checkout, ansible-runner,
ansible-playbook, answer_webhook.yml, HTTP. Stand-ins: the deployment (standin/deploy.yml, by the rulebook's own variable
webhook_playbook) and what a host shows of it (standin/bg_info.py), because hosts with Docker would take minutes.
tests/system/fleet runs it without these, on hosts that have all.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
import uuid

from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
VENV = os.path.join(ROOT, ".venv-eda", "bin")
SECRET = "0123456789abcdef0123456789abcdef"
HOSTS = ("pi1", "pi2")
REPOSITORY = "example/shop"
FREE = {"deployment": None, "history": []}


class Service:
    """One state folder with the rulebook that is run on it, again and again if need be."""

    def __init__(self, folder, rulebook="github_push", options=(), inventory=None, collections_path=None, **variables):
        self.folder, self.rulebook, self.options = str(folder), rulebook, options
        self.collections_path = collections_path or collections(self.folder)
        self.log_path = os.path.join(self.folder, "rulebook.log")
        self.port = free_port()
        self.process = None
        self.variables = {
            "webhook_port": self.port,
            "webhook_secret_file": self.write("secret", SECRET),
            "webhook_state_folder": os.path.join(self.folder, "state"),
            "webhook_repository": REPOSITORY,
            "webhook_interval": 1,
            "webhook_playbook": os.path.join(HERE, "standin", "deploy.yml"),
            **variables,
        }
        self.inventory = inventory or self.write_inventory()

    # Files

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def write_inventory(self):
        folder = os.path.join(self.folder, "inventory")
        os.makedirs(folder)
        local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": f"{VENV}/python"}
        names = {"bluegreen_app": "{{ inventory_hostname }}"}
        text = json.dumps({"all": {"hosts": dict.fromkeys(HOSTS), "vars": {**local, **names}}})
        self.write(os.path.join("inventory", "hosts.yml"), text)
        self.write("broken", "")
        for host in HOSTS:
            self.show(host, FREE)
        return folder

    def show(self, host, shown):
        """What bg_info shows of a host from now on; nothing: the host cannot be asked."""
        path = os.path.join(self.folder, f"{host}.json")
        if shown is None:
            os.remove(path)
        else:
            self.write(f"{host}.json.new", json.dumps(shown))
            os.replace(f"{path}.new", path)

    def decide(self, result):
        """A human's finish.yml or rollback.yml on every host."""
        for host in HOSTS:
            with open(os.path.join(self.folder, f"{host}.json"), encoding="utf-8") as file:
                deployment = json.load(file)["deployment"]
            if deployment:
                self.show(host, {"deployment": None, "history": [{"release": deployment["release"], "result": result}]})

    # The process

    def start(self):
        variables = self.write("webhook.yml", json.dumps(self.variables))
        env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
        env.update(
            PATH=os.pathsep.join([VENV, env["PATH"]]),
            LC_ALL="C.UTF-8",
            EDA_JOB_TEMPLATE_REFRESH_DELAY="1",
            ANSIBLE_COLLECTIONS_PATH=self.collections_path,
            BLUEGREEN_TEST_FOLDER=self.folder,
        )
        argv = [f"{VENV}/ansible-rulebook", "--rulebook", f"smallfleet.bluegreen.{self.rulebook}"]
        argv += ["--inventory", self.inventory, "--vars", variables, *self.options]
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def listening(self):
        self.wait_for("Listening on", since=len(self.log()))
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)

    # What it did

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def lines(self, text):
        return [line for line in self.log().splitlines() if text in line]

    def wait_for(self, text, count=1, since=0, seconds=60):
        limit = time.monotonic() + seconds
        while self.log()[since:].count(text) < count:
            if time.monotonic() > limit:
                raise AssertionError(f"not {count} times {text!r} within {seconds} s in:\n{self.log()}")
            if self.process.poll() is not None and self.log()[since:].count(text) < count:
                raise AssertionError(f"ended with {self.process.returncode} before {text!r}:\n{self.log()}")
            time.sleep(0.1)

    def record(self):
        """The deployments, as their playbook wrote them down."""
        try:
            with open(os.path.join(self.folder, "record.jsonl"), encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []

    def deployed(self):
        """The releases in the order in which they began on the first host."""
        return [entry["release"] for entry in self.record() if entry["what"] == "begin" and entry["host"] == HOSTS[0]]

    # GitHub's side

    def send(self, body, headers, path="/github"):
        """(status, text) of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def push(self, commit, **changes):
        body = payload(commit, **changes)
        return self.send(body, headers_of(body))


def payload(commit, **changes):
    return json.dumps({
        "ref": "refs/heads/main", "after": commit, "deleted": False, "repository": {"full_name": REPOSITORY}, **changes,
    }).encode()


def headers_of(body, secret=SECRET, event="push", delivery=None, **changes):
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    headers.update(changes)
    return {name: value for name, value in headers.items() if value is not None}


def commit(number):
    """A commit that ansible-rulebook would take for a number, 1e111…, and an endless one at that."""
    return f"{number:012d}e{'1' * 27}"



def collections(folder):
    """This checkout as a collection, all of it by links but bg_info."""
    top = os.path.join(folder, "collections", "ansible_collections", "smallfleet", "bluegreen")
    if not os.path.exists(top):
        modules = os.path.join(top, "plugins", "modules")
        os.makedirs(modules)
        for level in ("", "plugins", os.path.join("plugins", "modules")):
            for name in os.listdir(os.path.join(ROOT, level)):
                if not name.startswith(".") and not os.path.exists(os.path.join(top, level, name)):
                    os.symlink(os.path.join(ROOT, level, name), os.path.join(top, level, name))
        os.remove(os.path.join(modules, "bg_info.py"))
        shutil.copy(os.path.join(HERE, "standin", "bg_info.py"), modules)
    return os.path.join(folder, "collections")
