"""One host for all tests; after each of them nothing awaits approval there."""

from __future__ import annotations

import objects
import pytest
from fleet import Fleet


@pytest.fixture(scope="session", autouse=True)
def programs(lab_setup):
    lab_setup("venv-runner")


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    try:
        yield fleet
    finally:
        fleet.destroy()


@pytest.fixture(scope="session")
def configured(tmp_path_factory):
    ran = objects.configure(tmp_path_factory.mktemp("configured"))
    assert ran.rc == 0, ran.text
    return ran


@pytest.fixture(scope="session")
def deployed(host):
    """The host as its user has made it, with a first release."""
    for playbook in ("prepare", "deploy"):
        job = host.run(f"playbooks/{playbook}.yml", {"bluegreen_release": "1"})
        assert job.status == "successful", job.text
    return host


@pytest.fixture
def fleet(deployed):
    yield deployed
    if deployed.journal():
        job = deployed.run("playbooks/rollback.yml")
        assert job.status == "successful", job.text
    deployed.forget_jobs()
