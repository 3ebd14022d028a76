"""Accounts, organisations and leads for the desk's tests."""

import itertools
from datetime import UTC, datetime
from functools import wraps

from davylamp.desk.access.models import Clearance, Duty, Posting, User
from davylamp.desk.access.policy import holder_of
from davylamp.desk.audit.context import Actor, acting
from davylamp.desk.registry.models import Organisation

_COUNT = itertools.count(1)
TESTER = Actor("system", "tests", "tests", "command")
T0 = datetime(2021, 7, 5, 2, 0, tzinfo=UTC)
HANGZHOU, NINGBO, XIHU, PROVINCE = "330100", "330200", "330106", "330000"


def as_tester(function):
    """Everything inside is the tests' doing."""

    @wraps(function)
    def inner(*args, **kwargs):
        with acting(TESTER):
            return function(*args, **kwargs)

    return inner


@as_tester
def person(duty=Duty.ANALYST, region=PROVINCE, organisation="", clearance=Clearance.CONFIDENTIAL, name=None):
    """A new account with one posting."""
    n = next(_COUNT)
    user = User.objects.create_user(f"user{n}", "correct horse battery", name=name or f"Person {n}")
    if duty:
        post(user, duty, region, organisation, clearance)
    return user


@as_tester
def post(user, duty, region=PROVINCE, organisation="", clearance=Clearance.CONFIDENTIAL):
    """One more posting."""
    posting = Posting(
        user=user, duty=duty, region_code=region, organisation_code=organisation, clearance=clearance
    )
    posting.save()
    return posting


@as_tester
def organisation(code=None, region=XIHU, parent="", name=None, sector="education"):
    """A new organisation."""
    n = next(_COUNT)
    found = Organisation(
        code=code or f"ORG{n:04d}",
        name=name or f"单位 {n}",
        region_code=region,
        parent_code=parent,
        sector=sector,
    )
    found.save()
    return found


def holder(user):
    """The policy's view of an account, now."""
    return holder_of(user)
