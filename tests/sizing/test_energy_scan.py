"""Scans: two periods that are never merged, coins that are unknown and never 0, sums that agree however grouped."""

import json
import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp.errors import InputError
from davylamp.sizing.coins import Day, Series
from davylamp.sizing.coins_market import Market, Pricing
from davylamp.sizing.energy import by_day, inferred, inferred_by_day, observed
from davylamp.sizing.energy_account import Choice, Line
from davylamp.sizing.energy_groups import group, owners
from davylamp.sizing.energy_rows import account_row
from davylamp.sizing.energy_scan import Client, account_of_scan
from davylamp.sizing.energy_text import account_text
from davylamp.sizing.power import PowerEstimate
from davylamp.sizing.quantities import Power
from davylamp.sizing.quantities_bounds import Bounded

HOUR = 3_600_000_000_000
FLAT = tuple(Day(date(2024, 5, 30) + timedelta(days=i), 1e9, 432.0, 1000.0) for i in range(10))
XMR = Series("XMR", "rx/0", "CNY", "xmr.csv", FLAT)
MARKET = Market((XMR,), pricing=Pricing("mining day"))


def sighting(first, last, **more):
    return {
        "client_ip": "10.0.0.1",
        "server_ip": "198.51.100.1",
        "server_port": 3333,
        "first_seen": f"2024-06-{first}:00.000000000Z",
        "last_seen": f"2024-06-{last}:00.000000000Z",
        "kind": "mining",
        "sessions": [],
        "coin": "XMR",
        "algorithm": "rx/0",
        "hashrate_hps": {"low": 9e3, "estimate": 1e4, "high": 1.1e4},
        "hashrate_note": "",
        **more,
    }


@pytest.fixture
def scan(tmp_path):
    def write(*sightings, sessions=(), clients=()):
        path = tmp_path / "scan.json"
        whole = {"sightings": list(sightings), "sessions": list(sessions), "clients": list(clients)}
        path.write_text(json.dumps(whole))
        return path

    return write


def client_of(path, market=MARKET):
    (client,) = account_of_scan(path, Choice(), market).clients
    return client


# --- periods -----------------------------------------------------------------------------------------------


def test_both_periods_are_shown_with_their_sentences_and_never_merged(scan):
    """Two sessions of an hour, eight hours apart: 2 h observed, 9 of 10 h inferred."""
    sessions = [sighting("01T00:00", "01T01:00"), sighting("01T09:00", "01T10:00")]
    account = account_of_scan(
        scan(sighting("01T00:00", "01T10:00", sessions=[0, 1]), sessions=sessions), Choice()
    )
    row = account_row(account)
    (client,) = row["clients"]
    assert client["observed_period"]["hours"]["estimate"] == pytest.approx(2)
    assert client["inferred_period"]["hours"]["estimate"] == pytest.approx(9)
    kw = client["kw"]["estimate"]
    assert row["observed_kwh"]["estimate"] == pytest.approx(2 * kw)
    assert row["inferred_kwh"]["estimate"] == pytest.approx(9 * kw)
    text = " ".join(account_text(account).split())
    assert "records cover 2 h of 10 h" in text
    assert "9 h (judged usual) of 10 h from first to last record, at most all" in text


def test_the_inferred_energy_of_a_client_that_moves_between_pools_counts_its_power_once(scan):
    """Pool A from 0 to 10 h with a hole that pool B fills: 10 h of one machine, not 15."""
    sessions = [sighting("01T00:00", "01T03:00"), sighting("01T07:00", "01T10:00")]
    path = scan(
        sighting("01T00:00", "01T10:00", sessions=[0, 1]),
        sighting("01T03:00", "01T07:00", server_port=4444),
        sessions=sessions,
    )
    client = client_of(path)
    assert client.inferred.to("kWh").estimate == pytest.approx(
        10 * client.lines[0].power.power.to("kW").estimate
    )


