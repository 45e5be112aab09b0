"""The catalogue: each of its calls is served by one endpoint as it says, or stands in not_yet_served.txt."""

import copy
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fanfare import app
from fanfare.kernel.web import openapi
from fanfare.kernel.web.endpoint import Endpoint
from tests import answers
from tests.rules import waivers
from tests.rules.project import ROOT

CONTRACT = ROOT / "contract"
LISTED = Path(__file__).with_name("not_yet_served.txt")
LIST = LISTED.relative_to(ROOT).as_posix()
Call = dict[str, Any]


def checker() -> ModuleType:
    """Return the contract's own check.py as a module."""
    spec = importlib.util.spec_from_file_location("contract_check", CONTRACT / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = checker()


def not_yet_served(text: str) -> list[str]:
    """Return the call ids of the list, without its comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def list_faults(calls: Iterable[str], served: set[str], listed: list[str]) -> list[str]:
    """Return what is wrong with the list: it holds exactly the calls of the catalogue that are not served."""
    catalogue = list(calls)
    return (
        [
            f"{call} is neither served nor listed: serve it, or add it to {LIST}"
            for call in catalogue
            if call not in served and call not in listed
        ]
        + [f"{call} is served and still listed: remove it from {LIST}" for call in listed if call in served]
        + [
            f"{call} is listed and no call of the catalogue: remove it from {LIST}"
            for call in listed
            if call not in catalogue
        ]
        + [
            f"{call} is listed twice: remove one from {LIST}"
            for call in sorted({each for each in listed if listed.count(each) > 1})
        ]
    )


def served_twice(endpoints: Iterable[Endpoint]) -> list[str]:
    """Return what two endpoints share: a call id, or a method and path."""
    observed: set[str] = set()
    twice = []
    for endpoint in endpoints:
        for name in (endpoint.call_id, f"{endpoint.method} {CHECK.shape(endpoint.path)}"):
            if name in observed:
                twice.append(f"{name} is served twice")
            observed.add(name)
    return twice


def call_faults(document: Call, calls: Iterable[Call], served: dict[str, Endpoint]) -> list[str]:
    """Return how the served calls differ from the catalogue: id, method, path, key, parameters, answer, scope."""
    operations = {
        (verb, CHECK.shape(path)): operation
        for path, item in document.get("paths", {}).items()
        for verb, operation in item.items()
        if isinstance(operation, dict)
    }
    result = []
    for call in calls:
        endpoint = served.get(call["id"])
        if endpoint is None:
            continue
        matches = list(CHECK.faults(document, operations, call))
        if (endpoint.method, CHECK.shape(endpoint.path)) != (call["method"], CHECK.shape(call["path"])):
            matches.append(f"is at {endpoint.method} {endpoint.path}")
        if endpoint.scope != call["section"]:
            matches.append(f"has the scope {endpoint.scope}, not {call['section']}")
        result += [f"{call['id']}: {words}" for words in matches]
    return result


def folder_faults(calls: Iterable[Call], served: dict[str, Endpoint]) -> Iterator[tuple[str, str]]:
    """Yield the calls that another folder serves than the catalogue names."""
    for call in calls:
        endpoint = served.get(call["id"])
        if endpoint and not endpoint.handler.__module__.startswith(f"fanfare.{call['domain']}."):
            yield call["id"], f"is not in {call['domain']}"


@pytest.fixture(scope="module")
def catalogue() -> list[Call]:
    return answers.catalogue()


@pytest.fixture(scope="module")
def served() -> dict[str, Endpoint]:
    return {endpoint.call_id: endpoint for endpoint in app.endpoints()}


@pytest.fixture(scope="module")
def document() -> Call:
    created: Call = openapi.document(app.endpoints(), "0")
    return created


def test_each_call_is_served_or_listed(catalogue: list[Call], served: dict[str, Endpoint]) -> None:
    listed = not_yet_served(LISTED.read_text("utf-8"))
    assert list_faults([call["id"] for call in catalogue], set(served), listed) == []


def test_nothing_is_served_twice() -> None:
    assert served_twice(app.endpoints()) == []


def test_served_calls_are_as_the_catalogue_says(
    catalogue: list[Call], served: dict[str, Endpoint], document: Call
) -> None:
    assert call_faults(document, catalogue, served) == []


def test_each_call_is_served_by_the_folder_that_the_catalogue_names(
    catalogue: list[Call], served: dict[str, Endpoint]
) -> None:
    assert waivers.without(folder_faults(catalogue, served), waivers.FOLDERS) == []


def test_calls_of_our_own_are_told_apart(catalogue: list[Call], served: dict[str, Endpoint]) -> None:
    theirs = {(call["method"], CHECK.shape(call["path"])): call["id"] for call in catalogue}
    served_names = [each for name, each in served.items() if name not in theirs.values()]
    assert [each.call_id for each in served_names if (each.method, CHECK.shape(each.path)) in theirs] == []


def test_sees_a_list_that_lies() -> None:
    assert list_faults(["a", "b", "c"], {"b"}, ["b", "c", "c", "d"]) == [
        "a is neither served nor listed: serve it, or add it to tests/rules/not_yet_served.txt",
        "b is served and still listed: remove it from tests/rules/not_yet_served.txt",
        "d is listed and no call of the catalogue: remove it from tests/rules/not_yet_served.txt",
        "c is listed twice: remove one from tests/rules/not_yet_served.txt",
    ]


def test_sees_each_difference(catalogue: list[Call], served: dict[str, Endpoint], document: Call) -> None:
    locked = next(call for call in catalogue if call["id"] in served)
    wrong = copy.deepcopy(locked)
    wrong["params"].append({"name": "made_up"})
    wrong["result"]["fields"].append("made_up_field")
    wrong["key"] = "public" if locked["key"] == "secret" else "secret"
    wrong["section"], wrong["domain"] = "elsewhere", "nowhere"
    assert call_faults(document, [locked], served) == []
    assert call_faults(document, [wrong], served) == [
        f"{locked['id']}: parameter made_up",
        f"{locked['id']}: field made_up_field",
        f"{locked['id']}: should be a {wrong['key']} call",
        f"{locked['id']}: has the scope {locked['section']}, not elsewhere",
    ]
    assert list(folder_faults([locked, wrong], served)) == [(locked["id"], "is not in nowhere")]
    gone = {**wrong, "path": "/api/v1/nowhere"}
    assert f"{locked['id']}: not served" in call_faults(document, [gone], served)


def test_sees_a_call_served_twice() -> None:
    one = app.endpoints()[0]
    assert served_twice([one, one]) == [f"{one.call_id} is served twice", f"{one.method} {one.path} is served twice"]
