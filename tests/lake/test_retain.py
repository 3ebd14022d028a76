"""Retention removes what is old and keeps what open cases stand on."""

import json
from datetime import date

import pytest

from davylamp.errors import BadUse, InputError
from davylamp.lake.intake import add
from davylamp.lake.query import ask
from davylamp.lake.retain import read_refs, retain
from davylamp.lake.store import Lake

from lake.samples import content, counts, files, flow, flow_file, pairs, scan, session, sighting, written

AS_OF = date(2024, 5, 13)  # with 10 days: what ended before 3 May goes


def ref(at, day):
    return f"{day:04d}{at:028d}"


@pytest.fixture
def lake(tmp_path):
    """Three sightings, sessions and flows on each of 1, 2 and 6 May."""
    for day in (0, 1, 5):
        flows = flow_file(tmp_path / "f", [flow(at, day) for at in (1, 2, 3)])
        add(tmp_path / "lake", [written(tmp_path / "a", pairs([1, 2, 3], day))], [flows])
    return tmp_path / "lake"


def held(lake):
    return {(kind, day, json.loads(row)["client_ip"]) for kind, day, _, row in content(lake)}


def test_the_plan_is_shown_and_nothing_happens_without_apply(lake):
    before = files(lake)
    plan = retain(lake, 10, {ref(2, 0)}, as_of=AS_OF)
    assert not plan.is_applied
    told = {(part.kind, str(part.day)): (part.rows, part.goes, part.referenced) for part in plan.folders}
    kinds = ("sightings", "sessions", "flows")
    assert told == {
        **{(kind, "2024-05-01"): (3, 2, 1) for kind in kinds},
        **{(kind, "2024-05-02"): (3, 3, 0) for kind in kinds},
    }
    assert files(lake) == before
    assert Lake(lake).head.retained_from_ns is None


def test_a_referenced_sighting_stays_with_its_session_and_its_flow(lake):
    plan = retain(lake, 10, {ref(2, 0)}, as_of=AS_OF, apply=True)
    assert plan.is_applied
    kept = {(kind, "2024-05-01", "10.0.0.3") for kind in ("sightings", "sessions", "flows")}
    young = {
        (kind, "2024-05-06", f"10.0.0.{n}") for kind in ("sightings", "sessions", "flows") for n in (2, 3, 4)
    }
    assert held(lake) == kept | young
    assert not (lake / "flows" / "day=2024-05-02").exists()
    assert ask(lake, "SELECT count(*) AS n FROM flows").rows == [(4,)]
    assert all(folder.dead() == [] for folder in Lake(lake).folders())


def test_again_removes_nothing_more(lake):
    retain(lake, 10, {ref(2, 0)}, as_of=AS_OF, apply=True)
    before = files(lake)
    plan = retain(lake, 10, {ref(2, 0)}, as_of=AS_OF, apply=True)
    assert sum(part.goes for part in plan.folders) == 0
    assert files(lake) == before


def test_a_session_s_or_flow_s_own_key_keeps_it(lake):
    session_ref = ask(
        lake, "SELECT session_ref FROM sessions WHERE day = '2024-05-01' AND worker = 'rig1'"
    ).rows[0][0]
    flow_ref = ask(
        lake, "SELECT flow_ref FROM flows WHERE day = '2024-05-02' AND client_ip = '10.0.0.4'"
    ).rows[0][0]
    plan = retain(lake, 10, {session_ref, flow_ref}, as_of=AS_OF, apply=True)
    assert plan.unknown == []
    old = {row for row in held(lake) if row[1] < "2024-05-03"}
    assert old == {
        ("sessions", "2024-05-01", "10.0.0.2"),
        ("flows", "2024-05-01", "10.0.0.2"),
        ("flows", "2024-05-02", "10.0.0.4"),
    }


