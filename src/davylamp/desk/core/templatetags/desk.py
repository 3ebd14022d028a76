"""Filters and tags that all pages share: times, deadlines, numbers with their doubt, states, verdicts."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from davylamp.records import Interval
from davylamp.report.numbers import DASH, decimals, rate_parts
from davylamp.tables.regions import region_of

register = template.Library()
SOON: Final = timedelta(hours=24)  # judged: one working day is what still lets one act
TIERS: Final = {"confirmed": 3, "probable": 2, "suspected": 1, "not_observable": 0}
DONE: Final = frozenset({"closed", "merged", "completed", "archived", "revoked", "ended"})


@register.filter
def when(value: datetime | None) -> str:
    """A time in the desk's zone, to the minute."""
    return "" if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M}"


@register.filter
def day(value: datetime | None) -> str:
    """A day in the desk's zone."""
    return "" if value is None else f"{timezone.localtime(value):%Y-%m-%d}"


@register.filter
def age(value: datetime | None) -> str:
    """How long ago, or how long still, in the largest unit that says enough."""
    if value is None:
        return ""
    seconds = (timezone.now() - value).total_seconds()
    words = span(abs(seconds))
    return _("%(span)s ago") % {"span": words} if seconds >= 0 else _("in %(span)s") % {"span": words}


def span(seconds: float) -> str:
    """A duration in days, hours or minutes."""
    if seconds >= 86_400:
        count = int(seconds // 86_400)
        return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
    if seconds >= 3600:
        count = int(seconds // 3600)
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    count = int(seconds // 60)
    return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}


@register.simple_tag
def deadline(due: datetime | None, is_done: bool = False) -> str:
    """Until when: the time first, then the word for it; never a color alone."""
    if due is None:
        return format_html('<span class="quiet">{}</span>', _("no deadline"))
    if is_done:
        return format_html('<time class="quiet">{}</time>', when(due))
    left = due - timezone.now()
    kind, word = (
        ("late", _("overdue"))
        if left < timedelta(0)
        else ("soon", _("due soon"))
        if left < SOON
        else ("fine", _("on time"))
    )
    template_ = '<time datetime="{}">{}</time> <span class="{}">{}</span> <span class="quiet small">{}</span>'
    return format_html(template_, due.isoformat(), when(due), kind, word, age(due))


@register.simple_tag
def unknown(why: str = "") -> str:
    """The word for what is not known, and why: never blank, never 0."""
    return format_html(
        '<span class="unknown" title="{}">{}</span>', why or _("no record tells"), _("unknown")
    )


def _figure(parts: tuple[str, str], grade: str = "") -> str:
    estimate, spread = parts
    around = format_html(' <span class="spread">({})</span>', spread) if spread else ""
    mark = (
        format_html(' <span class="grade" title="{}">{}</span>', _("grade of the estimate"), grade)
        if grade
        else ""
    )
    return format_html('<span class="figure">{}{}{}</span>', estimate, around, mark)


def three(value: float) -> str:
    """A number (>= 0) with three significant digits, thousands separated; a whole number as it is."""
    rounded = float(f"{value:.3g}") if value != int(value) or value >= 100_000 else value
    return f"{rounded:,.{0 if rounded == int(rounded) else decimals(rounded)}f}"


@register.simple_tag
def figure(
    low: float | None,
    value: float | None,
    high: float | None,
    unit: str = "",
    grade: str = "",
    why: str = "",
) -> str:
    """Estimate, interval, unit, grade, never apart; the word for unknown, with why, where there is none."""
    if value is None:
        return unknown(why)
    low, high = value if low is None else low, value if high is None else high
    spread = "" if low == high else f"{three(low)}{DASH}{three(high)}"
    return _figure((f"{three(value)} {unit}".rstrip(), spread), grade)


@register.simple_tag
def hashrate(item: Any, why: str = "") -> str:
    """The hashrate of a lead or an observation with its interval, in the unit of its algorithm."""
    if item.hashrate_hps is None:
        return unknown(why or _("no share was seen, so no work can be counted"))
    low = item.hashrate_hps if item.hashrate_low is None else item.hashrate_low
    high = item.hashrate_hps if item.hashrate_high is None else item.hashrate_high
    return _figure(rate_parts(Interval(low, item.hashrate_hps, high), item.algorithm))


@register.simple_tag
def state(item: Any) -> str:
    """Where an item stands, as a badge."""
    kind = "done" if item.state in DONE else "open"
    return format_html('<span class="badge {}">{}</span>', kind, item.get_state_display())


@register.simple_tag
def tier(item: Any) -> str:
    """How sure the lamp is: a word, and steps beside it."""
    steps = TIERS.get(item.tier, 0)
    marks = "".join(f"<b{' class=on' if n < steps else ''}></b>" for n in range(3))
    bars: SafeString = mark_safe(f'<i aria-hidden="true">{marks}</i>')  # noqa: S308  (built of constants)
    return format_html('<span class="tier">{}{}</span>', bars, item.get_tier_display())


@register.filter
def region(code: str) -> str:
    """The region's name with the city before a county's."""
    row = region_of(code) if code else None
    if row is None:
        return code or _("unknown")
    above = region_of(code[:4] + "00") if code[4:] != "00" else None
    return f"{above.name}{row.name}" if above is not None else row.name


@register.filter
def thousands(value: int | None) -> str:
    """An exact count."""
    return "" if value is None else f"{value:,}"


@register.filter
def sentence(text: Any) -> str:
    """A sentence of the lamp in the reader's language; as it stands where the phrasebook has none."""
    from davylamp.report.phrases import Phrases

    return Phrases("zh" if (get_language() or "").startswith("zh") else "en").tell(str(text))


@register.simple_tag(takes_context=True)
def query(context: Any, **changes: Any) -> str:
    """This page's query with some of its keys changed; an empty value takes a key out."""
    params = context["request"].GET.copy()
    for key, value in changes.items():
        params.pop(key, None)
        if value not in (None, ""):
            params[key] = str(value)
    text = params.urlencode()
    return f"?{text}" if text else "?"


@register.simple_tag
def icon(name: str, size: str = "") -> str:
    """A picture of the sprite; it says nothing that no word says."""
    from django.templatetags.static import static

    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        size,
        static("desk/icons.svg"),
        name,
    )


@register.filter
def region_only(code: str) -> str:
    """The region's own name, where its city stands above it."""
    row = region_of(code) if code else None
    return row.name if row is not None else code


@register.filter
def duty(code: str) -> str:
    """A duty in words."""
    from davylamp.desk.access.models import Duty

    return str(Duty(code).label) if code in Duty.values else code


@register.filter
def clearance(level: int) -> str:
    """A clearance in words."""
    from davylamp.desk.access.models import Clearance

    return str(Clearance(level).label) if level in Clearance.values else str(level)
