"""Device table and the four grades: ranges that hold the published ones, sums that show their split."""

from datetime import date

import pytest

from davylamp import tables
from davylamp.errors import InputError, TableError
from davylamp.records import Interval
from davylamp.sizing.devices import devices_for, efficiency, find_devices, joules_per_hash
from davylamp.sizing.power import Item, by_default, from_hashrate, inventory, measured, split
from davylamp.sizing.quantities import Hashrate, Power
from davylamp.sizing.quantities_bounds import QuantityError, at_least, bounded
from davylamp.tables import energy as device_tables

HEADER = (
    "model,kind,algorithm,tune,hps_low,hps_mid,hps_high,watts_low,watts_mid,watts_high,basis,since,basket,"
    "source,reviewed\n"
)


def kilowatts(estimate):
    return estimate.power.to("kW")


# --- the table ---------------------------------------------------------------------------------------------


def test_every_device_hashes_an_algorithm_that_is_known():
    known = {row.algorithm for row in tables.algorithms()}
    assert {row.algorithm for row in device_tables.devices()} <= known


def test_every_row_has_a_source_and_says_what_it_measures():
    for row in device_tables.devices():
        assert len(row.source) > 5
        assert row.basis in ("wall", "device-only")
        assert 2009 <= row.since <= 2026


@pytest.mark.parametrize("load", [device_tables.devices, device_tables.factors], ids=lambda f: f.__name__)
def test_every_row_has_a_day_of_review_that_is_not_ahead(load):
    for row in load():
        assert row.source.strip()
        assert date(2026, 1, 1) <= date.fromisoformat(row.reviewed) <= date.today()


@pytest.mark.parametrize(
    ("model", "algorithm", "mhps", "watts"),
    [
        ("RTX 3080", "ethash", 96, 145),
        ("RTX 3080", "ethash", 97.9, 224),
        ("RTX 3080", "kawpow", 46.4, 279),
        ("RTX 3090", "kawpow", 66, 446),
        ("GTX 1660 Super", "ethash", 31, 75),
        ("GTX 1660 Super", "kawpow", 10.1, 78),
        ("RTX 3060", "kawpow", 9.55, 119),
        ("RX 570", "ethash", 31, 85),
        ("RX 580", "ethash", 34, 135),
    ],
)
def test_public_figures_that_disagree_are_all_within_their_row(model, algorithm, mhps, watts):
    """ENERGY.md "Device table"."""
    (row,) = find_devices(model, algorithm)
    assert row.hps_low <= mhps * 1e6 * 1.001
    assert mhps * 1e6 * 0.999 <= row.hps_high
    assert row.watts_low <= watts <= row.watts_high


@pytest.mark.parametrize(
    "model", ["Antminer S9", "Bitmain Antminer S9", "antminer s9", "ANTMINER  S9", "AntMiner-S9"]
)
def test_a_model_is_found_however_it_is_written(model):
    assert {row.model for row in find_devices(model)} == {"Antminer S9"}


def test_similar_models_are_not_taken_for_one_another():
    assert {r.model for r in find_devices("Antminer S19")} == {"Antminer S19"}
    assert {r.model for r in find_devices("Antminer L3+")} == {"Antminer L3+"}
    assert find_devices("Antminer S1999") == ()


def test_the_families_that_inspections_meet_are_covered():
    wanted = {
        "sha256d": ("S9", "S17", "S19", "M20S", "M30S", "M50"),
        "scrypt": ("L3+", "L7"),
        "equihash/200,9": ("Z9", "Z15"),
        "ethash": (
            "A10",
            "RX 570",
            "RX 580",
            "RX 5700",
            "RX 6800",
            "GTX 1660 Super",
            "RTX 2060",
            "RTX 3080",
            "RTX 4090",
        ),
        "kheavyhash": ("KS3",),
        "rx/0": ("Ryzen 9 3900X", "Xeon E5-2680 v4", "EPYC 7742", "Core i9-9900K"),
    }
    for algorithm, names in wanted.items():
        models = [row.model for row in devices_for(algorithm)]
        assert [n for n in names if not any(n in m for m in models)] == []


