"""Disposal on a case's page: things, money, people and measures; who a person is, for a purpose only."""

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from davylamp.desk.access import policy
from davylamp.desk.cases import disposal, people
from davylamp.desk.cases.models import CasePerson, Figure, Gain, Referral, Sanction, SeizedItem
from davylamp.desk.cases.tables import measures
from davylamp.desk.pages import case_forms as f
from davylamp.desk.pages.case_offers import At, offer
from davylamp.desk.pages.steps import Data, Offer, ReasonForm
from davylamp.sizing.quantities_bounds import read_amount

MODELS: Final = (SeizedItem, Gain, CasePerson, Referral, Sanction, Figure)


def offers(at: At) -> Iterable[Offer]:
    """Seize, dispose, note a gain, refer, write a measure down; take a person in or let go of one."""
    if "dispose" in at.may:
        yield from _things(at)
        yield from _authorities(at)
    if "person" in at.may:
        yield offer(
            "person", gettext_lazy("Take a person in"), at.case, lambda d: _person(at, d), f.PersonForm
        )
    for person in at.rows(CasePerson):
        if person.cleared_at is None and policy.may(at.holder, "erase", person):
            yield offer(
                "erase",
                gettext_lazy("Erase the personal data"),
                person,
                lambda d, p=person: people.erase(at.holder, p, d["reason"]),
                ReasonForm,
            )


def _things(at: At) -> Iterable[Offer]:
    if at.is_open:
        yield offer("seize", gettext_lazy("Seize or seal"), at.case, lambda d: _seize(at, d), f.SeizeForm)
        yield offer("gain", gettext_lazy("Note a gain"), at.case, lambda d: _gain(at, d), f.GainForm)
    for item in at.rows(SeizedItem):
        if disposal.FINAL[item.state]:
            yield offer(
                "dispose", gettext_lazy("Dispose"), item, lambda d, i=item: _dispose(at, i, d), f.DisposeForm
            )


def _authorities(at: At) -> Iterable[Offer]:
    holder, case = at.holder, at.case
    persons = {str(p.pk): p for p in at.rows(CasePerson)}
    referrals = {str(r.pk): r for r in at.rows(Referral)}
    of_people = [(key, f"{p.pseudonym} · {p.get_kind_display()}") for key, p in persons.items()]

    def refer(data: Data) -> Any:
        to, number = data["to_authority"], data["document_no"]
        person = persons.get(data["person"])
        return disposal.refer(holder, case, data["stream"], to, number, data["sent_at"], person)

    def decide(data: Data) -> Any:
        return disposal.sanction(
            holder, case, data["measure"], data["authority"], data["document_no"], data["decided_at"],
            person=persons.get(data["person"]), referral=referrals.get(data["referral"]), note=data["note"],
        )  # fmt: skip

    yield offer(
        "refer", gettext_lazy("Refer to an authority"), case, refer, f.ReferForm, lists={"person": of_people}
    )
    lists = {
        "measure": [(m.key, _(m.title)) for m in disposal.measures_for(holder, case)],
        "person": of_people,
        "referral": [(key, str(r)) for key, r in referrals.items() if r.result_at],
    }
    yield offer("sanction", gettext_lazy("Write a measure down"), case, decide, f.SanctionForm, lists=lists)
    for one in referrals.values():
        if one.result_at is None:
            yield offer(
                "answer",
                gettext_lazy("Note the result"),
                one,
                lambda d, r=one: disposal.answer(holder, r, d["result"], d["result_no"], d["at"]),
                f.AnswerForm,
            )


def _person(at: At, data: Data) -> CasePerson:
    identity = people.Identity(data["name"], data["number"], data["phone"], data["position"])
    return people.add_person(at.holder, at.case, data["kind"], data["role"], identity)


def _seize(at: At, data: Data) -> SeizedItem:
    given = {k: v for k, v in data.items() if k != "serials"}
    serials = [line for line in data["serials"].splitlines() if line.strip()]
    return disposal.seize(at.holder, at.case, disposal.Thing(**given, serials=serials))


def _dispose(at: At, item: SeizedItem, data: Data) -> Any:
    return disposal.dispose(
        at.holder, item, data["state"], data["at"], data["authority"], data["authority_no"], data["to"]
    )


def _gain(at: At, data: Data) -> Gain:
    amount = read_amount(data["amount"])
    found = disposal.stated_coins(amount.amount, data["coin"], data["currency"], data["source"])
    return disposal.note_gain(
        at.holder, at.case, found, data["rule"], days=[(data["day"], 1.0)], price=data["price"],
        price_source=data["price_source"],
    )  # fmt: skip


def context(at: At) -> dict[str, Any]:
    """What the tab shows; ``may_read`` names what this duty sees at all."""
    duties = at.holder.duties
    titles = {m.key: _(m.title) for m in measures().values()}
    sanctions = list(at.rows(Sanction).select_related("person"))
    return {
        "seized": list(at.rows(SeizedItem).prefetch_related("events")),
        "gains": list(at.rows(Gain)),
        "figures": list(at.rows(Figure)),
        "persons": list(at.rows(CasePerson)),
        "referrals": list(at.rows(Referral).select_related("person")),
        "sanctions": [(one, titles.get(one.measure, one.measure)) for one in sanctions],
        "may_read": {m.__name__.lower() for m in MODELS if duties & policy.MATRIX[m][policy.READ]},
        "may_unmask": bool(duties & policy.MATRIX[CasePerson]["unmask"]),
    }