@given(st.lists(st.tuples(st.integers(0, 200 * HOUR), st.integers(0, 200 * HOUR)), min_size=1, max_size=8))
def test_the_days_of_a_period_sum_to_the_period(spans):
    spans = [(min(s), max(s)) for s in spans]
    seen = observed(spans)
    guess = inferred(seen)
    assert sum(by_day(spans).values()) == pytest.approx(seen.hours.estimate)
    days = inferred_by_day(spans, guess).values()
    for end in ("low", "estimate", "high"):
        assert sum(getattr(hours, end) for hours in days) == pytest.approx(
            getattr(guess.hours, end), abs=1e-6
        )
    assert all(0 <= hours.low <= hours.high <= 24 + 1e-9 for hours in days)


def test_a_span_is_cut_at_midnight():
    day = 24 * HOUR
    assert by_day([(day - HOUR, day + 2 * HOUR)]) == {date(1970, 1, 1): 1.0, date(1970, 1, 2): 2.0}


# --- coins -------------------------------------------------------------------------------------------------


def test_coins_over_both_periods(scan):
    """10 kH/s for 12 of 24 h, 1 GH/s, 432 XMR a day: 0.00216 observed; 0.9 x 24 h inferred: 0.003888."""
    sessions = [sighting("01T00:00", "01T06:00"), sighting("01T18:00", "02T00:00")]
    client = client_of(scan(sighting("01T00:00", "02T00:00", sessions=[0, 1]), sessions=sessions))
    (coins,) = client.coins
    assert coins.observed.coins.amount.estimate == pytest.approx(0.00216)
    assert coins.observed.coins.amount.low == pytest.approx(0.9 * 0.00216)
    assert coins.inferred.coins.amount.estimate == pytest.approx(0.003888)
    assert (coins.inferred.coins.amount.low, coins.inferred.coins.amount.high) == (
        pytest.approx(0.9 * 0.00216),
        pytest.approx(1.1 * 0.00432),
    )
    assert coins.observed.worth.amount.estimate == pytest.approx(2.16)
    assert (coins.observed.worth.currency, coins.observed.worth.as_of) == ("CNY", "each mining day, xmr.csv")


def test_a_fee_takes_its_part(scan):
    whole = client_of(scan(sighting("01T00:00", "02T00:00")), Market((XMR,))).coins[0]
    less = client_of(scan(sighting("01T00:00", "02T00:00")), Market((XMR,), fee=0.01)).coins[0]
    assert less.observed.coins.amount.estimate == pytest.approx(0.99 * whole.observed.coins.amount.estimate)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"coin": "ETH"}, "no series of ETH was given"),
        ({"coin": None}, "the coin is unknown"),
        ({"algorithm": "rx/wow"}, "mined with rx/wow, the series is of rx/0"),
        ({"hashrate_hps": None, "hashrate_note": "no share was seen"}, "no share was seen"),
        ({"first_seen": "2023-01-01T00:00:00.0Z", "last_seen": "2023-01-01T01:00:00.0Z"}, "lacks all days"),
        ({"last_seen": "2024-06-20T00:00:00.0Z"}, "lacks 11 of 19 days"),
        ({"last_seen": "2024-06-01T00:00:00.0Z"}, "one moment only"),
        ({"hashrate_hps": {"low": 2e9, "estimate": 3e9, "high": 4e9}}, "more hashes than the whole network"),
    ],
)
def test_coins_that_cannot_be_reckoned_are_unknown_with_the_reason_and_never_0(scan, more, reason):
    account = account_of_scan(scan(sighting("01T00:00", "02T00:00", **more)), Choice(), MARKET)
    ((found,),) = (client.coins for client in account.clients)
    assert (found.observed, found.inferred) == (None, None)
    assert reason in found.why
    row = account_row(account)
    assert row["clients"][0]["coins"][0]["observed"] is None
    assert reason in row["clients"][0]["coins"][0]["unknown_because"]
    assert all(each["observed"] is None for each in row["coins"]["by_coin"])
    assert reason in " ".join(account_text(account).split())


