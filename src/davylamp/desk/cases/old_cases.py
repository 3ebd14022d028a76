"""Old cases out of an office's workbook: first what would change, then the change, the whole file or nothing.

A case is known by its list's source and its number there. What the file says now is held against what it said at the
last import: only what differs is taken over, and not where a person has corrected it meanwhile. 余 and 约 stay bounds.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.attribution.imports import ImportFault
from davylamp.attribution.imports_cells import CHINA
from davylamp.desk.access import policy
from davylamp.desk.access.policy import Forbidden, Holder
from davylamp.desk.audit.record import record
from davylamp.desk.cases.base import words
from davylamp.desk.cases.models import Case, CaseState, Label, OldCase
from davylamp.desk.core.numbers import draw
from davylamp.desk.core.workflow import Refused
from davylamp.desk.documents.excel_read import Heading, Reads, SheetRow, read_table
from davylamp.desk.registry.models import Organisation
from davylamp.sizing.quantities_bounds import Bounded, QuantityError, bounded, read_amount
from davylamp.tables.regions import region_of

HEADINGS: Final = (
    Heading("key", ("案件编号", "编号", "case no"), Reads.code, is_required=True, most=64),
    Heading("organisation_name", ("单位名称", "单位", "organisation"), is_required=True),
    Heading("organisation_code", ("统一社会信用代码", "credit code"), Reads.credit_code),
    Heading("region_code", ("行政区划代码", "region"), Reads.code, is_required=True),
    Heading("title", ("案由", "title")),
    Heading("ip", ("ip地址", "ip", "地址"), most=45),
    Heading("coin", ("币种", "coin"), most=16),
    Heading("wallet", ("钱包地址", "wallet"), Reads.code),
    Heading("started_on", ("挖矿起始日期", "起始日期", "started"), Reads.day),
    Heading("opened_on", ("立案日期", "opened"), Reads.day, is_required=True),
    Heading("closed_on", ("销号日期", "结案日期", "closed"), Reads.day),
    Heading("label", ("定性", "label")),
    Heading("machines", ("矿机数量", "machines"), Reads.text, most=80),
    Heading("kwh", ("用电量", "kwh"), Reads.text, most=80),
    Heading("coins", ("获币数量", "coins"), Reads.text, most=80),
    Heading("note", ("备注", "note"), Reads.text, most=2000),
)
LABELS: Final = {
    "主动": Label.ACTIVE, "主动挖矿": Label.ACTIVE, "被动": Label.PASSIVE, "被动挖矿": Label.PASSIVE,
    "科研": Label.RESEARCH, "科研备案": Label.RESEARCH, "误报": Label.FALSE_ALARM,
    "无法认定": Label.UNDETERMINED, "": "",
} | {label.value: label for label in Label}  # fmt: skip
UNITS: Final = {
    "machines": {"", "台", "个", "套"},
    "kwh": {"", "千瓦时", "度", "kwh"},
    "coins": None,
}  # None: the unit is the coin's name
AMOUNTS: Final = tuple(UNITS)
ON_CASE: Final = ("title", "organisation_name", "organisation_code", "region_code", "label")
ON_OLD: Final = ("ip", "coin", "wallet", "started_on", "closed_on", "machines", "kwh", "coins", "note")
FIELDS: Final = (*ON_CASE, *ON_OLD, "opened_on")
FIXED: Final = ("organisation_code", "region_code")  # who sees the case hangs on them


@dataclass(frozen=True, slots=True)
class Change:
    """One field: as it is in the desk, and as the file has it."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Planned:
    """What becomes of one row. ``kept`` are corrections by hand that the file does not overwrite."""

    kind: str  # new, changed, kept, same
    key: str
    place: str
    values: Mapping[str, Any]
    changes: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()
    old: OldCase | None = None


