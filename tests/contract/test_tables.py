"""Shipped tables: complete, consistent with each other, faults told all at once, a site's rows kept apart."""

import ast
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davylamp import tables
from davylamp.errors import TableError
from davylamp.tables.energy import devices, factors
from davylamp.tables.regions import region_names, regions

TABLES = [
    tables.dialects,
    tables.detectors,
    tables.coins,
    tables.algorithms,
    tables.chains,
    tables.pools,
    tables.agents,
    regions,
    region_names,
    devices,
    factors,
]
HEADER = "domain,pool,kind,coins,payout,tags,source,reviewed"


@pytest.mark.parametrize("load", TABLES, ids=lambda f: f.__name__)
def test_every_row_has_a_source_and_a_day_of_review_that_is_not_ahead(load):
    for row in load():
        assert row.source.strip()
        assert date(2026, 1, 1) <= date.fromisoformat(row.reviewed) <= date.today()


def test_every_algorithm_that_a_row_names_is_in_the_table():
    known = {row.algorithm for row in tables.algorithms()}
    assert {row.algorithm for row in tables.coins()} <= known
    assert {name for row in tables.agents() for name in row.algorithms} <= known


def test_every_dialect_that_an_algorithm_names_is_in_the_table_and_every_dialect_has_one():
    known = {row.dialect for row in tables.dialects()}
    named = {name for row in tables.algorithms() for name in row.dialects}
    assert named == known


def test_every_coin_that_a_row_names_is_in_the_table():
    known = {row.coin for row in tables.coins()}
    assert {row.coin for row in tables.chains()} <= known
    assert {coin for row in tables.pools() for coin in row.coins} <= known


def test_a_coins_spans_with_one_algorithm_end_after_they_begin():
    assert [r for r in tables.coins() if r.until is not None and r.until <= r.since] == []


def test_the_shares_of_a_dialects_coins_on_one_day_sum_to_at_most_one():
    """2018-05-19 and 2024-06-01: a share is a part of the dialect's miners. Two worlds share getblocktemplate."""
    for day in (date(2018, 5, 19), date(2024, 6, 1)):
        for dialect in (row.dialect for row in tables.dialects()):
            carried = {r.algorithm for r in tables.algorithms() if dialect in r.dialects}
            shares = [
                r.share
                for r in tables.coins()
                if r.algorithm in carried and r.since <= day and (r.until is None or day <= r.until)
            ]
            most = 2.0 if dialect == "getblocktemplate" else 1.05
            assert sum(shares) <= most, (dialect, day, sum(shares))


def test_a_chains_height_rises_from_day_to_day_and_none_outruns_its_interval_fivefold():
    for coin in {row.coin for row in tables.chains()}:
        rows = [r for r in tables.chains() if r.coin == coin and r.height is not None]
        assert [r.height for r in rows] == sorted({r.height for r in rows}), coin
        assert [r.day for r in rows] == sorted({r.day for r in rows}), coin


def test_stratum_factors_are_ordered_and_complete():
    for row in tables.algorithms():
        factors = (row.stratum_low, row.stratum_estimate, row.stratum_high)
        if row.stratum_estimate is None:
            assert factors == (None, None, None)
        else:
            assert row.stratum_low <= row.stratum_estimate <= row.stratum_high
            assert row.convention


def test_the_factors_of_sha256d_and_scrypt_are_what_their_pools_use():
    """Difficulty 1 is 0xffff * 2^208 for Bitcoin: 2^48 / 65535 hashes; scrypt pools count 2^16 less."""
    rows = {row.algorithm: row for row in tables.algorithms()}
    assert rows["sha256d"].stratum_high == pytest.approx(4_295_032_833.0, rel=1e-9)
    assert rows["sha256d"].stratum_low == 4_294_967_296
    assert rows["scrypt"].stratum_low == 65_536
    assert rows["scrypt"].stratum_high == pytest.approx(65_537, rel=1e-4)


