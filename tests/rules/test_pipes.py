"""No test starts a process whose pipe it may leave unread: `tests/running.py` gives its output to files."""

import ast
from collections.abc import Iterator

from tests.rules.project import TESTS, Source, sources


def pipe_faults(source: Source) -> Iterator[str]:
    """Yield each process that is started beside the test with a pipe to read from."""
    for call in ast.walk(source.tree):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("Popen"):
            continue
        for values in call.keywords:
            if values.arg in ("stdout", "stderr", "capture_output") and "PIPE" in ast.unparse(values.value):
                yield f"{source.name}:{call.lineno} gives {values.arg} a pipe: use tests/running.py"


def test_no_process_writes_into_a_pipe_that_may_stay_unread() -> None:
    assert [fault for source in sources(TESTS) for fault in pipe_faults(source)] == []


def test_sees_a_pipe() -> None:
    text = "subprocess.Popen(['x'], stdout=subprocess.PIPE)\nPopen(['x'], stderr=file)\nsubprocess.run(stdout=PIPE)"
    assert list(pipe_faults(Source("t.py", text))) == ["t.py:1 gives stdout a pipe: use tests/running.py"]
