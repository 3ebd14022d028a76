"""Filters and tags that all pages share."""

from datetime import datetime

from django import template
from django.utils import timezone

register = template.Library()


@register.filter
def when(value: datetime | None) -> str:
    """A time in the desk's zone, to the minute."""
    return "" if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
