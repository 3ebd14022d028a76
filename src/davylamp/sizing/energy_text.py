"""An account in lines for readers, within the width of their terminal; official figures come first."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Final

from davylamp.counted import counted
from davylamp.sizing.client_power import Line
from davylamp.sizing.coins import CoinEstimate
from davylamp.sizing.coins_scan import ClientCoins, CoinSum, CoinSums, Earning
from davylamp.sizing.energy import Period
from davylamp.sizing.energy_books import Account
from davylamp.sizing.energy_groups import Grouping
from davylamp.sizing.energy_rows import DIGITS, overstated, pairs
from davylamp.sizing.energy_scan import Client
from davylamp.sizing.extrapolate import Extrapolation
from davylamp.sizing.factors import MassEstimate
from davylamp.sizing.power import MEANING
from davylamp.sizing.quantities import Coins, Energy, Hashrate, Mass, Money
from davylamp.sizing.quantities_bounds import SAME, bounded, figure
from davylamp.tables.energy import factors

MOST_LINES: Final = 40  # judged: a few screens; the rest is in the JSON
WIDTH: Final = 80
NARROWEST: Final = 40  # judged: below it nothing can be laid out


def account_text(account: Account, width: int = WIDTH) -> str:
    """The account in lines: official figures first, those comparable with the release of 2021 beside them."""
    days = counted(account.days, "day")
    mean = account.per_day.to("kWh") / 24
    marked = f" ({account.mark.partition(':')[0]})" if account.mark else ""
    said = f"{_kwh(account.per_day)} a day, mean {mean.text(DIGITS)} kW; {_kwh(account.over_days)} in {days}"
    text = [*_wrap(account.mark, width), *_wrap(said + marked, width), ""]
    text += _masses_text(account, marked, width)
    ratio = overstated(account)
    if ratio is not None:
        official = next(m.row.set for m in account.total.official if m.row.yields == "CO2")
        text += _wrap(f"The comparable CO2 is {ratio:.2f} times that by {official}.", width)
    text += _factors_text([day for day, _ in pairs(account)], width)
    text += _split_text(account, width)
    text += _coins_text(account.coins, width)
    if account.groups and not any(group.key for grouping in account.groups for group in grouping.groups):
        text += [*_wrap("Organisation, region and sector are unknown of all clients.", width), ""]
    else:
        for grouping in account.groups:
            text += _grouping_text(grouping, width)
    text += _clients_text(account.clients, width) if account.clients else _lines_text(account.lines, width)
    if account.sample is not None:
        text += _wrap(f"Sample: {account.sample.how}.", width)
    for note in account.notes:
        text += _wrap(f"Note: {note}.", width)
    last = f"Method {account.method}; masses come from kWh and are rounded for this table only."
    return "\n".join([*text, *_wrap(last, width)]) + "\n"


def _wrap(text: str, width: int, indent: int = 0, hang: int = 2) -> list[str]:
    """Text within a width, its later lines set in further; nothing of it reaches a terminal unescaped."""
    first, later = " " * indent, " " * (indent + hang)
    return textwrap.wrap(
        _plain(text),
        max(width, NARROWEST),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """What a terminal must not obey, escaped."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _kwh(energy: Energy) -> str:
    return f"{energy.to('kWh').text(DIGITS)} kWh"


def _weight(mass: Mass) -> str:
    """In tonnes, below one of them in kilograms."""
    return mass.text("t" if mass.to("t").estimate >= 1 else "kg", DIGITS)


def _masses_text(account: Account, marked: str, width: int) -> list[str]:
    """The figures in two blocks of one layout: aligned, or one beneath the other where the width is too small."""
    days = counted(account.days, "day")
    rows = [
        (day.is_official, (day.row.yields, _weight(day.mass), _weight(over.mass), day.row.set))
        for day, over in pairs(account)
    ]
    head = ("", "a day", days, "factor set")
    sizes = [max(len(cells[i]) for cells in (head, *(cells for _, cells in rows))) for i in range(4)]
    is_wide = sum(sizes) + 8 > width
    text: list[str] = []
    for title, official in (("Official", True), ("Comparable with the release of 2021", False)):
        body = [cells for is_official, cells in rows if is_official is official]
        if body:
            text.append(f"{title}{marked}")
            text += _stacked(body, days, width) if is_wide else _aligned([head, *body], sizes)
            text.append("")
    return text


def _aligned(rows: Sequence[Sequence[str]], sizes: Sequence[int]) -> list[str]:
    return [f"  {a:<{sizes[0]}}  {b:>{sizes[1]}}  {c:>{sizes[2]}}  {d}" for a, b, c, d in rows]


def _stacked(rows: Sequence[Sequence[str]], days: str, width: int) -> list[str]:
    text: list[str] = []
    for what, a_day, over_days, name in rows:
        text.append(f"  {what} by {name}")
        text += _labelled([("a day", a_day), (days, over_days)], width)
    return text


