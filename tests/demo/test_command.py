"""The command `fanfare demo`: what it seals is read by the server of the same data directory."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path


async def test_the_secret_keys_are_those_of_the_data_directory(database_url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    command = [str(Path(sys.executable).with_name("fanfare")), "demo", "--fans", "20", "--data-dir", str(data)]
    environment = {**os.environ, "DATABASE_URL": database_url}
    run = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert (data / "secret.keys").exists()
    assert not (tmp_path / ".data").exists()
