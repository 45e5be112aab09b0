from tests.rules.waivers import Reason, without


def test_waiver_covers_its_place_alone() -> None:
    faults = [("a.py:f", "too long"), ("b.py:g", "too long")]
    assert without(faults, {"a.py:f": Reason.ONE_STATEMENT}) == ["b.py:g: too long"]


def test_sees_a_waiver_without_need() -> None:
    assert without([], {"a.py:f": Reason.ONE_STATEMENT}) == [f"a.py:f: waived ({Reason.ONE_STATEMENT}) without need"]
