"""What ends a process is one line without what is stored; where a bug arose is in the log."""

import asyncpg
import pytest

from fanfare.kernel.running.exits import in_one_line, reason_of


def test_a_fault_of_the_program_is_one_line_and_its_place_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    def fault() -> None:
        message = "Ada's secret"
        raise ValueError(message)

    with pytest.raises(SystemExit) as ended, in_one_line():
        fault()
    assert ended.value.code == 1
    logged, result = capfd.readouterr().err.splitlines()
    assert '"builtins.ValueError"' in logged
    assert "test_reasons.py" in logged
    assert result.startswith("fanfare: internal error (ValueError)")
    assert "Ada" not in logged + result


def test_an_interruption_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, in_one_line():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capfd.readouterr().err == ""


def test_what_is_stored_is_not_quoted() -> None:
    error = asyncpg.DiskFullError("could not extend file\nDETAIL:  Key (name)=(Ada)")
    assert reason_of(error) == "database error: could not extend file"
    assert reason_of(asyncpg.UniqueViolationError("Ada")) is None
