"""The forms of a hand-over's steps, and their words."""

from typing import Any, Final

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from davylamp.desk.core import vault
from davylamp.desk.handover.models import Channel, Found, Ground, HandOverItem
from davylamp.desk.pages.steps import Day, ReasonForm, Shape, When, Words

SALT: Final = "desk.feedback"
SINCE: Final = _("Since when")


class DeliverForm(forms.Form):
    """To whom."""

    to = forms.CharField(label=_("Handed to"), max_length=100)
    at = When(label=_("When"), required=False, help_text=_("empty: now"))


class SignForm(forms.Form):
    """By whom."""

    by = forms.CharField(label=_("Signed by"), max_length=100)
    at = When(label=_("When"), required=False, help_text=_("empty: now"))


class SendBackForm(forms.Form):
    """Which leads, on which ground, why."""

    items = forms.MultipleChoiceField(label=_("Leads"), widget=forms.CheckboxSelectMultiple)
    ground = forms.ChoiceField(label=_("Ground"), choices=Ground.choices)
    reason = Words(label=_("Reason"))

    def __init__(self, *args: Any, items: list[HandOverItem], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["items"].choices = [  # type: ignore[attr-defined]
            (str(one.pk), f"{one.lead.number} · {one.lead.ip}") for one in items
        ]


class ReportForm(forms.Form):
    """One answer for each lead. Files that were sent are kept over a refusal: their signed names stand in the form."""

    def __init__(self, *args: Any, items: list[HandOverItem], **more: Any) -> None:
        super().__init__(*args, **more)
        self.items = items
        for one in items:
            key, name = one.pk, f"{one.lead.number} · {one.lead.ip}"
            self.fields[f"found-{key}"] = forms.ChoiceField(
                label=_("What was found"), choices=[("", f"— {name}"), *Found.choices]
            )
            self.fields[f"description-{key}"] = Words(label=_("Describe it"))
            self.fields[f"host-{key}"] = forms.CharField(
                label=_("Host"), max_length=200, required=False, help_text=_("room, computer, its number")
            )
            self.fields[f"since-{key}"] = Day(label=SINCE, required=False)
            self.fields[f"measure-{key}"] = Words(label=_("What was done"), required=False)
            self.fields[f"file-{key}"] = forms.FileField(label=_("File"), required=False)
            self.fields[f"kept-{key}"] = forms.CharField(widget=forms.HiddenInput, required=False)
        if self.is_bound:
            self._keep_files()

    def _keep_files(self) -> None:
        """Store what was sent and write its signed name into the form."""
        self.data = self.data.copy()
        for one in self.items:
            sent = self.files.get(f"file-{one.pk}")
            if sent is not None:
                stored = vault.store(sent.chunks())
                row = {
                    "name": vault.plain_name(sent.name),
                    "sha256": stored.sha256,
                    "size_bytes": stored.size_bytes,
                }
                self.data[f"kept-{one.pk}"] = signing.dumps(row, salt=SALT)
            row_kept = self.attachment(one)
            if row_kept:
                self.fields[f"file-{one.pk}"].help_text = row_kept["name"]

    def attachment(self, one: HandOverItem) -> dict[str, Any] | None:
        """The file that was sent for a lead."""
        try:
            return dict(signing.loads(self.data.get(f"kept-{one.pk}") or "", salt=SALT, max_age=86_400))
        except signing.BadSignature:
            return None

    def clean(self) -> dict[str, Any]:
        """The answers as the step wants them."""
        data = super().clean() or {}
        answers = {}
        for one in self.items:
            kept = self.attachment(one)
            names = ("found", "description", "host", "since", "measure")
            answers[str(one.pk)] = {n: data.get(f"{n}-{one.pk}") for n in names} | {
                "attachments": [kept] if kept else []
            }
        return {"answers": answers}

    def groups(self) -> list[tuple[HandOverItem, list[Any]]]:
        """The fields of each lead."""
        return [(one, [f for f in self if f.name.endswith(str(one.pk))]) for one in self.items]


class DraftForm(forms.Form):
    """How the organisations are spoken to."""

    channel = forms.ChoiceField(label=_("First spoken to"), choices=Channel.choices)
    second_contact = forms.CharField(label=_("Second contact"), max_length=100, required=False)
    delay_notice = forms.BooleanField(label=_("Contacts see nothing until they are told"), required=False)
    note = Words(label=_("The desk's own note"), required=False)


SHAPES: Final[dict[str, Shape]] = {
    "submit": (_("Hand in for approval"), None),
    "approve": (_("Approve and number"), None),
    "refuse": (_("Refuse"), ReasonForm),
    "issue": (_("Issue"), None),
    "deliver": (_("Note the delivery"), DeliverForm),
    "sign": (_("Sign for it"), SignForm),
    "act": (_("Begin to look for the host"), None),
    "report": (_("Report back"), ReportForm),
    "accept": (_("Accept the report"), None),
    "ask_more": (_("Ask for more"), ReasonForm),
    "close": (_("Close the hand-over"), None),
    "tell": (_("Let the contacts see it"), None),
    "send_back": (_("Return leads"), SendBackForm),
    "withdraw": (_("Withdraw"), ReasonForm),
}
"""In the order of work: the first that is open to a person is the page's one primary action."""