@pytest.mark.parametrize(
    "cells",
    [
        "X,toaster,rx/0,stock,1,2,3,1,2,3,wall,2020,yes,s,2026-11-24",
        "X,cpu,rx/0,stock,3,2,1,1,2,3,wall,2020,yes,s,2026-11-24",
        "X,cpu,rx/0,stock,1,2,3,0,2,3,wall,2020,yes,s,2026-11-24",
        "X,cpu,rx/0,stock,1,2,3,1,2,3,somewhere,2020,yes,s,2026-11-24",
    ],
)
def test_a_sites_row_that_cannot_be_is_refused(tmp_path, cells):
    (tmp_path / "devices.csv").write_text(HEADER + cells + "\n")
    with pytest.raises(TableError, match="E-TAB-004"):
        device_tables.devices(tmp_path)


def test_a_sites_row_replaces_the_shipped_one(tmp_path):
    (tmp_path / "devices.csv").write_text(
        HEADER
        + "Antminer S9,asic,sha256d,stock,1e13,1.2e13,1.3e13,900,1000,1100,wall,2016,yes,own,2026-11-24\n"
    )
    (row,) = find_devices("Antminer S9", site=tmp_path)
    assert row.watts_mid == 1000
    assert len(device_tables.devices(tmp_path)) == len(device_tables.devices())


# --- efficiency --------------------------------------------------------------------------------------------


def test_the_upper_bound_is_the_worst_hardware_period():
    """No row that is on sale is worse than it, usual or not, and age takes none away."""
    worth = efficiency("sha256d")
    assert worth.worst == "Antminer S3"
    for row in devices_for("sha256d"):
        each = joules_per_hash(row)
        assert worth.joules_per_hash.low <= each.estimate <= worth.joules_per_hash.high


def test_the_middle_is_of_usual_hardware_only():
    """S3, S5 and S7 draw 250 to 770 J/TH; the usual ones 17 to 100."""
    assert 17e-12 < efficiency("sha256d").joules_per_hash.estimate < 100e-12


def test_what_was_not_on_sale_yet_does_not_set_the_lower_bound():
    assert efficiency("rx/0", at_most_hps=1e9).best == "Antminer X9"
    assert efficiency("rx/0", year=2021, at_most_hps=1e9).best != "Antminer X9"


def test_an_asic_too_fast_for_what_was_seen_does_not_set_the_lower_bound():
    slow = efficiency("rx/0", at_most_hps=1e4)
    assert slow.best != "Antminer X9"
    assert any("too fast" in note for note in slow.notes)
    assert slow.joules_per_hash.high == efficiency("rx/0").joules_per_hash.high


def test_etchash_is_sized_by_ethash_and_says_so():
    assert efficiency("etchash").joules_per_hash == efficiency("ethash").joules_per_hash
    assert efficiency("etchash").notes == ("figures of ethash",)


def test_an_algorithm_without_devices_gives_a_reason():
    assert efficiency("rx/wow") == "no device of rx/wow is in the table"
    assert from_hashrate(Hashrate.of(1, "kH/s", "rx/wow")) == "no device of rx/wow is in the table"


# --- grades ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "megawatts"), [("Antminer S19", 0.34), ("Antminer S9", 1.0)])
def test_ten_petahashes_of_sha256d_are_a_third_of_a_megawatt_or_one(model, megawatts):
    """ENERGY.md: 10 PH/s is about 0.3 MW on S19-class and 1 MW on S9-class hardware, not 10.8 MW."""
    (row,) = find_devices(model)
    assert joules_per_hash(row).estimate * 10e15 / 1e6 == pytest.approx(megawatts, rel=0.05)


