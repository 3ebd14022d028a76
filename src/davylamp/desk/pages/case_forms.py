"""The forms of casework. What they ask is what the services want; what is wrong the services say."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from davylamp.desk.cases.models import (
    CasePerson,
    CustodyEvent,
    Determination,
    EvidenceItem,
    Hypothesis,
    Label,
    Proves,
    SeizedItem,
    Side,
    Stream,
)
from davylamp.desk.cases.models.evidence import Signer
from davylamp.desk.cases.tables import Indicator, indicators
from davylamp.desk.cases.worksheet import standing
from davylamp.desk.handover.clocks import Grade, Operator
from davylamp.desk.pages.steps import Day, When, Words

YES_NO: Final = (("yes", _("yes")), ("no", _("no")))
RULES: Final = (
    ("payout", _("on the day of the payout")),
    ("sale", _("on the day of the sale")),
    ("seizure", _("on the day of the seizure")),
)
"""Rules of `davylamp.sizing.coins` that a stated amount can have; the mining day needs a series."""


class Choosing(forms.Form):
    """A form with one list that depends on the item: ``lists`` are field to choices."""

    def __init__(self, *args: Any, lists: dict[str, Sequence[tuple[Any, Any]]], **more: Any) -> None:
        super().__init__(*args, **more)
        for name, choices in lists.items():
            field = self.fields[name]
            blank = [] if field.required else [("", "—")]
            field.choices = [*blank, *choices]  # type: ignore[attr-defined]


class AssignForm(Choosing):
    """To whom."""

    to = forms.ChoiceField(label=_("Assign to"))


class MemberForm(Choosing):
    """Who works on it as well."""

    user = forms.ChoiceField(label=_("Inspector"))


class ContactForm(forms.Form):
    """Whether the contact may be the one."""

    answer = forms.ChoiceField(label=_("May the organisation's contact be involved?"), choices=YES_NO)
    reason = Words(label=_("Reason"), most=300)


class IncidentForm(forms.Form):
    """Grade, operator, time."""

    grade = forms.ChoiceField(label=_("Grade of the incident"), choices=Grade.choices)
    operator = forms.ChoiceField(label=_("Kind of operator"), choices=Operator.choices)
    found_at = When(label=_("When it was discovered"))


class MeetForm(forms.Form):
    """A report that the law wants was made."""

    at = When(label=_("When it was made"))
    reference = forms.CharField(label=_("Its number, or whom you told"), max_length=200)


class LeadForm(forms.Form):
    """One more lead."""

    number = forms.CharField(label=_("Lead's number"), max_length=32)


class HypothesisForm(forms.Form):
    """One explanation."""

    kind = forms.ChoiceField(label=_("Explanation"), choices=Hypothesis.Kind.choices)
    text = Words(label=_("In words"))


class ArgueForm(Choosing):
    """For or against."""

    is_for = forms.ChoiceField(label=_("Speaks"), choices=(("yes", _("for it")), ("no", _("against it"))))
    text = Words(label=_("Why"))
    evidence = forms.ChoiceField(label=_("Evidence"), required=False)


class WeighForm(forms.Form):
    """Upheld, rejected, open again."""

    state = forms.ChoiceField(
        label=_("State"),
        choices=(("held", _("upheld")), ("dropped", _("rejected")), ("open", _("undecided"))),
    )
    reason = Words(label=_("Reason"), most=300)


class TaskForm(forms.Form):
    """Done, or set aside."""

    note = Words(label=_("Note"), required=False, rows=2)
    set_aside = Words(
        label=_("Set aside because"), most=300, required=False, rows=2, help_text=_("empty: it was done")
    )


class EvidenceForm(Choosing):
    """One item: what, from where, by whom, with which clock, signed by whom."""

    file = forms.FileField(
        label=_("File"), required=False, help_text=_("or its SHA-256, when it stays elsewhere")
    )
    sha256 = forms.CharField(label=_("SHA-256"), max_length=64, required=False)
    kind = forms.CharField(label=_("Kind"), max_length=64, help_text=_("log, image, photo, ledger page …"))
    side = forms.ChoiceField(label=_("From which side"), choices=Side.choices)
    proves = forms.ChoiceField(label=_("What it shows"), choices=Proves.choices)
    stream = forms.ChoiceField(label=_("Under whose powers"), choices=Stream.choices)
    description = Words(label=_("Description"))
    place = forms.CharField(label=_("Place"), max_length=200, required=False)
    method = forms.CharField(label=_("Method"), max_length=200, required=False)
    collected_at = When(label=_("Collected"))
    clock_offset_s = forms.FloatField(label=_("Clock's offset, s"), help_text=_("its clock minus true time"))
    clock_reference = forms.CharField(label=_("Compared with"), max_length=200)
    collectors = Words(label=_("Collectors"), rows=2, help_text=_("one in each line; two at least"))
    one_collector_because = forms.CharField(label=_("Only one because"), max_length=300, required=False)
    signer = forms.ChoiceField(label=_("Signed by"), choices=Signer.choices)
    no_signature_because = forms.CharField(label=_("Not signed because"), max_length=300, required=False)
    derived_from = forms.ChoiceField(label=_("Copy or part of"), required=False)
    empty_because = forms.CharField(
        label=_("Empty because"), max_length=300, required=False, help_text=_("an empty file can be evidence")
    )


class MoveForm(forms.Form):
    """From hand to hand."""

    kind = forms.ChoiceField(label=_("What happened to it"), choices=CustodyEvent.Kind.choices)
    to_holder = forms.CharField(label=_("Who has it now"), max_length=200, required=False)
    at = When(label=_("When"))
    place = forms.CharField(label=_("Place"), max_length=200, required=False)
    seal_no = forms.CharField(label=_("Seal number"), max_length=64, required=False)
    authority_no = forms.CharField(label=_("Number of the decision"), max_length=100, required=False)
    note = Words(label=_("Note"), required=False, rows=2)


class CheckForm(forms.Form):
    """Why now; the bytes where the desk does not keep them."""

    occasion = forms.CharField(label=_("Occasion"), max_length=64)
    file = forms.FileField(
        label=_("File"), required=False, help_text=_("only when the desk does not keep it")
    )


class OutcomeForm(forms.Form):
    """What became of an alert."""

    outcome = Words(label=_("Outcome"))


class DraftForm(Choosing):
    """A new edition."""

    label = forms.ChoiceField(label=_("Determination"), choices=Label.choices)
    reasoning = Words(label=_("Reasoning"), most=20_000, rows=6)
    because_of = forms.ChoiceField(label=_("Answers the objection"), required=False)


class ReviseForm(forms.Form):
    """The words of a draft."""

    label = forms.ChoiceField(label=_("Determination"), choices=Label.choices)
    reasoning = Words(label=_("Reasoning"), most=20_000, rows=6)
    is_equipment = forms.BooleanField(label=_("Mining equipment was found"), required=False)
    equipment_exception = Words(
        label=_("Exception"),
        required=False,
        rows=2,
        help_text=_("why device, software and pool record are not all there"),
    )


class WorksheetForm(forms.Form):
    """The signs, each with the evidence that shows it; a sign that is unticked needs a reason."""

    reason = Words(label=_("Why signs are taken back"), most=300, required=False, rows=2)

    def __init__(
        self, *args: Any, found: Determination, evidence: Sequence[EvidenceItem], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.now = {(m.indicator, str(m.evidence_id)): m for m in standing(found)}
        for row in indicators().values():
            able = [one for one in evidence if one.side in row.side]
            self.fields[row.key] = forms.MultipleChoiceField(
                label=f"{gettext(row.title)} ({row.weight:g})",
                choices=[(str(one.pk), f"{one.number} · {one.kind}") for one in able],
                initial=[key for indicator, key in self.now if indicator == row.key],
                widget=forms.CheckboxSelectMultiple,
                required=False,
                help_text="" if able else _lacks(row),
            )

    def ticked(self) -> set[tuple[str, str]]:
        """Signs and evidence as they were sent."""
        return {(row, key) for row in indicators() for key in self.cleaned_data.get(row, ())}

    def clean(self) -> dict[str, Any]:
        """With what is new, and the marks that are to be taken back."""
        data = super().clean() or {}
        wanted = self.ticked()
        data["new"] = sorted(wanted - self.now.keys())
        data["gone"] = [mark for pair, mark in self.now.items() if pair not in wanted]
        return data

    def groups(self) -> list[tuple[str, list[Any]]]:
        """The signs by what they speak for."""
        parts = [
            (str(Label(label).label), [self[r.key] for r in indicators().values() if r.toward == label])
            for label in (Label.ACTIVE, Label.PASSIVE, Label.RESEARCH, Label.FALSE_ALARM)
        ]
        return [*parts, (gettext("Taking back"), [self["reason"]])]


def _lacks(row: Indicator) -> str:
    sides = ", ".join(str(Side(side).label) for side in row.side)
    return gettext("needs evidence from: %(sides)s") % {"sides": sides}


class NoteForm(forms.Form):
    """A word of the reviewer."""

    note = Words(label=_("Note"), required=False, rows=2)


class ObjectionForm(forms.Form):
    """What the organisation says against it."""

    raised_by = forms.CharField(label=_("Who objects"), max_length=200)
    received_at = When(label=_("Received"))
    text = Words(label=_("In words"), most=20_000, rows=6)


class RectificationForm(forms.Form):
    """What is asked of the organisation."""

    finding = Words(label=_("What the organisation is told was found"), rows=4)
    measures = Words(label=_("What it must do"), help_text=_("one in each line"), rows=5)
    due_at = When(label=_("Until"))


class DoneForm(forms.Form):
    """What the organisation did."""

    done_by = forms.CharField(label=_("Who did it"), max_length=200)
    done_at = When(label=_("When it was done"))
    report = Words(label=_("What was done"), rows=5)
    no_snapshot_because = forms.CharField(
        label=_("State of the host not taken before because"), max_length=300, required=False
    )
    proof = forms.FileField(label=_("Proof"), required=False)


class VisitForm(Choosing):
    """Somebody went and looked."""

    is_clean = forms.ChoiceField(label=_("Clean?"), choices=YES_NO)
    checked_at = When(label=_("When it was checked"))
    text = Words(label=_("What was found"))
    evidence = forms.ChoiceField(label=_("Evidence"), required=False)


class SeizeForm(forms.Form):
    """A thing under seal or seizure."""

    what = forms.CharField(label=_("What"), max_length=200)
    count = forms.IntegerField(label=_("How many"), min_value=1, initial=1)
    serials = Words(label=_("Serial numbers"), required=False, help_text=_("one in each line"))
    state = forms.ChoiceField(label=_("State"), choices=SeizedItem.State.choices[:2])
    seal_no = forms.CharField(label=_("Seal number"), max_length=64, required=False)
    place = forms.CharField(label=_("Place"), max_length=200, required=False)
    authority = forms.CharField(label=_("Authority"), max_length=200)
    authority_no = forms.CharField(label=_("Number of the decision"), max_length=100)
    seized_at = When(label=_("When"))


class DisposeForm(forms.Form):
    """What became of it, by which decision."""

    state = forms.ChoiceField(label=_("What became of it"), choices=SeizedItem.State.choices[1:])
    at = When(label=_("When"))
    authority = forms.CharField(label=_("Authority"), max_length=200)
    authority_no = forms.CharField(label=_("Number of the decision"), max_length=100)
    to = forms.CharField(label=_("Receiver"), max_length=200, required=False)


class GainForm(forms.Form):
    """Coins of a statement, and their worth by a rule."""

    amount = forms.CharField(label=_("Amount"), max_length=40, help_text=_("2.4, ≥ 2.4 or ≈ 2.4"))
    coin = forms.CharField(label=_("Coin"), max_length=16)
    source = forms.CharField(label=_("Statement that says so"), max_length=200)
    rule = forms.ChoiceField(label=_("Price as of"), choices=RULES)
    day = Day(label=_("Day"))
    price = forms.FloatField(label=_("Price of one coin"), min_value=0)
    currency = forms.CharField(label=_("Currency"), max_length=8, initial="CNY")
    price_source = forms.CharField(label=_("Where the price comes from"), max_length=200)


class PersonForm(forms.Form):
    """A person; name, number and contact are sealed."""

    kind = forms.ChoiceField(label=_("Relation to the organisation"), choices=CasePerson.Kind.choices)
    role = forms.CharField(label=_("Part in the case"), max_length=100, required=False)
    name = forms.CharField(label=_("Name"), max_length=200)
    number = forms.CharField(label=_("Identity or staff number"), max_length=200, required=False)
    phone = forms.CharField(label=_("Phone"), max_length=200, required=False)
    position = forms.CharField(label=_("Position"), max_length=200, required=False)


class ReferForm(Choosing):
    """To another authority."""

    stream = forms.ChoiceField(label=_("Under whose powers"), choices=Stream.choices)
    to_authority = forms.CharField(label=_("Authority"), max_length=200)
    document_no = forms.CharField(label=_("Document number"), max_length=100)
    sent_at = When(label=_("Sent"))
    person = forms.ChoiceField(label=_("Person"), required=False)


class AnswerForm(forms.Form):
    """What came of a referral."""

    result = Words(label=_("Result"))
    result_no = forms.CharField(label=_("Document number"), max_length=100, required=False)
    at = When(label=_("When"))


class SanctionForm(Choosing):
    """A measure."""

    measure = forms.ChoiceField(label=_("Measure"))
    person = forms.ChoiceField(
        label=_("Person"), required=False, help_text=_("empty: against the organisation itself")
    )
    referral = forms.ChoiceField(label=_("Answers the referral"), required=False)
    authority = forms.CharField(label=_("Authority"), max_length=200)
    document_no = forms.CharField(label=_("Document number"), max_length=100)
    decided_at = When(label=_("Decided"))
    note = Words(label=_("Note"), required=False, rows=2)
