"""Any input gets an answer: schemathesis makes up parameters and bodies for every call from the API document.

`make test` tries 5 for each call and 1 for each of its parameters, at most 15; `make fuzz` 1,000 for each call
(FANFARE_FUZZ_CASES). Most are as the document says, the others break it in one place. Of the branches that 180 cases of
ten calls reached, 140 reached 97 of 100, 60 reached 72; the rest is left to `make fuzz`. Calls with few parameters had
reached theirs by 45. `pytest --hypothesis-seed=N` repeats a run.
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
from fanfare.kernel.parameters import slots
from fanfare.kernel.web.endpoint import Endpoint
from tests import answers
from tests.fuzz.conftest import DOCUMENT, Headers
from tests.running import PATIENCE

CASES = int(os.environ.get("FANFARE_FUZZ_CASES", "0"))
MAX_CASES = 15
# Making up what is wrong takes several times as long as what is right, and test_hostile.py has that by hand.
WRONG_SHARE = 10
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


def case_count(endpoint: Endpoint, mode: GenerationMode) -> int:
    """Return how many cases a call gets."""
    count = CASES or min(MAX_CASES, 5 + len(slots(endpoint.params) if endpoint.params else ()))
    wrong = max(1, count // WRONG_SHARE)
    return wrong if mode is GenerationMode.NEGATIVE else count - wrong


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("endpoint", app.endpoints(), ids=lambda each: each.call_id)
def test_any_input_gets_an_answer(
    endpoint: Endpoint, mode: GenerationMode, base_url: str, keys: Headers, session: requests.Session
) -> None:
    operation = SCHEMA[endpoint.path][endpoint.method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=case_count(endpoint, mode),
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
    response = session.send(request, timeout=PATIENCE)
    kind = response.headers.get("content-type", "")
    body = response.json() if "json" in kind and response.content else None
    result = f"{request.method} {(request.url or '')[:2000]} {str(request.body)[:2000]}: {response.status_code}"
    assert response.status_code < 500, result
    path = urlsplit(str(request.url)).path
    assert answers.faults(str(request.method), path, response.status_code, body) == [], result
