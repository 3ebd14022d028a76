"""Accounts, duties, ties and tokens by command: what each does, what it refuses, and that the audit tells it."""

import json

import pytest
from django_otp import user_has_device
from django_otp.plugins.otp_totp.models import TOTPDevice
from typer.testing import CliRunner

from davylamp.cli.app import app
from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty, Posting, Recusal, Token, User
from davylamp.desk.access.second_factor import demonstration_code
from davylamp.desk.audit.models import AuditEvent
from davylamp.errors import DavylampError
from desk.people import HANGZHOU, holder, person

RUNNER = CliRunner()


def desk(*words):
    """``davylamp desk ...``; its stdout, or its error raised."""
    done = RUNNER.invoke(app, ["desk", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_new_account_logs_in_with_the_password_that_was_printed_and_holds_its_duty():
    told = json.loads(
        desk("user", "add", "wang", "--name", "王芳", "--duty", "officer", "--region", HANGZHOU, "-f", "json")
    )
    user = User.objects.get(username="wang")
    assert user.check_password(told["password"])
    assert (user.name, user.is_demo) == ("王芳", False)
    assert [(s.duty, s.region_code) for s in holder(user).seats] == [("officer", HANGZHOU)]
    assert told["password"] not in " ".join(AuditEvent.objects.values_list("changes", flat=True))
    assert AuditEvent.objects.latest("seq").actor_label.startswith("command line, ")


def test_the_first_administrator_is_made_by_command():
    desk("user", "add", "root", "--name", "管理员", "--duty", "admin", "--clearance", "3")
    admin = holder(User.objects.get(username="root"))
    assert policy.can_create(admin, Posting, region_code="330106")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--duty", "king"], "E-ACC-102"),
        (["--duty", "officer", "--region", "999999"], "E-ACC-102"),
        (["--duty", "officer", "--region", "320100"], "E-ACC-102"),
        (["--duty", "contact"], "E-ACC-103"),
    ],
)
def test_an_account_that_cannot_be_leaves_nothing(words, code):
    with pytest.raises(DavylampError, match=code):
        desk("user", "add", "x", "--name", "x", *words)
    assert not User.objects.exists()


def test_the_list_shows_names_duties_and_no_personal_data():
    user = person(Duty.OFFICER, HANGZHOU, name="李雷")
    user.phone = "13800001111"
    user.save()
    desk("user", "close", user.username, "--reason", "left")
    other = person(Duty.ANALYST)
    rows = [json.loads(line) for line in desk("user", "list", "-f", "json").splitlines()]
    assert {r["account"]: (r["duties"], r["state"]) for r in rows} == {
        user.username: ("", "closed"),
        other.username: ("analyst 330000", "open"),
    }
    assert "13800001111" not in desk("user", "list")


def test_closing_an_account_ends_its_duties_and_tokens():
    user = person()
    desk("token", "issue", user.username, "--name", "s", "--scope", "read")
    desk("user", "close", user.username, "--reason", "调离")
    assert not Posting.objects.filter(valid_to=None).exists()
    assert Token.objects.get().revoked_at is not None
    assert AuditEvent.objects.filter(action="user.close").get().reason == "调离"


def test_a_duty_is_added_and_ended():
    user = person(None)
    key = desk("posting", "add", user.username, "--duty", "leader").strip()
    assert holder(user).duties == {"leader"}
    listed = json.loads(desk("posting", "list", user.username, "-f", "json"))
    assert listed["id"] == key
    desk("posting", "end", key, "--reason", "moved")
    assert holder(user).duties == frozenset()


def test_a_tie_is_noted_and_ended():
    user = person()
    key = desk("recusal", "add", user.username, "ORG1", "--reason", "配偶任职").strip()
    assert holder(user).recused == {"ORG1"}
    desk("recusal", "end", key, "--reason", "no more")
    assert Recusal.objects.get().valid_to is not None


def test_a_token_s_secret_opens_until_it_is_revoked_and_is_kept_nowhere():
    user = person()
    told = json.loads(
        desk(
            "token",
            "issue",
            user.username,
            "--name",
            "s",
            "--scope",
            "read",
            "--scope",
            "intake",
            "-f",
            "json",
        )
    )
    token = Token.find(told["secret"])
    assert token is not None
    assert token.scopes == ["intake", "read"]
    assert told["secret"] not in desk("token", "list", "-f", "json")
    desk("token", "revoke", told["id"], "--reason", "lost")
    assert Token.find(told["secret"]) is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["token", "issue", "nobody", "--name", "x", "--scope", "read"], "E-DSK-004"),
        (["token", "revoke", "nonsense", "--reason", "x"], "E-DSK-005"),
        (["token", "revoke", "00000000-0000-0000-0000-000000000000", "--reason", "x"], "E-ACC-404"),
        (["user", "close", "nobody", "--reason", "x"], "E-DSK-004"),
        (["posting", "end", "nonsense", "--reason", "x"], "E-DSK-005"),
    ],
)
def test_what_is_not_there_is_told_with_a_code(words, code):
    with pytest.raises(DavylampError, match=code):
        desk(*words)


def test_a_scope_that_is_none_is_refused_and_not_left_out():
    user = person()
    with pytest.raises(DavylampError, match="E-DSK-006"):
        desk("token", "issue", user.username, "--name", "x", "--scope", "read", "--scope", "wriet")
    assert not Token.objects.exists()


def test_the_code_of_a_demonstration_account_lets_it_in_twice_in_a_row_and_no_third_time():
    desk("user", "add", "demo", "--name", "x", "--duty", "analyst", "--demo")
    user = User.objects.get(username="demo")
    for _ in range(2):
        digits = desk("code", "demo").strip()
        assert len(digits) == 6
        assert TOTPDevice.objects.get(user=user).verify_token(digits)
    assert user_has_device(user)
    assert AuditEvent.objects.filter(action="user.second_factor_told").count() == 1


def test_nobody_else_s_code_is_told():
    user = person()
    with pytest.raises(DavylampError, match="E-ACC-109"):
        demonstration_code(user)
    assert not TOTPDevice.objects.exists()
