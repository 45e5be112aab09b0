"""Any input gets an answer: schemathesis makes up parameters and bodies for every call from the API document.

`make test` tries 200 for each call, `make fuzz` 1,000 (FANFARE_FUZZ_CASES says another number); most are as the
document says, the others break it in one place. `pytest --hypothesis-seed=N` repeats a run.
"""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from fanfare import app
from fanfare.kernel.web.endpoint import Endpoint
from tests import answers
from tests.fuzz.conftest import DOCUMENT, Headers

CASES = int(os.environ.get("FANFARE_FUZZ_CASES", "200"))
# Making up what is wrong takes several times as long as what is right, and test_hostile.py has that by hand.
WRONG = CASES // 10
Case = schemathesis.Case[Any]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# The server's limit for the head of a request; beyond it the connection ends before there is a call.
LONGEST_ADDRESS = 60_000


@pytest.fixture(scope="module")
def session(keys: Headers, client: object) -> Iterator[requests.Session]:
    assert client is not None
    with requests.Session() as api:
        api.headers.update(keys)
        yield api


@pytest.mark.parametrize(
    ("mode", "cases"),
    [(GenerationMode.POSITIVE, CASES - WRONG), (GenerationMode.NEGATIVE, WRONG)],
    ids=["right", "wrong"],
)
@pytest.mark.parametrize("endpoint", app.endpoints(), ids=lambda each: each.call_id)
def test_any_input_gets_an_answer(
    endpoint: Endpoint, mode: GenerationMode, cases: int, base_url: str, keys: Headers, session: requests.Session
) -> None:
    operation = SCHEMA[endpoint.path][endpoint.method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def each(case: Case) -> None:
        answered(case, base_url, keys, session)

    each()


def answered(case: Case, base_url: str, keys: Headers, session: requests.Session) -> None:
    """Send a case and hold its answer against what is told of the call."""
    values = case.as_transport_kwargs(base_url=base_url, headers=keys)
    request = session.prepare_request(requests.Request(**values))
    if len(request.url or "") > LONGEST_ADDRESS:
        return
    response = session.send(request, timeout=60)
    kind = response.headers.get("content-type", "")
    body = response.json() if "json" in kind and response.content else None
    result = f"{request.method} {(request.url or '')[:2000]} {str(request.body)[:2000]}: {response.status_code}"
    assert response.status_code < 500, result
    path = urlsplit(str(request.url)).path
    assert answers.faults(str(request.method), path, response.status_code, body) == [], result