def test_allowed_gaps_make_a_lower_bound(scan):
    gaps = Market((XMR,), allow_gaps=True)
    (found,) = client_of(scan(sighting("08T00:00", "10T00:00")), gaps).coins
    assert found.observed.coins.amount.estimate == pytest.approx(0.00432)
    assert math.isinf(found.observed.coins.amount.high)
    assert found.observed.found.missing == (date(2024, 6, 9),)


def test_without_series_nothing_is_said_of_coins(scan):
    account = account_of_scan(scan(sighting("01T00:00", "02T00:00")), Choice())
    assert account.coins is None
    assert account_row(account)["coins"] is None
    assert "Coins" not in account_text(account)


def test_work_for_the_author_of_the_program_is_not_the_client_s(scan):
    sessions = [sighting("01T00:00", "02T00:00", donation=True)]
    (found,) = client_of(scan(sighting("01T00:00", "02T00:00", sessions=[0]), sessions=sessions)).coins
    assert "author of its program" in found.why


def test_a_pool_that_pays_in_another_coin_is_said_to(scan):
    sessions = [sighting("01T00:00", "02T00:00", payout_coin="BTC")]
    (found,) = client_of(scan(sighting("01T00:00", "02T00:00", sessions=[0]), sessions=sessions)).coins
    assert found.notes == ("the pool pays in BTC",)


def test_a_sum_over_known_and_unknown_clients_is_a_lower_bound(scan):
    path = scan(
        sighting("01T00:00", "02T00:00"),
        sighting("01T00:00", "02T00:00", client_ip="10.0.0.2", hashrate_hps=None, hashrate_note="no share"),
    )
    (found,) = account_of_scan(path, Choice(), MARKET).coins.by_coin
    assert (found.clients, found.unknown, found.why) == (1, 1, "no share")
    assert math.isinf(found.observed.amount.high)
    assert math.isinf(found.observed_worth.amount.high)


def test_one_client_s_known_and_unknown_sightings_make_a_lower_bound(scan):
    path = scan(
        sighting("01T00:00", "02T00:00"),
        sighting("01T00:00", "02T00:00", server_port=1, hashrate_hps=None, hashrate_note="no share"),
    )
    (found,) = client_of(path).coins
    assert math.isinf(found.observed.coins.amount.high)
    assert found.observed.coins.amount.estimate == pytest.approx(0.00432)
    assert "no share" in found.notes[0]


def test_a_value_without_prices_is_unknown_and_the_coins_stay(scan):
    bare = Series("XMR", "rx/0", "CNY", "xmr.csv", tuple(Day(d.day, d.network_hps, d.emission) for d in FLAT))
    account = account_of_scan(
        scan(sighting("01T00:00", "02T00:00")), Choice(), Market((bare,), pricing=Pricing("mining day"))
    )
    (found,) = account.coins.by_coin
    assert found.observed.amount.estimate > 0
    assert found.observed_worth is None
    assert "no price of XMR" in found.worth_why


# --- whose -------------------------------------------------------------------------------------------------

MARK = {
    "organisation": "12330000470095016Q",
    "organisation_name": "某大学",
    "region": "330106",
    "sector": "education",
}


def test_an_attributed_scan_is_summed_by_organisation_region_and_sector(scan):
    path = scan(
        sighting("01T00:00", "02T00:00"),
        sighting("01T00:00", "02T00:00", client_ip="10.0.0.2"),
        sighting("01T00:00", "02T00:00", client_ip="10.0.0.3"),
        clients=[{"client_ip": "10.0.0.1", **MARK}, {"client_ip": "10.0.0.2", **MARK, "region": None}],
    )
    row = account_row(account_of_scan(path, Choice(), MARKET))
    assert [(g["key"], g["clients"]) for g in row["by_organisation"]] == [
        ("12330000470095016Q", 2),
        (None, 1),
    ]
    assert [(g["key"], g["clients"]) for g in row["by_region"]] == [(None, 2), ("330106", 1)][::-1]
    assert [(g["key"], g["clients"]) for g in row["by_sector"]] == [("education", 2), (None, 1)]
    assert row["by_organisation"][0]["name"] == "某大学"
    assert row["by_organisation"][1]["name"] == "unknown"
    assert row["clients"][0]["organisation_name"] == "某大学"


