"""The check that every answer in the suite passes through sees what it should."""

import pytest

from fanfare import app
from tests import answers
from tests.answers import faults

BUSINESS: dict[str, object] = {
    **dict.fromkeys(("account_id", "business_id", "creation_timestamp", "last_update_timestamp"), 1),
    **{name: {} for name in ("media_map", "scheduler_props", "locale_props", "style_props")},
    **dict.fromkeys(("legal_rules", "legal_terms", "legal_privacy")),
    "business_name": "Northside FC",
}
PROBLEM = {
    "type": "about:blank", "title": "No", "status": 404, "detail": "No", "code": "unknown", "error": "No",
    "request_id": "1",
}  # fmt: skip
PATH = "/api/v1/businesses"


def test_every_call_is_told() -> None:
    assert sum(len(each) for each in answers.answer_of()) == len(app.endpoints())
    assert faults("GET", PATH, 200, [BUSINESS]) == []
    assert faults("GET", "/v1//businesses/1", 200, BUSINESS) == []
    assert faults("GET", PATH, 404, PROBLEM) == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, [{**BUSINESS, "business_id": "one"}], "is not of type"),
        (200, [{name: value for name, value in BUSINESS.items() if name != "legal_terms"}], "legal_terms"),
        (200, BUSINESS, "is not of type"),
        (404, {**PROBLEM, "status": 400}, "do not fit"),
        (404, {**PROBLEM, "code": "Not Known"}, "does not match"),
        (404, {**PROBLEM, "errors": [{"field": "x", "message": "no"}]}, "do not fit"),
        (404, {}, "required"),
        (418, {**PROBLEM, "status": 418}, "is not told"),
    ],
)
def test_sees_each_fault(status: int, body: object, words: str) -> None:
    result = faults("GET", PATH, status, body)
    assert any(words in each for each in result), result