@dataclass(slots=True)
class Plan:
    """What a file would change. With faults nothing of it is applied."""

    source: str
    name: str
    rows: list[Planned] = field(default_factory=list)
    faults: list[ImportFault] = field(default_factory=list)
    notes: list[ImportFault] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Rows of a kind."""
        return sum(row.kind == kind for row in self.rows)

    def lines(self) -> Iterable[str]:
        """The difference, one line per field."""
        for row in self.rows:
            if row.kind == "new":
                yield f"+ {row.key} {row.values['organisation_name']} ({row.place})"
            for one in row.changes:
                yield f"~ {row.key} {one.name}: {shown(one.before)} → {shown(one.after)}"
            for one in row.kept:
                told = _("kept as corrected by hand")
                yield f"= {row.key} {one.name}: {shown(one.before)} ({told}; {shown(one.after)})"


def shown(value: Any) -> str:
    """A value as a line of the difference shows it."""
    if isinstance(value, Mapping):
        return load(value).text()
    return str(value) if value not in (None, "") else "–"


def plan(holder: Holder, path: Path, source: str, name: str = "") -> Plan:
    """Read a workbook and say what it would change; nothing is written.

    Args:
        holder: who imports.
        path: an XLSX or CSV file.
        source: whose list it is.
        name: of the file, as the person knows it.

    Raises:
        Forbidden: E-ACC-403.
        InputError: E-DOC-020 to 024.
        Refused: E-CAS-002 without a source.
    """
    if not any(policy.MATRIX[Case]["import"] & {s.duty} for s in holder.seats):
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    reading = read_table(path, HEADINGS, name)
    made = Plan(
        words(source, _("source"), 64), reading.name, faults=list(reading.faults), notes=reading.notes
    )
    there = {old.key: old for old in OldCase.objects.filter(source=made.source).select_related("case")}
    reachable = set(policy.visible(holder, OldCase).filter(source=made.source).values_list("pk", flat=True))
    known = _organisations()
    worked_on = _worked_on(there.values())
    seen: dict[str, str] = {}
    for row in reading.rows:
        judge = _Row(row, known, made.faults)
        values = judge.values()
        place = f"{row.sheet} {row.row}"
        if values["key"] in seen:
            judge.fault("key", _("stands in %(place)s already") % {"place": seen[values["key"]]})
        seen.setdefault(values["key"], place)
        old = there.get(values["key"])
        region, code = values["region_code"], values["organisation_code"]  # no region: told already
        may_write = not region or policy.can_create(holder, Case, region_code=region, organisation_code=code)
        if not may_write or (old is not None and old.pk not in reachable):
            judge.fault("region_code", _("this row lies outside your region or duty"))
        if judge.is_good:
            made.rows.append(_planned(values, place, old, worked_on))
    return made


def _organisations() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for code, name in Organisation.objects.values_list("code", "name"):
        found[name].append(code)
    return found


def _worked_on(olds: Iterable[OldCase]) -> set[Any]:
    """Cases on which the desk itself has worked: a list does not close or open them."""
    keys = [old.case_id for old in olds]
    found: set[Any] = set()
    for at in range(0, len(keys), 500):
        part = Case.objects.filter(pk__in=keys[at : at + 500])
        for path in ("evidence", "determinations", "rectifications", "rechecks"):
            found.update(part.filter(**{f"{path}__isnull": False}).values_list("pk", flat=True))
    return found


class _Row:
    """One row's values, and all that is wrong with it."""

    def __init__(self, row: SheetRow, known: dict[str, list[str]], faults: list[ImportFault]) -> None:
        self.row, self.known, self.faults = row, known, faults
        self.is_good = True

    def fault(self, name: str, message: str, hint: str = "") -> None:
        """Note a fault at the field's column."""
        header = next(h.headers[0] for h in HEADINGS if h.name == name)
        letter = self.row.columns.get(name, "")
        self.faults.append(ImportFault(self.row.sheet, self.row.row, letter, header, message, hint))
        self.is_good = False

    def values(self) -> dict[str, Any]:
        """Field to plain value, as JSON keeps it."""
        given = {h.name: self.row.values.get(h.name) for h in HEADINGS}
        found = {n: v.isoformat() if isinstance(v, date) else (v or "") for n, v in given.items()}
        for name in AMOUNTS:
            found[name] = self._amount(name, str(given[name] or ""), str(found["coin"]))
        label = str(found["label"])
        if label not in LABELS:
            self.fault("label", _("no label"), "主动, 被动, 科研备案, 误报, 无法认定")
        found["label"] = str(LABELS.get(label, ""))
        region = region_of(str(found["region_code"]))
        if region is None or not str(found["region_code"]).startswith(settings.PROVINCE[:2]):
            self.fault("region_code", _("no region of this province"))
            found["region_code"] = ""
        if found["closed_on"] and found["closed_on"] < found["opened_on"]:
            self.fault("closed_on", _("closed before it was opened"))
        if any(
            day and date.fromisoformat(day) > _today() for day in (found["opened_on"], found["closed_on"])
        ):
            self.fault("opened_on", _("a day that is still to come"))
        if not found["organisation_code"]:
            found["organisation_code"] = self._code_of(str(found["organisation_name"]))
        found["title"] = found["title"] or found["organisation_name"]
        return found

    def _amount(self, name: str, text: str, coin: str) -> dict[str, Any] | None:
        if not text.strip():
            return None
        try:
            read = read_amount(text)
        except QuantityError as error:
            self.fault(name, error.message, error.hint)
            return None
        units = UNITS[name] if UNITS[name] is not None else {"", coin.lower(), "枚", "个"}
        if read.unit.lower() not in units:
            self.fault(name, _("the unit %(unit)s is not this column's") % {"unit": repr(read.unit)})
            return None
        return dump(read.amount)

    def _code_of(self, name: str) -> str:
        codes = self.known.get(name, [])
        if len(codes) == 1:
            return codes[0]
        words = (
            _("several organisations have this name")
            if codes
            else _("no organisation of this name is registered")
        )
        self.fault("organisation_code", words, _("enter its 18-digit code"))
        return ""


def _today() -> date:
    return timezone.now().astimezone(CHINA).date()


