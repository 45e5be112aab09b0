"""Bodies as clients of all kinds write them: what is there is read, and what is not is told in plain words."""

import json

import pytest

from tests.api import Api


async def test_a_form_that_is_cut_off_anywhere_changes_nothing(api: Api) -> None:
    fields = {"email": "cut@fans.example", "is_optout": "true"}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    form = ("".join(parts) + "--b--").encode()
    headers = {**api.keys, "Content-Type": "multipart/form-data; boundary=b"}
    for length in range(1, len(form)):
        answer = await api.client.post("/api/v1/crm/fans", content=form[:length], headers=headers)
        assert (answer.status_code, "form" in answer.json()["detail"]) == (400, True), form[:length]
    for end in ("", "\r\n", "\r\nan epilogue"):
        answer = await api.client.post("/api/v1/crm/fans", content=form + end.encode(), headers=headers)
        assert answer.status_code == 200, answer.text


async def test_json_behind_a_byte_order_mark_is_read(api: Api) -> None:
    body = b'\xef\xbb\xbf{"email": "mark@fans.example"}'
    for kind in ({"Content-Type": "application/json"}, {}):
        answer = await api.client.post("/api/v1/crm/fans", content=body, headers={**api.keys, **kind})
        assert answer.status_code == 200, answer.text


NOT_UTF_8 = b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--b--'


@pytest.mark.parametrize(
    ("kind", "body", "detail"),
    [
        ("json", b"[" * 20_000, "the body is nested too deeply"),
        ("json", b'{"a": ' + b"9" * 5000 + b"}", "the body has a number of more than 640 digits"),
        ("json", b'{"a": NaN}', "the body is not valid JSON: it has no number NaN"),
        ("json", b"{\n'a': 1}", "the body is not valid JSON: line 2, column 1"),
        ("json", b'{"a": "\xff"}', "the body is not valid JSON: it must be UTF-8"),
        ("json", '{"a": 1}'.encode("utf-16"), "the body is not valid JSON: it must be UTF-8"),
        ("form", b"--b\r\nx", "the form is cut off: its closing boundary is missing"),
        ("form", b"--c\r\nx", "the form cannot be parsed as multipart/form-data"),
        ("form", NOT_UTF_8, "the form is not valid UTF-8"),
        ("form without boundary", b"--b", "the content type multipart/form-data names no boundary"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_told_in_our_own_words(api: Api, kind: str, body: bytes, detail: str) -> None:
    kinds = {
        "json": "application/json",
        "form": "multipart/form-data; boundary=b",
        "form without boundary": "multipart/form-data",
    }
    answer = await api.client.post("/api/v1/crm/fans", content=body, headers={**api.keys, "Content-Type": kinds[kind]})
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


@pytest.mark.parametrize("name", ["first_name", "gender", "is_optout", "country_code", "display_name", "field_x"])
async def test_marks_without_end_on_a_letter_are_refused_before_they_are_put_in_order(api: Api, name: str) -> None:
    # Putting them in order takes minutes, in which no other call is answered; the client waits for 30 seconds.
    body = json.dumps(
        {"email": "marks@fans.example", name: "a" + "\u0300\u0327" * 200_000}, ensure_ascii=False
    ).encode()
    answer = await api.client.post("/api/v1/crm/fans", content=body, headers=api.keys)
    assert answer.status_code == 422
    assert {"field": name, "message": "must not stack more than 32 marks on a letter"} in answer.json()["errors"]
    accepted = await api.post("/api/v1/crm/fans", email="few.marks@fans.example", first_name="a" + "\u0327\u0300" * 15)
    assert accepted.status_code == 200
