"""The log: for machines one JSON line each, and nothing of a person in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from fanfare.kernel.errors import Unreadable
from fanfare.kernel.running import log
from fanfare.kernel.running.supervise import log_event, outlet
from fanfare.kernel.web.body import parse_body

ADA = "Key (name)=(Ada) already exists"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    old = list(root.handlers), root.level
    stream = io.StringIO()
    log.configure("info", stream=stream)
    yield stream
    root.handlers[:] = old[0]
    root.setLevel(old[1])
    structlog.reset_defaults()


def last(stream: io.StringIO) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return result


def test_a_line_has_time_level_and_the_request(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="2e1b4c6a-1111-4222-8333-123456789012"):
        structlog.get_logger().info("answered", status=200, ms=1.5)
    result = last(lines)
    assert result.pop("timestamp").endswith("Z")
    expected = {"event": "answered", "level": "info", "status": 200, "ms": 1.5}
    assert result == {**expected, "request_id": "2e1b4c6a-1111-4222-8333-123456789012"}
    structlog.get_logger().debug("too fine")
    assert last(lines)["event"] == "answered"


def test_private_names_are_blank_at_any_depth(lines: io.StringIO) -> None:
    values = {
        name: f"private {name}" for name in ("email", "phone", "password", "api_secret", "code", "token", "api_token")
    }
    structlog.get_logger().info("x", **values, deep={"list": [{"first_name": "private"}]}, fan_id=7, status_code=200)
    assert "private" not in lines.getvalue()
    assert last(lines)["fan_id"] == 7
    assert last(lines)["status_code"] == 200
    assert last(lines)["email"] == log.CENSORED


@pytest.mark.parametrize(
    "text", ["ada@example.com", "+44 20 7946 0958", "2079460958", "ffs_abc123XYZ", "postgresql://user:pass@host/db"]
)
def test_what_looks_private_is_blank_in_any_text(lines: io.StringIO, text: str) -> None:
    structlog.get_logger().warning(f"could not use {text} here", reason=f"({text})", many=[text])
    assert text not in lines.getvalue()
    assert "could not use" in lines.getvalue()


def test_a_date_stays(lines: io.StringIO) -> None:
    structlog.get_logger().info("day closed on 2026-11-23")
    assert last(lines)["event"] == "day closed on 2026-11-23"


def refuse() -> None:
    raise asyncpg.UniqueViolationError(ADA)


def break_twice() -> None:
    try:
        refuse()
    except asyncpg.UniqueViolationError as error:
        raise ValueError(ADA) from error


def test_an_exception_is_told_without_its_message(lines: io.StringIO) -> None:
    try:
        break_twice()
    except ValueError as error:
        structlog.get_logger().error("fault", exc_info=error)
        logging.getLogger("some.library").exception("it broke")
    for line in lines.getvalue().splitlines():
        result = json.loads(line)["fault"]
        assert result["type"] == "builtins.ValueError"
        assert "test_log.py" in result["frames"][0]
        assert result["cause"]["sqlstate"] == "23505"
    assert "Ada" not in lines.getvalue()


def test_the_supervisor_writes_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    outlet.cache_clear()
    log_event("ended", process="server 1", status=-9)
    result = json.loads(capfd.readouterr().err)
    assert (result["event"], result["process"], result["status"], result["level"]) == (
        "ended",
        "server 1",
        -9,
        "warning",
    )
    assert result["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=b", "multipart/form-data; boundary=ada"]
)
def test_a_bad_form_leaves_no_line(lines: io.StringIO, content_type: str) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    part = b"--b\r\nContent-Transfer-Encoding: ada\r\n\r\nada\r\n--b--"
    with pytest.raises(Unreadable):
        parse_body(part, content_type)
    assert lines.getvalue() == ""


def test_a_long_text_is_cut_before_it_is_searched(lines: io.StringIO) -> None:
    # By the square of its length this would take minutes.
    structlog.get_logger().info("x" * 1_000_000)
    assert len(last(lines)["event"]) == log.MAX_TEXT_LENGTH + 1