def test_a_scan_without_attributions_has_no_groups(scan):
    row = account_row(account_of_scan(scan(sighting("01T00:00", "02T00:00")), Choice()))
    assert (row["by_organisation"], row["by_region"], row["by_sector"]) == ([], [], [])


def test_a_scan_whose_clients_nobody_knows_says_so_in_one_line(scan):
    path = scan(sighting("01T00:00", "02T00:00"), clients=[{"client_ip": "10.0.0.1", "organisation": None}])
    account = account_of_scan(path, Choice())
    assert [g["key"] for g in account_row(account)["by_sector"]] == [None]
    text = account_text(account)
    assert "Organisation, region and sector are unknown of all clients." in text
    assert "By sector" not in text


def test_a_client_whose_rows_contradict_each_other_is_of_unknown_owner():
    found = owners(
        [{"client_ip": "a", "region": "1", "sector": "x"}, {"client_ip": "a", "region": "2", "sector": "x"}]
    )
    assert found["a"].keys == {"sector": "x"}


@pytest.mark.parametrize("clients", [["x"], [{}], [{"client_ip": "10.0.0.1", "region": 5}], 7, [None]])
def test_damaged_attributions_are_an_error_with_a_code(tmp_path, clients):
    path = tmp_path / "scan.json"
    whole = {"sightings": [sighting("01T00:00", "02T00:00")], "sessions": [], "clients": clients}
    path.write_text(json.dumps(whole))
    with pytest.raises(InputError, match="E-ENE-004"):
        account_of_scan(path, Choice())


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "o1", "o2"]),
            st.sampled_from([None, "", "r1", "unknown"]),
            st.sampled_from([None, "s1", "s2"]),
            st.floats(0.001, 1e4),
            st.integers(1, 100),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_sums_by_region_by_sector_and_by_organisation_agree_with_the_total(drawn):
    clients = []
    for i, (organisation, region, sector, kw, hours) in enumerate(drawn):
        seen = observed([(0, hours * HOUR), (2 * hours * HOUR, 3 * hours * HOUR)])
        power = PowerEstimate("C", Power.of(Bounded(kw / 2, kw, 3 * kw), "kW"), "t", ())
        row = {"client_ip": str(i), "organisation": organisation, "region": region, "sector": sector}
        clients.append(_client(str(i), power, seen, owners([row])[str(i)]))
    for grouping in group(clients):
        assert sum(g.clients for g in grouping.groups) == len(clients)
        keys = [g.key for g in grouping.groups]
        assert len(set(keys)) == len(keys)
        assert None not in keys[:-1]
        for what in ("per_day", "observed", "inferred"):
            for end in ("low", "estimate", "high"):
                whole = sum(getattr(getattr(c, what).amount, end) for c in clients)
                parts = sum(getattr(getattr(g, what).amount, end) for g in grouping.groups)
                assert parts == pytest.approx(whole)


def _client(name, power, seen, owner):
    return Client(name, (Line(name, "", power, seen),), power, seen, inferred(seen), owner)


def test_coins_by_group_agree_with_the_total(scan):
    rows = [sighting("01T00:00", "02T00:00", client_ip=f"10.0.0.{i}") for i in range(5)]
    clients = [{"client_ip": f"10.0.0.{i}", "region": f"r{i % 2}"} for i in range(4)]
    account = account_of_scan(scan(*rows, clients=clients), Choice(), MARKET)
    whole = account.coins.by_coin[0].observed.amount.estimate
    for grouping in account.groups:
        parts = sum(g.coins.by_coin[0].observed.amount.estimate for g in grouping.groups)
        assert parts == pytest.approx(whole)