def _planned(values: dict[str, Any], place: str, old: OldCase | None, worked_on: set[Any]) -> Planned:
    if old is None:
        return Planned("new", values["key"], place, values)
    changes, kept = [], []
    for name in FIELDS:
        before, after = old.imported.get(name), values[name]
        if after == before:
            continue
        now = _current(old, name)
        is_ours = (
            now != before or name in FIXED or (name in ("closed_on", "label") and old.case_id in worked_on)
        )
        if now != after:
            (kept if is_ours else changes).append(Change(name, now, after))
    is_new_word = any(values[n] != old.imported.get(n) for n in FIELDS)
    kind = "changed" if changes else "kept" if is_new_word else "same"
    return Planned(kind, values["key"], place, values, tuple(changes), tuple(kept), old)


def _current(old: OldCase, name: str) -> Any:
    if name == "opened_on":
        return old.case.opened_at.astimezone(CHINA).date().isoformat()
    value = getattr(old.case if name in ON_CASE else old, name)
    return (
        value.isoformat()
        if isinstance(value, date)
        else ""
        if value is None and name not in AMOUNTS
        else value
    )


def apply(holder: Holder, found: Plan) -> Plan:
    """Do what a plan says: all of it in one transaction.

    Raises:
        Refused: E-CAS-080 while it has faults.
        Stale: E-AUD-003 when a case was changed since the plan was made.
    """
    if found.faults:
        told = _("%(n)d faults: nothing was imported") % {"n": len(found.faults)}
        raise Refused("E-CAS-080", told, _("correct the file and import it again"))
    with transaction.atomic():
        for row in found.rows:
            if row.kind == "new":
                _create(holder, found, row)
            elif row.kind != "same" and row.old is not None:
                _update(found, row, row.old)
        told = {kind: found.count(kind) for kind in ("new", "changed", "kept", "same")}
        record("case.import", ("cases.oldcase", found.source), {"file": found.name[:200], **told})
    return found


def _create(holder: Holder, found: Plan, row: Planned) -> None:
    given = row.values
    opened = _midnight(given["opened_on"])
    closed = _midnight(given["closed_on"]) if given["closed_on"] else None
    state = CaseState.CLOSED if closed else CaseState.DETERMINED if given["label"] else CaseState.VERIFYING
    case = Case(
        state=state, state_since=closed or opened, opened_at=opened, closed_at=closed, origin="import",
        opened_by_id=holder.user_id, closing_ground=f"{found.source}: {found.name}"[:300] if closed else "",
        **{name: given[name] for name in ON_CASE},
    )  # fmt: skip
    case.number = draw("C", case.pk)
    case.save(action="case.import", reason=f"{found.source} {row.key}")
    old = OldCase(case=case, source=found.source, key=row.key, imported=_imported(given))
    for name in ON_OLD:
        setattr(old, name, _typed(name, given[name]))
    old.save(action="case.import")


def _update(found: Plan, row: Planned, old: OldCase) -> None:
    case = old.case
    for one in row.changes:
        setattr(case if one.name in ON_CASE else old, one.name, _typed(one.name, one.after))
        if one.name == "opened_on":
            case.opened_at = _midnight(one.after)
        if one.name == "closed_on":
            case.closed_at = _midnight(one.after) if one.after else None
            case.state = CaseState.CLOSED if one.after else CaseState.VERIFYING
            case.state_since = case.closed_at or timezone.now()
            case.closing_ground = f"{found.source}: {found.name}"[:300] if one.after else ""
    old.imported = _imported(row.values)
    if row.changes:
        case.save(action="case.import", reason=f"{found.source} {row.key}")
    old.save(action="case.import")


def _imported(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in FIELDS}


def _typed(name: str, value: Any) -> Any:
    if name in ("started_on", "closed_on"):
        return date.fromisoformat(value) if value else None
    return value


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), CHINA).astimezone(UTC)


# --- amounts -----------------------------------------------------------------------------------------------------


def dump(amount: Bounded) -> dict[str, Any]:
    """A bounded number as JSON keeps it; None where there is no bound."""
    low, high = (end if math.isfinite(end) else None for end in (amount.low, amount.high))
    return {"low": low, "estimate": amount.estimate, "high": high, "about": amount.about}


def load(kept: Mapping[str, Any]) -> Bounded:
    """The bounded number again."""
    low = -math.inf if kept["low"] is None else float(kept["low"])
    high = math.inf if kept["high"] is None else float(kept["high"])
    return Bounded(low, float(kept["estimate"]), high, bool(kept["about"]))


def total(holder: Holder, name: str) -> tuple[Bounded, int]:
    """The sum of an amount over the old cases that a holder sees, and how many state it: ≥ stays ≥ (invariant 20)."""
    found, count = bounded(0.0), 0
    for kept in policy.visible(holder, OldCase).values_list(name, flat=True).iterator():
        if kept is not None:
            found, count = found + load(kept), count + 1
    return found, count
