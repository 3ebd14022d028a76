"""Every desk test may use the database, and acts as the tests unless it says otherwise."""

import pytest

from davylamp.desk.audit.context import acting
from desk.people import TESTER


@pytest.fixture(autouse=True)
def _desk(db):
    with acting(TESTER):
        yield