# --- machines ----------------------------------------------------------------------------------------------


def test_machines_are_shown_as_the_scan_counted_them(scan):
    count = {"low": 2, "estimate": 3, "high": None, "reasons": [{"because": "two names at once"}]}
    path = scan(sighting("01T00:00", "02T00:00"), clients=[{"client_ip": "10.0.0.1", "machines": count}])
    account = account_of_scan(path, Choice())
    assert account_row(account)["clients"][0]["machines"]["high"] is None
    assert "3 (2 to unbounded): two names at once" in account_text(account)


def test_machines_that_nobody_counted_are_unknown(scan):
    account = account_of_scan(scan(sighting("01T00:00", "02T00:00")), Choice())
    assert account_row(account)["clients"][0]["machines"] is None
    assert "machines  unknown: the scan carries no count" in account_text(account)


@pytest.mark.parametrize(
    "count", [{"low": 3, "estimate": 2, "high": 1}, {"low": 0, "estimate": 0, "high": 0}, {}]
)
def test_a_count_of_machines_that_cannot_be_is_an_error_with_a_code(scan, count):
    path = scan(sighting("01T00:00", "02T00:00"), clients=[{"client_ip": "10.0.0.1", "machines": count}])
    with pytest.raises(InputError, match="E-ENE-004"):
        account_of_scan(path, Choice())


# --- hostile scans -----------------------------------------------------------------------------------------

ODD = st.sampled_from(
    [None, 0, -1, 1e308, 5e-324, 10**30, "", "\x1b[2J", "x" * 300, [], {}, [[]], True, "9999-12-31T23:59:59.9Z",
     "0001-01-01T00:00:00.0Z", "2024-06-01T00:00:00.0Z"]
)  # fmt: skip
FIELDS = (
    "client_ip", "server_ip", "server_port", "first_seen", "last_seen", "kind", "sessions", "coin", "algorithm",
    "hashrate_hps", "hashrate_note", "low", "estimate", "high", "donation", "payout_coin", "coin_candidates",
)  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(("sighting", "session", "client")), st.sampled_from(FIELDS), ODD),
        max_size=4,
    )
)
def test_no_scan_breaks_the_account_and_none_moves_a_cursor(tmp_path_factory, changes):
    """Any field may hold anything: an account with finite numbers and plain text, or an error with a code."""
    rows = {
        "sighting": sighting("01T00:00", "02T00:00", sessions=[0]),
        "session": sighting("01T00:00", "02T00:00", donation=False, coin_candidates=[{"coin": "XMR"}]),
        "client": {"client_ip": "10.0.0.1", **MARK},
    }
    for which, field, odd in changes:
        row = rows[which]
        inner = row.get("hashrate_hps")
        if field in ("low", "estimate", "high") and isinstance(inner, dict):
            inner[field] = odd
        else:
            row[field] = odd
    path = tmp_path_factory.mktemp("scan") / "scan.json"
    whole = {"sightings": [rows["sighting"]], "sessions": [rows["session"]], "clients": [rows["client"]]}
    path.write_text(json.dumps(whole))
    account = code = None
    try:
        account = account_of_scan(path, Choice(), MARKET)
    except InputError as error:
        code = error.code
    assert account is not None or code in ("E-ENE-004", "E-ENE-006")
    if account is not None:
        json.dumps(account_row(account), allow_nan=False)
        assert "\x1b" not in account_text(account)


# --- how it reads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(scan, width):
    path = scan(
        sighting("01T00:00", "02T00:00"),
        sighting(
            "03T00:00", "04T00:00", client_ip="2001:db8:1111:2222:3333:4444:5555:6666", hashrate_hps=None
        ),
        clients=[{"client_ip": "10.0.0.1", **MARK}],
    )
    text = account_text(account_of_scan(path, Choice(), MARKET), width)
    assert max(len(line) for line in text.splitlines()) <= width
