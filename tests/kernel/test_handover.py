"""What higher domains do for lower ones is never left undone in silence: without app.py the lower one raises."""

import subprocess
import sys

import pytest

from fanfare.kernel.handover import Handover

UNWIRED = {
    "tables of fans": "from fanfare.fans import followers; followers.tables()",
    "export": "from fanfare.fans.queries import export; export.exported_tables()",
    "erasure": "import asyncio; from fanfare.fans import followers; asyncio.run(followers.forget(None, 1, 2))",
    "merge": "import asyncio; from fanfare.fans import followers; asyncio.run(followers.move(None, 1, 2, 3))",
    "idols": "import asyncio; from fanfare.fans import followers; asyncio.run(followers.link_idols(0, 1, 2, [], 0))",
    "campaign rows": "from fanfare.campaigns.queries import stats; stats.HIGHER_ROWS.get()",
    "criteria": "import asyncio; from fanfare.kernel.data.references import check_unused as c; asyncio.run(c(None, 1))",
}


@pytest.mark.parametrize("code", UNWIRED.values(), ids=list(UNWIRED))
def test_without_the_application_nothing_is_done(code: str) -> None:
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RuntimeError" in ended.stderr
    assert "were not handed over: import fanfare.app first" in ended.stderr


def test_a_value_is_handed_over_once() -> None:
    words = Handover[str]("words")
    with pytest.raises(RuntimeError, match="words were not handed over"):
        words.get()
    words.set("a")
    assert words.get() == "a"
    with pytest.raises(RuntimeError, match="words were handed over twice"):
        words.set("b")
