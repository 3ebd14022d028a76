"""The time that figures stand for: now, or a day that is past, from the address."""

from datetime import date, datetime, time, timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.core.workflow import Refused


def as_of_in(request: HttpRequest) -> datetime | None:
    """The end of the day that ``?at=2021-09-08`` names; None for now.

    Raises:
        Refused: E-STA-003 for what is no day.
    """
    return end_of_day(request.GET.get("at", "").strip())


def end_of_day(text: str) -> datetime | None:
    """Midnight after the day, in the desk's zone; None for an empty text and for today and later."""
    if not text:
        return None
    try:
        wanted = date.fromisoformat(text)
        ends = timezone.make_aware(datetime.combine(wanted + timedelta(days=1), time()))
    except (ValueError, OverflowError) as error:
        raise Refused("E-STA-003", _("this is no day"), _("write it as 2021-09-08")) from error
    return ends if ends < timezone.now() else None
