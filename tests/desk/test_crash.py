"""Kill -9 between any two statements of a step of casework never leaves a change without its audit row."""

import pytest

from desk import crash


@pytest.mark.slow
def test_invariant_23_no_kill_leaves_a_change_without_its_audit_row(tmp_path):
    report = crash.run("desk.crash_cases", tmp_path)
    assert [fault for step in report.values() for fault in step["faults"]] == []
    assert report["close"]["statements"] > 20
    assert sum(step["statements"] for step in report.values()) > 500


def test_the_harness_finds_a_change_whose_audit_row_is_another_transaction(tmp_path):
    (step,) = crash.run("desk.crash_control", tmp_path).values()
    assert any("name" in fault for fault in step["faults"])
