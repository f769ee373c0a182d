"""What configure.yml asks AWX for is worked out once, for all tests; tests/system/awx goes on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "system" / "awx"))

import objects  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="session")
def configured(tmp_path_factory):
    ran = objects.configure(tmp_path_factory.mktemp("configured"))
    assert ran.rc == 0, ran.text
    return ran