def _labelled(items: Iterable[tuple[str, str]], width: int, indent: int = 6) -> list[str]:
    """Label and text in two columns; long texts go on below themselves."""
    kept = [(_plain(label), text) for label, text in items if text]
    size = max((len(label) for label, _ in kept), default=0) + 2
    lines: list[str] = []
    for label, text in kept:
        wrapped = _wrap(text, width - indent - size, hang=0)
        lines += [f"{' ' * indent}{label if i == 0 else '':<{size}}{line}" for i, line in enumerate(wrapped)]
    return lines


def _factors_text(shown: Sequence[MassEstimate], width: int) -> list[str]:
    """What each factor is."""
    text = ["", "Factors"]
    for mass in shown:
        row = mass.row
        text += _wrap(f"{row.set}, {row.yields}: {row.value} {row.unit}, {row.title}", width, 2)
    return text


def _split_text(account: Account, width: int) -> list[str]:
    """The split by grade, and the two periods."""
    text: list[str] = []
    if account.power is not None:
        text += ["", "By grade"]
        for grade, power in account.power.by_grade.items():
            count = counted(account.power.count[grade], "item")
            text += _wrap(
                f"{grade} {MEANING[grade]}: {power.to('kWh/d').text()} kWh a day, {count}", width, 2
            )
    if account.observed is not None and account.inferred is not None:
        seen, guess = "the time that records cover", "the time from the first record to the last"
        if account.clients:
            hours = sum((c.seen.hours for c in account.clients), bounded(0.0))
            ran = sum((c.guess.hours for c in account.clients), bounded(0.0))
            many = counted(len(account.clients), "client")
            seen = f"what records cover, {hours.text()} h of {many}"
            guess = (
                "from each client's first record to its last, at least what was seen and at most all, "
                f"{figure(ran.low)} to {figure(ran.high)} h"
            )
        text += ["", "Two periods, never added"]
        text += _labelled(
            [
                ("observed", f"{_kwh(account.observed)}: {seen}"),
                ("inferred", f"{_kwh(account.inferred)}: {guess}"),
            ],
            width,
            2,
        )
    return [*text, ""]


def _coins(coins: Coins | None, worth: Money | None) -> str:
    """Coins and what they are worth."""
    if coins is None:
        return "unknown"
    return f"{coins}" + (f", worth {worth}" if worth is not None else "")


def _coins_text(sums: CoinSums | None, width: int) -> list[str]:
    """Coins in total; what is unknown is said with its reason."""
    if sums is None:
        return []
    text = ["Coins"]
    for each in sums.by_coin:
        if each.observed is None:
            text += _wrap(f"{each.coin}: unknown of {counted(each.unknown, 'client')}: {each.why}", width, 2)
            continue
        text += _wrap(f"{each.coin}, {counted(each.clients, 'client')}", width, 2)
        text += _labelled(
            [
                ("observed", _coins(each.observed, each.observed_worth)),
                ("inferred", _coins(each.inferred, each.inferred_worth)),
                ("worth", f"unknown: {each.worth_why}" if each.observed_worth is None else ""),
            ],
            width,
        )
        if each.unknown:
            text += _labelled([("unknown", f"of {counted(each.unknown, 'client')}: {each.why}")], width)
    for why, count in sums.unknown_kind[:MOST_LINES]:
        text += _wrap(f"unknown of {counted(count, 'client')}: {why}", width, 2)
    return [*text, *_more(len(sums.unknown_kind)), ""]


def _grouping_text(grouping: Grouping, width: int) -> list[str]:
    """Totals by one key; unknown last."""
    text = [f"By {grouping.by}"]
    for group in grouping.groups[:MOST_LINES]:
        code = f" ({group.key})" if group.key and group.name else group.key or ""
        text += _wrap(f"{group.name}{code}, {counted(group.clients, 'client')}", width, 2)
        text += _labelled(
            [
                ("a day", _kwh(group.per_day)),
                ("observed", _kwh(group.observed)),
                ("inferred", _kwh(group.inferred)),
                *((each.coin, _pair(each)) for each in group.coins.by_coin),
            ],
            width,
        )
    return [*text, *_more(len(grouping.groups)), ""]


def _pair(found: CoinSum) -> str:
    """One coin's two amounts."""
    if found.observed is None:
        return f"unknown: {found.why}"
    return f"observed {found.observed}, inferred {found.inferred}"


def _more(count: int) -> list[str]:
    return [f"  and {count - MOST_LINES} more; --format json has them all"] if count > MOST_LINES else []


def _clients_text(clients: Sequence[Client], width: int) -> list[str]:
    """Each client with both periods, its machines and coins, and what its power rests on."""
    text = ["Clients"]
    for client in clients[:MOST_LINES]:
        owner = client.owner.names.get("organisation") or client.owner.keys.get("organisation")
        head = f"{client.name}{f', {owner}' if owner else ''}: {client.power.power.text('kW')}"
        text += _wrap(f"{head}, grade {client.power.grade}", width, 2)
        rows = [
            ("observed", f"{_kwh(client.observed)}: {_seen_text(client.seen)}"),
            ("inferred", f"{_kwh(client.inferred)}: {_guess_text(client.seen, client.guess)}"),
            ("machines", _machines(client)),
            *((each.coin or "coins", _client_coins(each)) for each in client.coins),
            *(("from", _basis(line)) for line in client.lines),
        ]
        text += _labelled(rows, width)
    return [*text, *_more(len(clients)), ""]


