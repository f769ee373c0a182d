"""What configure.yml asks AWX for is worked out once, for all tests."""

from __future__ import annotations

import objects
import pytest


@pytest.fixture(scope="session")
def configured(tmp_path_factory):
    ran = objects.configure(tmp_path_factory.mktemp("configured"))
    assert ran.rc == 0, ran.text
    return ran