def test_jiangsus_sum_of_unlike_hashes_fits_neither_algorithm():
    """10.8 MW and 10 PH/s: beyond any SHA-256d hardware in use, and below any Ethash by a factor of 500."""
    jiangsu = Power.of(260_000, "kWh/d").to("kW").estimate
    assert jiangsu == pytest.approx(10_833, rel=0.001)
    sha = from_hashrate(Hashrate.of(10, "PH/s", "sha256d"), year=2021)
    assert jiangsu > kilowatts(sha).high
    ethash = from_hashrate(Hashrate.of(10, "PH/s", "ethash"), year=2021)
    assert jiangsu * 500 < kilowatts(ethash).low


def test_grade_c_runs_from_least_hashes_on_the_best_to_most_on_the_worst():
    rate = Hashrate.seen(Interval(50e6, 60e6, 90e6), "ethash")
    joules = efficiency("ethash", at_most_hps=90e6).joules_per_hash
    found = from_hashrate(rate)
    assert found.grade == "C"
    assert found.power.amount.low == pytest.approx(50e6 * joules.low)
    assert found.power.amount.estimate == pytest.approx(60e6 * joules.estimate)
    assert found.power.amount.high == pytest.approx(90e6 * joules.high)
    assert any("J/hash" in line for line in found.inputs)


def test_a_hashrate_without_an_upper_end_gives_a_reason():
    assert "no bounds" in from_hashrate(Hashrate.of(at_least(10), "PH/s", "sha256d"))


def test_grade_b_is_nameplate_times_load_over_the_supplys_efficiency():
    found = inventory(Item("server", bounded(10), bounded(900), load=1.0))
    assert kilowatts(found).estimate == pytest.approx(10)  # 10 x 900 W / 0.9
    assert kilowatts(found).low == pytest.approx(9 / 0.95)
    assert kilowatts(found).high == pytest.approx(9 / 0.8)
    at_the_wall = inventory(Item("server", bounded(10), bounded(900), is_wall=True, load=1.0))
    assert kilowatts(at_the_wall).estimate == pytest.approx(9)


def test_grade_b_takes_the_tables_watts_where_the_list_has_none():
    found = inventory(Item("Antminer S9", at_least(540)))
    assert str(found.power.to("kW")).startswith("728 (≥ 68")  # 540 x 1,348 W; at least 540 x 1,274 W
    assert kilowatts(found).high == float("inf")
    assert any("device table" in line for line in found.inputs)


def test_an_unknown_model_and_an_impossible_load_are_refused():
    with pytest.raises(InputError, match="E-PWR-001"):
        inventory(Item("Toaster 3000", bounded(1)))
    with pytest.raises(InputError, match="E-PWR-002"):
        inventory(Item("server", bounded(1), bounded(900), load=1.2))


def test_the_default_reproduces_the_releases_mean():
    found = by_default(4699)
    assert found.power.to("kWh/d").estimate == pytest.approx(148_500, rel=0.001)
    assert (found.grade, found.notes) == ("D", ("nothing better is known",))


def test_a_sum_of_grades_never_stands_without_its_split():
    parts = [measured(Power.of(2, "kW"), "PDU 3"), by_default(10), by_default(5)]
    found = split(parts)
    assert found.is_mixed
    assert list(found.by_grade) == ["A", "D"]
    assert found.count == {"A": 1, "D": 2}
    assert sum(p.amount.estimate for p in found.by_grade.values()) == pytest.approx(
        found.total.amount.estimate
    )
    assert "measured (A, 1" in str(found)
    assert "default per address (D, 2" in str(found)
    with pytest.raises(QuantityError, match="E-QTY-013"):
        split([])


def test_a_meter_has_its_class_of_accuracy():
    found = kilowatts(measured(Power.of(2, "kW"), "PDU 3"))
    assert (found.low, found.high) == (pytest.approx(1.98), pytest.approx(2.02))
