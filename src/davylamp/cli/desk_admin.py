"""``davylamp desk user``, ``posting``, ``recusal``, ``token`` and ``code``: who may come in, kept at the machine.

Whoever may run these commands owns the desk's folder and database already. Each change leaves its audit row with the
login name of the machine. Secrets are printed once, on stdout.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from davylamp.cli.desk import Format, desk

if TYPE_CHECKING:
    from davylamp.desk.access.models import Posting, User
    from davylamp.desk.access.policy import Holder

WIDE = 400  # columns where nobody looks: a file or a pipe
user = typer.Typer(help="Accounts.", no_args_is_help=True)
posting = typer.Typer(help="Duties of accounts: what, where, until when.", no_args_is_help=True)
recusal = typer.Typer(help="Ties between accounts and organisations (回避).", no_args_is_help=True)
token = typer.Typer(help="Keys of other systems to the API.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="Login name.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit.")]
Key = Annotated[str, typer.Argument(help="The id that the list shows.")]
Duty = Annotated[
    str,
    typer.Option(help="analyst, officer, approver, contact, inspector, leader, auditor or admin."),
]
Region = Annotated[
    str | None, typer.Option(help="Region code (GB/T 2260), with all below; the province when absent.")
]
Organisation = Annotated[str, typer.Option(help="Code of the organisation, of a contact.")]
Clearance = Annotated[int, typer.Option(min=0, max=3, help="0 open, 1 internal, 2 confidential, 3 secret.")]
Output = Annotated[Format, typer.Option("--format", "-f", help="What to print.")]


def add_to(app: typer.Typer) -> None:
    """Hang the groups and commands of this file under ``davylamp desk``."""
    for name, group in (("user", user), ("posting", posting), ("recusal", recusal), ("token", token)):
        app.add_typer(group, name=name)
    app.command("code")(code)


def _holder() -> "Holder":
    """Who sits at the machine: an administrator of the whole province."""
    from django.conf import settings

    from davylamp.desk.access.models import Clearance as Level
    from davylamp.desk.access.models import Duty as Duties
    from davylamp.desk.access.policy import Holder, Seat

    seat = Seat(Duties.ADMIN.value, settings.PROVINCE, "", Level.SECRET.value)
    return Holder(None, "command line", (seat,))


def _account(name: str) -> "User":
    from davylamp.desk.access.models import User
    from davylamp.desk.access.policy import Hidden, find
    from davylamp.errors import BadUse

    try:
        return find(_holder(), User, username=name)
    except Hidden as error:
        raise BadUse(
            "E-DSK-004", f"there is no account {name!r}", "davylamp desk user list names them"
        ) from error


def _posting(duty: str, region: str | None, organisation: str, clearance: int, basis: str) -> "Posting":
    from django.conf import settings

    from davylamp.desk.access.models import Posting

    return Posting(
        duty=duty,
        region_code=region or settings.PROVINCE,
        organisation_code=organisation,
        clearance=clearance,
        basis=basis,
    )


def _key(text: str) -> str:
    from uuid import UUID

    from davylamp.errors import BadUse

    try:
        return str(UUID(text))
    except ValueError as error:
        raise BadUse("E-DSK-005", f"{text!r} is no id", "copy it from the list") from error


def _show(rows: Sequence[Mapping[str, Any]], output: Format) -> None:
    """Rows as a table, or as JSON lines."""
    if output is Format.json:
        import orjson

        for row in rows:
            sys.stdout.buffer.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else str(v) for v in row.values()))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _tell(row: Mapping[str, Any], output: Format) -> None:
    """One row, a line for each field, so that a secret is never broken in two."""
    if output is Format.json:
        _show([row], output)
        return
    for name, value in row.items():
        typer.echo(f"{name:<10}{value}")


@user.command("add")
def add_user(
    account: Account,
    name: Annotated[str, typer.Option(help="The person's name, as it stands under documents.")],
    duty: Duty,
    region: Region = None,
    organisation: Organisation = "",
    clearance: Clearance = 1,
    basis: Annotated[str, typer.Option(help="The order that posted them.")] = "",
    demo: Annotated[
        bool, typer.Option("--demo", help="A demonstration account, whose codes can be told.")
    ] = False,
    output: Output = Format.table,
) -> None:
    """Make an account with its first duty, and print its first password."""
    with desk():
        from davylamp.desk.access.services import create_account

        first = _posting(duty, region, organisation, clearance, basis)
        made, password = create_account(_holder(), account, name, first, is_demo=demo)
        _tell({"account": made.username, "name": made.name, "password": password}, output)


@user.command("close")
def close_user(account: Account, reason: Reason) -> None:
    """Close an account: no login, no personal data; its name stays with its work."""
    with desk():
        from davylamp.desk.access.services import close_account

        closed = close_account(_holder(), str(_account(account).pk), reason)
        typer.echo(f"{closed.username} closed", err=True)


@user.command("list")
def list_users(output: Output = Format.table) -> None:
    """All accounts and what they are posted to."""
    with desk():
        from davylamp.desk.access.models import Posting, User
        from davylamp.desk.access.policy import visible

        who = _holder()
        held: dict[Any, list[str]] = {}
        for one in visible(who, Posting).filter(valid_to=None).order_by("duty", "region_code"):
            held.setdefault(one.user_id, []).append(
                " ".join((one.duty, one.region_code, one.organisation_code)).strip()
            )
        rows = [
            {
                "account": u.username,
                "name": u.name,
                "duties": "; ".join(held.get(u.pk, [])),
                "state": "closed" if u.closed_at else "demonstration" if u.is_demo else "open",
            }
            for u in visible(who, User).order_by("username")
        ]
        _show(rows, output)


@posting.command("add")
def add_posting(
    account: Account,
    duty: Duty,
    region: Region = None,
    organisation: Organisation = "",
    clearance: Clearance = 1,
    basis: Annotated[str, typer.Option(help="The order that posted them.")] = "",
) -> None:
    """Give an account one more duty, and print its id."""
    with desk():
        from davylamp.desk.access.services import add_posting as post

        made = post(_holder(), _account(account), _posting(duty, region, organisation, clearance, basis))
        typer.echo(str(made.pk))


@posting.command("end")
def end_posting(key: Key, reason: Reason) -> None:
    """End a duty now; it stands in the history."""
    with desk():
        from davylamp.desk.access.services import end_posting as end

        end(_holder(), _key(key), reason)


@posting.command("list")
def list_postings(account: Account, output: Output = Format.table) -> None:
    """The duties of an account, ended ones too."""
    with desk():
        from davylamp.desk.access.models import Posting
        from davylamp.desk.access.policy import visible

        rows = [
            {
                "id": str(p.pk),
                "duty": p.duty,
                "region": p.region_code,
                "organisation": p.organisation_code,
                "clearance": p.clearance,
                "from": p.valid_from.isoformat(timespec="seconds"),
                "to": p.valid_to.isoformat(timespec="seconds") if p.valid_to else None,
            }
            for p in visible(_holder(), Posting).filter(user=_account(account)).order_by("valid_from")
        ]
        _show(rows, output)


@recusal.command("add")
def add_recusal(
    account: Account,
    organisation: Annotated[str, typer.Argument(help="Code of the organisation.")],
    reason: Reason,
) -> None:
    """Note a tie: the account sees and does nothing there. Prints its id."""
    with desk():
        from davylamp.desk.access.services import recuse

        typer.echo(str(recuse(_holder(), _account(account), organisation, reason).pk))


@recusal.command("end")
def end_recusal(key: Key, reason: Reason) -> None:
    """The tie is no more."""
    with desk():
        from davylamp.desk.access.services import end_recusal as end

        end(_holder(), _key(key), reason)


@token.command("issue")
def issue_token(
    account: Account,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="intake, read or write; may be repeated.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it is in force.")] = 90,
    output: Output = Format.table,
) -> None:
    """Issue a token of an account, and print its secret, which is kept nowhere."""
    with desk():
        from davylamp.desk.access.models import Token
        from davylamp.desk.access.services import issue_token as issue
        from davylamp.errors import BadUse

        strange = sorted(set(scope) - set(Token.SCOPES))
        if strange:
            raise BadUse("E-DSK-006", f"no scope {', '.join(strange)}", f"one of {', '.join(Token.SCOPES)}")
        made, secret = issue(_holder(), _account(account), name, scope, days)
        expires = made.expires_at.isoformat(timespec="seconds")
        _tell({"id": str(made.pk), "secret": secret, "expires": expires}, output)


@token.command("revoke")
def revoke_token(key: Key, reason: Reason) -> None:
    """The token opens nothing from now on."""
    with desk():
        from davylamp.desk.access.services import revoke_token as revoke

        revoke(_holder(), _key(key), reason)


@token.command("list")
def list_tokens(output: Output = Format.table) -> None:
    """All tokens: whose, what for, in force until when, last used when."""
    with desk():
        from davylamp.desk.access.models import Token
        from davylamp.desk.access.policy import visible

        rows = [
            {
                "id": str(t.pk),
                "account": t.user.username,
                "name": t.name,
                "scopes": " ".join(t.scopes),
                "expires": t.expires_at.isoformat(timespec="seconds"),
                "used": t.used_at.isoformat(timespec="seconds") if t.used_at else None,
                "revoked": t.revoked_at.isoformat(timespec="seconds") if t.revoked_at else None,
            }
            for t in visible(_holder(), Token).select_related("user").order_by("expires_at")
        ]
        _show(rows, output)


def code(account: Account) -> None:
    """Print the six digits that a demonstration account would read off its authenticator; no other account's."""
    with desk():
        from davylamp.desk.access.second_factor import demonstration_code

        typer.echo(demonstration_code(_account(account)))