def test_pool_domains_are_whole_lower_case_names_and_no_public_suffix():
    for domain in tables.pool_domains():
        assert domain == domain.lower().strip(".")
        assert domain.count(".") >= 1
        assert domain not in ("com", "co.uk", "com.cn", "google.com", "baidu.com", "github.com")


@pytest.mark.parametrize(
    ("host", "pool"),
    [
        ("xmr-eu1.nanopool.org", "Nanopool"),
        ("stratum+tcp://XMR-eu1.nanopool.org:14444", "Nanopool"),
        ("nanopool.org.", "Nanopool"),
        ("donate.v2.xmrig.com:3333", "XMRig donation"),
        ("carpool.org", None),
        ("notnanopool.org", None),
        ("nanopool.org.evil.example", None),
        ("185.71.66.20", None),
        ("", None),
    ],
)
def test_a_host_belongs_to_a_pool_by_whole_labels(host, pool):
    row = tables.pool_of(host)
    assert (row.pool if row else None) == pool


@given(st.text(max_size=300))
def test_any_text_is_a_host_or_none(text):
    tables.pool_of(text)


def test_a_sites_own_pool_is_added_and_replaces_the_shipped_row(tmp_path):
    rows = [
        "pool.campus.example,Campus proxy,pool,XMR,,,our own registry,2026-11-24",
        "nanopool.org,Nano here,pool,XMR,,,our own registry,2026-11-24",
    ]
    (tmp_path / "pools.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    assert tables.pool_of("rig.pool.campus.example", tmp_path).pool == "Campus proxy"
    assert tables.pool_of("xmr-eu1.nanopool.org", tmp_path).pool == "Nano here"
    assert tables.pool_of("xmr-eu1.nanopool.org").pool == "Nanopool"
    assert len(tables.pools(tmp_path)) == len(tables.pools()) + 1


def test_a_site_without_a_table_of_pools_changes_nothing(tmp_path):
    assert tables.pools(tmp_path) == tables.pools()


def faults_of(tmp_path, *lines):
    (tmp_path / "pools.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(TableError) as caught:
        tables.pools(tmp_path)
    return caught.value


def test_all_faults_of_a_table_come_at_once_with_their_lines(tmp_path):
    error = faults_of(
        tmp_path,
        HEADER,
        "a.example,A,pool,XMR,,,,2026-11-24",
        "b.example,B,pool,XMR,,,ours,yesterday",
        "c.example,C,pool,XMR,,,ours,2026-11-24",
        "c.example,C,pool,XMR,,,ours,2026-11-24",
        "d.example,D",
    )
    assert error.code == "E-TAB-002"
    for words in (
        "line 2: source",
        "line 3: reviewed 'yesterday'",
        "line 5: repeats line 4",
        "line 6: 2 cells",
    ):
        assert words in error.message
    assert error.hint


def test_wrong_columns_are_named(tmp_path):
    error = faults_of(tmp_path, "domain,pool", "a.example,A")
    assert error.code == "E-TAB-002"
    assert "expected domain,pool,kind" in error.message


def test_an_unknown_kind_of_pool_is_refused(tmp_path):
    error = faults_of(tmp_path, HEADER, "a.example,A,casino,XMR,,,ours,2026-11-24")
    assert error.code == "E-TAB-003"


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "pools.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TableError) as caught:
        tables.pools(tmp_path)
    assert caught.value.code == "E-TAB-001"


@pytest.mark.parametrize("cell", ["nan", "inf", "-1", "1e999", "ten"])
def test_no_number_that_is_none_comes_out_of_a_table(tmp_path, cell):
    path = tmp_path / "chains.csv"
    path.write_text(
        f"coin,day,height,difficulty,version,source,reviewed\nBTC,2024-01-01,,{cell},,x,2026-11-24", "utf-8"
    )
    with pytest.raises(TableError, match="difficulty"):
        tables.read_table(path, tables.ChainRow, ("coin", "day"))


def test_tables_load_without_heavy_imports():
    tree = ast.parse(Path(tables.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module])
    }
    assert imported <= set(sys.stdlib_module_names) | {"davylamp"}
