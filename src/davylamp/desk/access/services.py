"""Accounts, postings, recusals and tokens, as an administrator keeps them.

An administrator makes accounts for others and never widens its own; what it gives reaches no further than its
own region and clearance.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.models import Duty, Posting, Recusal, Token, User
from davylamp.desk.access.policy import Forbidden, Holder
from davylamp.errors import DavylampError
from davylamp.tables.regions import region_of

MOST_TOKEN_DAYS: Final = 366  # judged: a key that nobody renews is one that nobody watches


class Refusal(DavylampError):
    """What an administrator may not do, or not like this."""


def create_account(
    holder: Holder, username: str, name: str, first: Posting, *, is_demo: bool = False
) -> tuple[User, str]:
    """A new account with its first posting (without user yet), and its first password, which is shown once.

    ``is_demo`` lets a command tell its second factor.

    Raises:
        Forbidden: E-ACC-403 outside the holder's region or above its clearance.
        Refusal: E-ACC-101 for a name that is taken or empty, and the errors of `add_posting`.
    """
    login = username.strip()
    if not login or not name.strip() or User.objects.filter(username=login).exists():
        raise Refusal("E-ACC-101", _("this account name is empty or taken"), _("choose another one"))
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user = User.objects.create_user(login[:64], password, name=name.strip()[:64], is_demo=is_demo)
        add_posting(holder, user, first)
    return user, password


def add_posting(holder: Holder, user: User, posting: Posting) -> Posting:
    """Post an account.

    Raises:
        Forbidden: E-ACC-403 outside the holder's region, above its clearance, or to the holder itself.
        Refusal: E-ACC-102 for an unknown region or duty, E-ACC-103 for a contact without an organisation.
    """
    if posting.duty not in Duty.values or region_of(posting.region_code) is None:
        raise Refusal("E-ACC-102", _("this duty or region is not known"), _("choose one from the list"))
    if posting.duty == Duty.CONTACT and not posting.organisation_code:
        raise Refusal("E-ACC-103", _("a contact belongs to an organisation"), _("choose the organisation"))
    if user.pk == holder.user_id:
        raise Forbidden("E-ACC-403", _("nobody widens their own account"), _("ask another administrator"))
    reach = Holder(holder.user_id, holder.label, holder.seats, scopes=holder.scopes)
    if not policy.can_create(reach, Posting, region_code=posting.region_code) or (
        posting.clearance > policy.clearance_of(holder)
    ):
        raise Forbidden(
            "E-ACC-403", _("this reaches further than your own posting"), _("ask an administrator above you")
        )
    posting.user = user
    posting.save(action="posting.create")
    return posting


def end_posting(holder: Holder, key: str, reason: str) -> Posting:
    """End a posting now; it stands in the history."""
    posting = policy.find(holder, Posting, pk=key, valid_to=None)
    policy.check(holder, "end", posting)
    posting.end(reason)
    return posting


def close_account(holder: Holder, key: str, reason: str) -> User:
    """Close an account: no login, no personal data; its name stays with its work (invariant 24).

    Raises:
        Refusal: E-ACC-104 without a reason or for the holder's own account.
    """
    user = policy.find(holder, User, pk=key, is_active=True)
    policy.check(holder, "close", user)
    if not reason.strip() or user.pk == holder.user_id:
        raise Refusal("E-ACC-104", _("an account is closed by someone else, with a reason"), _("say why"))
    with transaction.atomic():
        for posting in Posting.objects.filter(user=user, valid_to=None):
            posting.end(reason)
        for token in Token.objects.filter(user=user, revoked_at=None):
            _revoke(token, reason)
        user.close(reason)
    return user


def recuse(holder: Holder, user: User, organisation_code: str, reason: str) -> Recusal:
    """Note a tie between an account and an organisation (回避)."""
    if not policy.can_create(holder, Recusal, region_code=_own_region(holder)):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), "")
    if not organisation_code.strip() or not reason.strip():
        raise Refusal("E-ACC-105", _("a recusal names an organisation and a reason"), _("fill in both"))
    found = Recusal(user=user, organisation_code=organisation_code.strip(), reason=reason.strip()[:200])
    found.save(reason=reason)
    return found


def end_recusal(holder: Holder, key: str, reason: str) -> Recusal:
    """The tie is no more."""
    found = policy.find(holder, Recusal, pk=key, valid_to=None)
    policy.check(holder, "end", found)
    found.valid_to = timezone.now()
    found.save(action="recusal.end", reason=reason)
    return found


def issue_token(holder: Holder, user: User, name: str, scopes: Iterable[str], days: int) -> tuple[Token, str]:
    """A key to the API for an account, and its secret, which is shown once.

    Raises:
        Refusal: E-ACC-106 for a name, scope or life that cannot be.
    """
    if not policy.can_create(holder, Token, region_code=_own_region(holder)):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), "")
    wanted = [s for s in Token.SCOPES if s in set(scopes)]
    if not name.strip() or not wanted or not 1 <= days <= MOST_TOKEN_DAYS or not user.is_active:
        raise Refusal(
            "E-ACC-106",
            _("a token needs a name, a scope and a life of at most %(days)d days")
            % {"days": MOST_TOKEN_DAYS},
            _("fill them in"),
        )
    if user.pk == holder.user_id:
        raise Forbidden("E-ACC-403", _("nobody widens their own account"), _("ask another administrator"))
    return Token.issue(user, name.strip()[:64], wanted, timezone.now() + timedelta(days=days))


def revoke_token(holder: Holder, key: str, reason: str) -> Token:
    """The key opens nothing from now on."""
    token = policy.find(holder, Token, pk=key, revoked_at=None)
    policy.check(holder, "revoke", token)
    _revoke(token, reason)
    return token


def _revoke(token: Token, reason: str) -> None:
    token.revoked_at = timezone.now()
    token.save(action="token.revoke", reason=reason)


def change_language(user: User, code: str) -> None:
    """The language that the desk speaks to this account."""
    if user.language != code:
        user.language = code
        user.save(action="user.language")


def change_password(user: User, old: str, new: str) -> None:
    """A new password of one's own.

    Raises:
        Refusal: E-ACC-107 when the old one is wrong, E-ACC-108 when the new one is weak (it says why).
    """
    if not user.check_password(old):
        raise Refusal("E-ACC-107", _("the old password is not right"), _("type it again"))
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise Refusal("E-ACC-108", " ".join(error.messages), _("choose a longer one")) from error
    user.set_password(new)
    user.save(action="user.password")


def colleagues(
    holder: Holder, duties: Iterable[str], region_code: str, at: datetime | None = None
) -> QuerySet[User]:
    """Who could take an item of a region: accounts with a valid posting of one of the duties that reaches it.

    Names alone; an account may be chosen without being looked into.
    """
    if not holder.seats:
        return User.objects.none()
    now = at or timezone.now()
    above = sorted({region_code[:2] + "0000", region_code[:4] + "00", region_code})
    valid = Q(postings__valid_from__lte=now) & (Q(postings__valid_to=None) | Q(postings__valid_to__gt=now))
    reach = valid & Q(postings__duty__in=sorted(duties), postings__region_code__in=above)
    return User.objects.filter(reach, is_active=True).distinct().order_by("name")


def without_posting(rows: QuerySet[User]) -> QuerySet[User]:
    """Those accounts that may do nothing, because no posting of theirs is valid."""
    valid = Posting.objects.filter(Q(valid_to=None) | Q(valid_to__gt=timezone.now()), user=OuterRef("pk"))
    return rows.filter(~Exists(valid))


def _own_region(holder: Holder) -> str:
    return next((s.region_code for s in holder.seats if s.duty == Duty.ADMIN), "")