def test_a_session_of_another_day_stays_with_its_sighting(tmp_path):
    made = scan([session(1, 0), session(1, 1)], [sighting(1, 0, last=90_000, sessions=[0, 1])])
    add(tmp_path / "lake", [written(tmp_path / "a", made)])
    retain(tmp_path / "lake", 10, {ref(1, 0)}, as_of=AS_OF, apply=True)
    assert counts(tmp_path / "lake") == {"sightings": 1, "sessions": 2, "flows": 0}


def test_what_began_long_ago_and_still_ran_is_young(tmp_path):
    add(tmp_path / "lake", [written(tmp_path / "a", pairs([1], last=5 * 86_400))])
    plan = retain(tmp_path / "lake", 10, as_of=AS_OF, apply=True)
    assert [(part.goes, part.young) for part in plan.folders] == [(0, 1), (0, 1)]
    assert counts(tmp_path / "lake")["sessions"] == 1


def test_flows_of_the_same_ends_at_another_time_or_sensor_go(tmp_path):
    lake = tmp_path / "lake"
    flows = [flow(1), flow(1, first_ns=flow(1, 1)["first_ns"], last_ns=flow(1, 1)["last_ns"])]
    add(lake, [written(tmp_path / "a", pairs([1]))], [flow_file(tmp_path / "f", flows)], sensor="north")
    add(lake, flows=[tmp_path / "f"], sensor="south")
    retain(lake, 10, {ref(1, 0)}, as_of=AS_OF, apply=True)
    assert [(row[1], row[2]) for row in content(lake) if row[0] == "flows"] == [("2024-05-01", "north")]


def test_a_replay_does_not_bring_back_what_retention_let_go(lake, tmp_path):
    retain(lake, 10, {ref(2, 0)}, as_of=AS_OF, apply=True)
    before = content(lake)
    old = written(tmp_path / "old", pairs([1, 2, 3], 0))
    done = add(lake, [old])
    assert (done.merged["sessions"].expired, done.merged["sessions"].added) == (3, 0)
    assert content(lake) == before
    assert add(lake, [old], past_retention=True).merged["sessions"].added == 2


def test_a_shorter_retention_moves_the_line_and_a_longer_one_does_not_move_it_back(lake):
    retain(lake, 10, as_of=AS_OF, apply=True)
    line = Lake(lake).head.retained_from_ns
    retain(lake, 100, as_of=AS_OF, apply=True)
    assert Lake(lake).head.retained_from_ns == line
    retain(lake, 5, as_of=AS_OF, apply=True)
    assert Lake(lake).head.retained_from_ns == line + 5 * 86_400 * 10**9


def test_a_reference_to_nothing_stops_the_removal(lake):
    """It may be a slip of the pen, and what is gone is gone."""
    before = files(lake)
    assert retain(lake, 10, {ref(2, 0), "nobody"}, as_of=AS_OF).unknown == ["nobody"]
    with pytest.raises(BadUse, match="E-LAK-032"):
        retain(lake, 10, {ref(2, 0), "nobody"}, as_of=AS_OF, apply=True)
    assert files(lake) == before
    assert retain(lake, 10, {"nobody"}, as_of=AS_OF, apply=True, allow_unknown=True).is_applied


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_days_out_of_range_are_refused(lake, days):
    with pytest.raises(BadUse, match="E-LAK-031"):
        retain(lake, days, as_of=AS_OF, apply=True)


def test_references_have_comments_and_every_bad_line_is_told_at_once(tmp_path):
    path = tmp_path / "refs.txt"
    path.write_text("\ufeff# open cases\nabc\n\n  def  # case 7\nabc\n", encoding="utf-8")
    assert read_refs(path) == {"abc", "def"}
    path.write_text("abc\ntwo words\n" + "x" * 201 + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="E-LAK-030") as told:
        read_refs(path)
    assert "line 2" in told.value.message
    assert "line 3" in told.value.message
    with pytest.raises(InputError, match="E-LAK-030"):
        read_refs(tmp_path / "absent")