def _hours(hours: float) -> str:
    return f"{hours:.4g} h"


def _seen_text(seen: Period) -> str:
    """The observed period in a few words."""
    return f"records cover {_hours(seen.hours.estimate)} of {_hours(seen.span_h)}"


def _guess_text(seen: Period, guess: Period) -> str:
    """The inferred period in a few words."""
    if guess.span_h <= seen.hours.estimate * (1 + SAME):
        return f"all {_hours(guess.span_h)} from first to last record were seen"
    usual = guess.hours.estimate
    why = "what was seen" if usual <= seen.hours.estimate * (1 + SAME) else "judged usual"
    return f"{_hours(usual)} ({why}) of {_hours(guess.span_h)} from first to last record, at most all"


def _machines(client: Client) -> str:
    if client.machines is None:
        return f"unknown: {client.machines_note}"
    because = f": {client.machines_note}" if client.machines_note else ""
    low, estimate, high = (figure(end) for end in astuple(client.machines))
    ends = "" if low == high else f" ({low} to {'unbounded' if high == 'inf' else high})"
    return f"{estimate}{ends}{because}"


def _client_coins(found: ClientCoins) -> str:
    """One client's coins over both periods."""
    if found.observed is None or found.inferred is None:
        return f"unknown: {found.why}"
    parts = [_earning("observed", found.observed), _earning("inferred", found.inferred), *found.notes]
    return "; ".join(parts)


def _earning(kind: str, earning: Earning) -> str:
    why = f", worth unknown: {earning.why}" if earning.worth is None and "no rule" not in earning.why else ""
    return f"{kind} {_coins(earning.coins, earning.worth)}{why}"


def _basis(line: Line) -> str:
    """What a line's power rests on."""
    what = f"to {line.what.rpartition(' at ')[2]}" if line.power.grade == "C" else line.what
    return "; ".join(dict.fromkeys(p for p in (*line.power.inputs, what, *line.power.notes) if p))


def _lines_text(lines: Sequence[Line], width: int) -> list[str]:
    """Devices of an inventory, or a meter."""
    if not lines:
        return []
    text = ["Lines"]
    for line in lines[:MOST_LINES]:
        text += _wrap(f"{line.name}: {line.power.power.text('kW')}, grade {line.power.grade}", width, 2)
        text += _wrap(_basis(line), width, 6, 0)
    return [*text, *_more(len(lines)), ""]


def factor_list(site: Path | None = None, width: int = WIDTH) -> str:
    """All factor sets with their sources, in lines."""
    text: list[str] = []
    for row in factors(site):
        value = "no value yet" if row.value is None else f"{row.value:g} {row.unit}"
        text += _wrap(f"{row.set}, {row.yields}: {value}, {row.status}", width)
        text += _wrap(f"{row.title}; {row.source}", width, 4, 0)
    return "\n".join(text) + "\n"


def extrapolation_text(found: Extrapolation, width: int = WIDTH) -> str:
    """How many of a population, with how the sample was selected; a forced one says so first."""
    sample = found.sample
    about = "≈ " if found.mark else ""
    share = ", ".join(f"{100 * end:.3g} %" for end in (found.each.low, found.each.high))
    said = (
        f"{about}{bounded(found.total)} of {sample.population:,}, which is {100 * found.each.estimate:.3g} %"
    )
    text = [
        *_wrap(found.mark, width),
        *_wrap(f"{said} ({share.replace(', ', ' to ')})", width),
        *_wrap(
            f"Sample: {sample.size} of {sample.population:,}, selection {sample.selection}; {found.how}.",
            width,
        ),
        *_wrap(f"Method {found.method}.", width),
    ]
    return "\n".join(text) + "\n"


def coins_text(found: CoinEstimate, worth: Money | None, width: int = WIDTH, earner: str = "") -> str:
    """Coins that a hashrate earns, and what they rest on."""
    text = _wrap(f"{found.coins}{f' {earner}' if earner else ''}", width)
    if worth is not None:
        text += _wrap(f"worth {worth}", width)
    if found.missing:
        days = f"{counted(len(found.missing), 'day')} missing in the series, the first {found.missing[0]}"
        text += _wrap(f"a lower bound: {days}", width)
    text += _wrap(f"From {'; '.join(found.inputs)}.", width)
    text += _wrap(
        f"Expected coins by the network's days, not what a pool paid. Method {found.method}.", width
    )
    return "\n".join(text) + "\n"


def implied_text(total: Hashrate, machines: int, width: int = WIDTH) -> str:
    """The hashrate that coins stand for, in all and of each machine."""
    text = _wrap(f"{total} of {total.algorithm}", width)
    if machines > 1:
        text += _wrap(f"{total / machines} each, over {machines} machines", width)
    return "\n".join(text) + "\n"
