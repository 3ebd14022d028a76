"""What becomes of things, money and people: seizure, gains, referrals, measures; each under its authority."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.cases.base import choice, fresh, hold, moment, words
from davylamp.desk.cases.figures import ends
from davylamp.desk.cases.models import (
    Case,
    CasePerson,
    Gain,
    Referral,
    Sanction,
    SeizedEvent,
    SeizedItem,
    Stream,
)
from davylamp.desk.cases.tables import Measure, measures
from davylamp.desk.core import vault
from davylamp.desk.core.numbers import draw
from davylamp.desk.core.workflow import Refused
from davylamp.sizing.coins import RULES, CoinEstimate, Rule, Series, value
from davylamp.sizing.quantities import Coins
from davylamp.sizing.quantities_bounds import Bounded

State = SeizedItem.State
FINAL: Final[dict[str, frozenset[str]]] = {
    State.SEALED: frozenset({State.SEIZED, State.GIVEN_BACK, State.CONFISCATED}),
    State.SEIZED: frozenset({State.GIVEN_BACK, State.CONFISCATED}),
    State.CONFISCATED: frozenset({State.DESTROYED}),
    State.GIVEN_BACK: frozenset(),
    State.DESTROYED: frozenset(),
}

# --- things ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thing:
    """What is put under seal or seized, by which decision."""

    what: str
    state: str
    authority: str
    authority_no: str
    seized_at: datetime
    serials: Sequence[str] = ()
    count: int = 1
    seal_no: str = ""
    photos: Sequence[str] = ()  # SHA-256
    place: str = ""


def seize(holder: Holder, case: Case, thing: Thing) -> SeizedItem:
    """Put a thing on the case's list.

    Raises:
        Refused: E-CAS-060 with everything that is missing: decision, seal, serials more than things, no hash.
    """
    faults = list(_thing_faults(thing))
    if faults:
        raise Refused("E-CAS-060", "; ".join(faults), _("complete the list"))
    with transaction.atomic():
        held = hold(holder, "dispose", case)
        made = SeizedItem(
            case=held,
            state=thing.state,
            what=words(thing.what, _("description"), 200),
            serials=[words(s, _("serial"), 100) for s in thing.serials],
            count=thing.count,
            seal_no=words(thing.seal_no, _("seal number"), 64, needed=False),
            photos=list(thing.photos),
            place=words(thing.place, _("place"), 200, needed=False),
            authority=words(thing.authority, _("authority"), 200),
            authority_no=words(thing.authority_no, _("number of the decision"), 100),
            seized_at=moment(thing.seized_at, _("time")),
            recorded_by_id=holder.user_id,
        )
        made.number = draw("S", made.pk)
        made.save(action="seized.take")
    return made


def _thing_faults(thing: Thing) -> Any:
    if thing.state not in (State.SEALED, State.SEIZED):
        yield _("a thing begins as sealed or seized")
    if not thing.authority.strip() or not thing.authority_no.strip():
        yield _("the authority or the number of its decision is missing")
    if thing.state == State.SEALED and not thing.seal_no.strip():
        yield _("the seal's number is missing")
    if not 1 <= thing.count < 2**31 or len(thing.serials) > thing.count:
        yield _("there are more serial numbers than things")
    if len({s.strip() for s in thing.serials}) != len(thing.serials):
        yield _("a serial number stands twice")
    if not all(vault.is_hash(p) for p in thing.photos):
        yield _("a photo's hash is none")


def dispose(
    holder: Holder,
    item: SeizedItem,
    state: str,
    at: datetime,
    authority: str,
    authority_no: str,
    to: str = "",
) -> SeizedEvent:
    """Give back, confiscate, destroy, or take what was sealed: by a decision with a number only; nothing is deleted.

    Raises:
        Refused: E-CAS-061 when that cannot follow, E-CAS-002 without authority or number.
    """
    with transaction.atomic():
        hold(holder, "dispose", item.case, even_closed=True)
        held = fresh(item)
        if choice(state, State.values, _("state")) not in FINAL[held.state] or at < held.seized_at:
            told = _("%(next)s cannot follow %(last)s")
            told %= {"next": State(state).label, "last": held.get_state_display()}
            raise Refused("E-CAS-061", told, _("see the list of steps"))
        made = SeizedEvent(
            item=held,
            state=state,
            at=moment(at, _("time")),
            authority=words(authority, _("authority"), 200),
            authority_no=words(authority_no, _("number of the decision"), 100),
            to=words(to, _("receiver"), 200, needed=state == State.GIVEN_BACK),
            recorded_by_id=holder.user_id,
        )
        made.save(action=f"seized.{state}")
        held.state = state
        held.save(action=f"seized.{state}", reason=made.authority_no)
    return made


# --- gains -----------------------------------------------------------------------------------------------------


def note_gain(
    holder: Holder,
    case: Case,
    found: CoinEstimate,
    rule: Rule,
    *,
    days: Sequence[tuple[date, float]] = (),
    price: float | None = None,
    price_source: str = "",
) -> Gain:
    """Coins and their worth by a stated rule; without rule, day and price source there is no worth.

    Args:
        holder: who notes it.
        case: its case.
        found: coins, from a hashrate and a series (`davylamp.sizing.coins.mined`) or from a receipt (`stated_coins`).
        rule: mining day, payout, sale or seizure.
        days: as `davylamp.sizing.coins.value` takes them.
        price: of one coin, from a receipt.
        price_source: where the price comes from; the series' own when empty.

    Raises:
        BadUse: E-COI-006 for a rule without what it needs.
        Refused: E-CAS-062 for a price without its source.
    """
    if price is not None and not price_source.strip():
        raise Refused("E-CAS-062", _("a price needs its source"), _("name the receipt or the market"))
    worth = value(found, choice(rule, RULES, _("rule")), days=days, price=price)  # type: ignore[arg-type]
    coins_low, coins, coins_high = ends(found.coins.amount)
    low, estimate, high = ends(worth.amount)
    with transaction.atomic():
        made = Gain(
            case=hold(holder, "dispose", case),
            coin=found.coins.coin[:16],
            coins_low=coins_low,
            coins=coins,
            coins_high=coins_high,
            rule=rule,
            currency=worth.currency[:8],
            value_low=low,
            value=estimate,
            value_high=high,
            is_about=worth.amount.about,
            price_source=words(price_source or found.series.source, _("price source"), 200),
            as_of=worth.as_of[:300],
            method=found.method,
            inputs=list(found.inputs),
            made_by_id=holder.user_id,
        )
        made.save(action="gain.note")
    return made


def stated_coins(amount: Bounded, coin: str, currency: str, source: str) -> CoinEstimate:
    """Coins that a receipt, an account or a statement gives; they have no mining days."""
    inputs = (f"{amount} {coin}, {source}",)
    return CoinEstimate(
        Coins.of(amount, coin), (), Series(coin, "", currency, source, ()), inputs, (), "stated"
    )


# --- authorities -------------------------------------------------------------------------------------------------


def refer(
    holder: Holder,
    case: Case,
    stream: str,
    to_authority: str,
    document_no: str,
    sent_at: datetime,
    person: CasePerson | None = None,
) -> Referral:
    """Pass a case, or one person of it, to another authority."""
    with transaction.atomic():
        held = hold(holder, "dispose", case, even_closed=True)
        made = Referral(
            case=held,
            stream=choice(stream, Stream.values, _("stream")),
            to_authority=words(to_authority, _("authority"), 200),
            document_no=words(document_no, _("document number"), 100),
            person=_of_case(person, held),
            sent_at=moment(sent_at, _("time of sending")),
            sent_by_id=holder.user_id,
        )
        made.number = draw("F", made.pk)
        made.save(action="referral.send")
    return made


def answer(holder: Holder, found: Referral, result: str, result_no: str, at: datetime) -> Referral:
    """What came of it; said once.

    Raises:
        Refused: E-CAS-063 when it was said already or would be earlier than the referral.
    """
    with transaction.atomic():
        hold(holder, "dispose", found.case, even_closed=True)
        held = fresh(found)
        if held.result_at is not None or moment(at, _("time")) < held.sent_at:
            raise Refused("E-CAS-063", _("this referral has its result, or the time is too early"), "")
        held.result = words(result, _("result"))
        held.result_no = words(result_no, _("document number"), 100, needed=False)
        held.result_at = at
        held.save(action="referral.answer")
    return held


def measures_for(holder: Holder, case: Case) -> list[Measure]:
    """What the form offers: measures that the holder's duty may enter, in streams that are open to it here.

    Administrative ones belong to the desk's own offices. Those of the supervision organs and of criminal justice are
    taken by others: they can be written down only as the outcome of a referral in their own stream.
    """
    if not policy.may(holder, "dispose", case):
        return []
    referred = set(case.referrals.exclude(result_at=None).values_list("stream", flat=True))
    open_streams = {Stream.ADMINISTRATIVE.value} | referred
    return [m for m in measures().values() if m.stream in open_streams and set(m.duties) & holder.duties]


def sanction(
    holder: Holder,
    case: Case,
    measure: str,
    authority: str,
    document_no: str,
    decided_at: datetime,
    *,
    person: CasePerson | None = None,
    referral: Referral | None = None,
    note: str = "",
) -> Sanction:
    """Write a measure down.

    Raises:
        Refused: E-CAS-064 for one that this duty may not enter here, E-CAS-065 for one that does not go with a person
            or with an organisation, E-CAS-066 when another authority's measure names no referral of its stream.
    """
    row = measures()[choice(measure, measures(), _("measure"))]
    with transaction.atomic():
        held = hold(holder, "dispose", case, even_closed=True)
        if row not in measures_for(holder, held):
            told = _("%(measure)s is not yours to enter") % {"measure": _(row.title)}
            raise Refused("E-CAS-064", told, _("refer the case to the authority and enter its answer first"))
        if ("person" if person is not None else "organisation") not in row.against:
            told = _("%(measure)s is not taken against that") % {"measure": _(row.title)}
            raise Refused("E-CAS-065", told, _("choose a person, or the organisation"))
        if row.stream != Stream.ADMINISTRATIVE:
            _check_referral(fresh(referral) if referral is not None else None, held, row.stream)
        made = Sanction(
            case=held,
            person=_of_case(person, held),
            stream=row.stream,
            measure=row.key,
            authority=words(authority, _("authority"), 200),
            document_no=words(document_no, _("document number"), 100),
            decided_at=moment(decided_at, _("time of decision")),
            referral=referral,
            note=words(note, _("note"), needed=False),
            recorded_by_id=holder.user_id,
        )
        made.save(action="sanction.note")
    return made


def _check_referral(referral: Referral | None, case: Case, stream: str) -> None:
    is_good = (
        referral is not None
        and referral.case_id == case.pk
        and referral.stream == stream
        and referral.result_at is not None
    )
    if not is_good:
        raise Refused(
            "E-CAS-066",
            _("a measure of another authority names the referral that it answers"),
            _("choose the answered referral of the same stream"),
        )


def _of_case(person: CasePerson | None, case: Case) -> CasePerson | None:
    if person is not None and person.case_id != case.pk:
        raise Refused("E-CAS-067", _("this person belongs to another case"), "")
    return person
