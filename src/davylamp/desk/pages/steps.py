"""Steps on an item's page: which are offered, with which form, and what becomes of a refusal: nothing typed is lost.

A step that is refused comes back on the same page, its form as it was filled in, the error with code and hint beside
it. When somebody else was faster the page says what changed meanwhile, and what was typed stands below.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Forbidden, Hidden, Holder
from davylamp.desk.audit.models import AuditedModel, Stale
from davylamp.desk.core import workflow
from davylamp.desk.pages import history
from davylamp.errors import DavylampError

OWN: Final = frozenset({"csrfmiddlewaretoken", "step", "key", "version"})
MOST_KEPT: Final = 4000  # characters of one field
Data = Mapping[str, Any]


class When(forms.DateTimeField):
    """A time in the desk's zone."""

    def __init__(self, **more: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(widget=widget, **more)


class Day(forms.DateField):
    """A day."""

    def __init__(self, **more: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **more)


class Words(forms.CharField):
    """Some lines."""

    def __init__(self, most: int = 2000, rows: int = 3, **more: Any) -> None:
        super().__init__(max_length=most, widget=forms.Textarea(attrs={"rows": rows}), **more)


class ReasonForm(forms.Form):
    """Why."""

    reason = Words(label=gettext_lazy("Reason"))


@dataclass
class Offer:
    """One step that can be taken: ``run`` gets the form's data and the version that the person saw."""

    name: str
    label: Any
    item: AuditedModel
    run: Callable[[Data, int], Any]
    form_class: type[forms.Form] | None = None
    given: dict[str, Any] = field(default_factory=dict)  # more arguments of the form
    help: Any = ""
    form: forms.Form | None = None
    fault: DavylampError | None = None

    @property
    def anchor(self) -> str:
        """Its place on the page; also before the identifiers of its fields."""
        return f"{self.name}-{self.item.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it stands open, because something in it must be corrected."""
        return self.fault is not None or bool(self.form is not None and self.form.is_bound)

    def bind(self, request: HttpRequest | None = None) -> "Offer":
        """Its form, empty or as it was sent."""
        if self.form_class is not None:
            sent = (request.POST, request.FILES) if request is not None else (None, None)
            self.form = self.form_class(*sent, auto_id=f"{self.anchor}-%s", **self.given)
        return self


@dataclass(frozen=True, slots=True)
class Lost:
    """A step that came too late: the error, what changed meanwhile, what was typed."""

    error: DavylampError
    events: list[history.Event]
    kept: list[tuple[str, str]]


def reason_why_not(step: workflow.Step, item: AuditedModel, holder: Holder) -> str:
    """Why a step of the table would be refused whatever is filled in; a guard on the form's data waits for it."""
    for guard in step.guards:
        try:
            reason = guard(item, holder, {})
        except KeyError:  # it judges what the form will say
            continue
        if reason:
            return reason
    return ""


Shape = tuple[Any, type[forms.Form] | None]
Adapt = Callable[[str, Data], Data]


def offers_of(
    holder: Holder, item: AuditedModel, shapes: Mapping[str, Shape], adapt: Adapt | None = None
) -> tuple[list[Offer], list[tuple[Any, str]]]:
    """The steps of the workflow's table that this holder may take now, and those that wait, each with its reason.

    Args:
        holder: who looks.
        item: with a state.
        shapes: step to its words and form; steps without a shape are not shown.
        adapt: what the step gets of the form's data; the data itself when None.
    """
    found, waiting = [], []
    for step in workflow.available(item, holder):
        if step.name not in shapes:
            continue
        label, form_class = shapes[step.name]
        why = reason_why_not(step, item, holder)
        if why:
            waiting.append((label, why))
            continue

        def run(data: Data, version: int, name: str = step.name) -> Any:
            given = adapt(name, data) if adapt is not None else data
            clean = {k: v for k, v in given.items() if v not in (None, "")}
            return workflow.perform(item, name, holder, clean, version=version)

        found.append(Offer(step.name, label, item, run, form_class))
    return found, waiting


def take(request: HttpRequest, offers: Sequence[Offer]) -> Lost | bool:
    """Take the step that was sent.

    Returns:
        True when it is done; False when its form now carries the faults; a `Lost` when it came too late.

    Raises:
        Hidden, Forbidden: by the policy.
    """
    name, key = request.POST.get("step", ""), request.POST.get("key", "")
    seen = request.POST.get("version", "")
    version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else -1
    offer = next((o for o in offers if o.name == name and str(o.item.pk) == key), None)
    if offer is None:
        gone = workflow.Refused(
            "E-WFL-005",
            _("this step cannot be taken any more"),
            _("what you typed stands below; look at what changed"),
        )
        return Lost(gone, [], kept(request))
    offer.bind(request)
    if offer.form is not None and not offer.form.is_valid():
        return False
    data = offer.form.cleaned_data if offer.form is not None else {}
    try:
        _check_version(offer.item, version)
        offer.run(data, version)
    except (Hidden, Forbidden):
        raise
    except Stale as error:
        return Lost(error, _since(request, offer.item, version), kept(request))
    except DavylampError as error:
        offer.fault = error
        return False
    return True


def _check_version(item: AuditedModel, seen: int) -> None:
    """The row as it was read for this answer against the one that the person saw."""
    now = getattr(item, "version", None)
    if now is not None and now != seen:
        told = _("%(item)s was changed by someone else") % {"item": item}
        raise Stale("E-AUD-003", told, _("look at the difference and do it again"))


def _since(request: HttpRequest, item: AuditedModel, seen: int) -> list[history.Event]:
    """What happened after the version that the person saw, as far as they may read it."""
    fresh = policy.visible(request.holder, type(item)).filter(pk=item.pk).first()  # type: ignore[attr-defined]
    if fresh is None or seen < 0:
        return []
    count = max(fresh.version - seen, 0)
    return history.of(fresh, request.holder)[:count]  # type: ignore[attr-defined]


def kept(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed into the form, to be taken over by hand."""
    return [
        (name, value[:MOST_KEPT])
        for name in request.POST
        if name not in OWN
        for value in request.POST.getlist(name)
        if value.strip()
    ]


def frame(offers: Sequence[Offer], waiting: Sequence[tuple[Any, str]], lost: Lost | None) -> dict[str, Any]:
    """The context of ``parts/offers.html``; forms that were not sent are empty."""
    for offer in offers:
        if offer.form is None:
            offer.bind()
    return {"offers": list(offers), "waiting": list(waiting), "lost": lost}


def status_of(outcome: Lost | bool | None) -> int:
    """The status of a page after a step: 409 when it came too late, 400 when it was refused, else 200."""
    return 409 if isinstance(outcome, Lost) else 400 if outcome is False else 200


def download(data: bytes | Any, name: str, kind: str = "application/octet-stream") -> HttpResponse:
    """A file to keep, never to show: nothing that was sent in is run in the desk's name."""
    from django.utils.http import content_disposition_header

    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["X-Content-Type-Options"] = "nosniff"
    return response
