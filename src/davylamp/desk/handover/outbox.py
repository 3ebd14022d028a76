"""Mail that tells nobody anything: "an item waits for you; log in". One per stage and person, sent once, tried again.

A message is a row first. Sending claims the row in a transaction of its own, so that two programs never send the same
one; a claim that was never finished is taken over after a while, and the message keeps its Message-ID.
"""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from davylamp.desk.access.models import Duty, Posting, User
from davylamp.desk.audit.record import take_turn
from davylamp.desk.handover.models import HandOver, Mail

CLAIM: Final = timedelta(minutes=10)  # judged: a mail server that takes longer has hung
WAITS: Final = tuple(
    timedelta(minutes=m) for m in (5, 30, 120, 480, 1440)
)  # judged: two days of a broken server


def queue(key: str, user: User) -> Mail | None:
    """Let a message wait; None when it was queued before."""
    with transaction.atomic():
        take_turn()
        full = f"{key}:{user.pk}"
        if Mail.objects.filter(key=full).exists():
            return None
        made = Mail(key=full, user=user, next_at=timezone.now())
        made.save(action="mail.queue")
    return made


def tell_contacts(hand_over: HandOver, stage: str) -> None:
    """A message for each contact of the recipient; a stage tells each of them once."""
    for user in contacts_of(hand_over.organisation_code):
        queue(f"handover:{hand_over.pk}:{stage}", user)


def contacts_of(organisation_code: str) -> list[User]:
    """Accounts that are posted as contacts of an organisation now."""
    return _posted(Q(duty=Duty.CONTACT, organisation_code=organisation_code))


def officers_of(region_code: str) -> list[User]:
    """Accounts that are posted as officers or approvers of exactly this region now."""
    return _posted(Q(duty__in=(Duty.OFFICER, Duty.APPROVER), region_code=region_code))


def _posted(who: Q) -> list[User]:
    now = timezone.now()
    spell = Q(valid_from__lte=now) & (Q(valid_to=None) | Q(valid_to__gt=now))
    keys = Posting.objects.filter(who & spell).values_list("user_id", flat=True)
    return list(User.objects.filter(pk__in=keys, is_active=True).order_by("username"))


def send_waiting(limit: int = 500) -> dict[str, int]:
    """Send what is due.

    Returns:
        how many were sent, failed and given up.
    """
    told = {"sent": 0, "failed": 0, "given_up": 0}
    for _place in range(limit):
        mail = _claim()
        if mail is None:
            break
        told[_send(mail)] += 1
    return told


def _claim() -> Mail | None:
    """The next message that is due and nobody else is sending."""
    now = timezone.now()
    with transaction.atomic():
        take_turn()
        free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM)
        due = Mail.objects.select_for_update().filter(free, status="waiting", next_at__lte=now)
        mail = due.order_by("next_at").first()
        if mail is not None:
            mail.claimed_at, mail.attempts = now, mail.attempts + 1
            mail.save()
    return mail


def _send(mail: Mail) -> str:
    user = mail.user
    outcome, fault = "sent", ""
    if not user.is_active or not user.email:
        outcome, fault = "given_up", "no address"
    else:
        try:
            message_of(mail, user).send()
        except Exception as error:  # noqa: BLE001 - whatever the mail server does, the row must say so and be tried again
            outcome, fault = "failed", type(error).__name__
    if outcome == "failed" and mail.attempts > len(WAITS):
        outcome = "given_up"
    with transaction.atomic():
        mail.fault, mail.claimed_at = fault, None
        if outcome == "failed":
            mail.next_at = timezone.now() + WAITS[mail.attempts - 1]
        else:
            mail.status = outcome
            mail.sent_at = timezone.now() if outcome == "sent" else None
        mail.save(action=f"mail.{outcome}")
    return outcome


def message_of(mail: Mail, user: User) -> EmailMessage:
    """The same words for everybody: no address, no name, no number."""
    with translation.override(user.language or settings.LANGUAGE_CODE):
        subject = _("An item waits for you")
        text = _(
            "An item waits for you in the desk. Log in to see it. This message holds no details on purpose."
        )
    name = hashlib.sha256(mail.key.encode()).hexdigest()[:32]
    return EmailMessage(subject, text, to=[user.email], headers={"Message-ID": f"<{name}@davylamp>"})


def queue_all(key: str, users: Iterable[User]) -> list[Any]:
    """Let a message wait for each."""
    return [mail for user in users if (mail := queue(key, user)) is not None]
