"""The README's commands do what it says."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.api import Api
from tests.running import PATIENCE

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[str]:
    return [block for block in BLOCK.findall(text) if "curl" in block]


def run(block: str, base_url: str, keys: dict[str, str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a block with what the reader has exported; curl fails where the server refuses."""
    (home / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    values = {"FANFARE": base_url, "API_KEY": keys["Api-Key"], "API_SECRET": keys["Api-Secret"], "CURL_HOME": str(home)}
    return subprocess.run(
        ["/bin/sh", "-euc", block],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **values},
    )


@pytest.mark.parametrize("block", blocks((ROOT / "README.md").read_text("utf-8")))
def test_block_runs(block: str, api: Api, base_url: str, tmp_path: Path) -> None:
    ran = run(block, base_url, api.keys, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)


def test_sees_a_call_that_is_refused(api: Api, base_url: str, tmp_path: Path) -> None:
    assert blocks("```sh\ncurl x\n```\n```\nmake demo\n```\n") == ["curl x\n"]
    assert run('curl "$FANFARE/api/v1/nowhere"', base_url, api.keys, tmp_path).returncode != 0
