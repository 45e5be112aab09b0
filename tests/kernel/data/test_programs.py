"""Programs of a worker that is killed: they end with it."""

import sys
import textwrap
from pathlib import Path

from fanfare.kernel.running.settings import Settings
from tests.running import Program
from tests.waits import until

PROGRAM = textwrap.dedent("""
    import os, sys, time
    from fanfare.kernel.running.callers import end_with_caller

    end_with_caller()
    with open(sys.argv[1], "w") as file:
        file.write(f"{os.getpid()} ")
    time.sleep(600)
""")
CALLER = textwrap.dedent("""
    import asyncio, sys
    from fanfare.kernel.data.db import Db
    from fanfare.kernel.data.programs import run_program

    async def main():
        db = await Db.connect(sys.argv[1], size=1)
        await run_program(db, [sys.executable, "-c", sys.argv[2], sys.argv[3]], 600)

    asyncio.run(main())
""")


def pid_in(path: Path) -> str:
    """Return the first word of a file once it is there."""
    text = path.read_text("utf-8") if path.exists() else ""
    return text.partition(" ")[0] if " " in text else ""


def is_alive(pid: str) -> bool:
    """Return whether a process runs; one that nobody has waited for does not."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text("utf-8")


async def test_a_program_ends_with_a_worker_that_is_killed(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with Program([sys.executable, "-c", CALLER, settings.database_url, PROGRAM, str(path)]) as caller:

        async def has_begun() -> str:
            assert caller.process.poll() is None, caller.errors
            return pid_in(path)

        await until(has_begun)
        pid = pid_in(path)
        assert is_alive(pid)
        caller.kill()

        async def has_ended() -> bool:
            return not is_alive(pid)

        await until(has_ended)
