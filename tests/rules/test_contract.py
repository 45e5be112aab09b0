"""The contract in this repository is a copy; where the shared one lies beside the checkout, the two are equal."""

from pathlib import Path

import pytest

from tests.rules.project import ROOT

OURS = ROOT / "contract"
SHARED = ROOT.parent / "shared" / "contract"


def differing(ours: Path, shared: Path) -> list[str]:
    names = sorted({path.name for folder in (ours, shared) for path in folder.iterdir() if path.is_file()})
    return [name for name in names if _content(ours / name) != _content(shared / name)]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared contract does not lie beside this checkout")
def test_copy_equals_the_shared_contract() -> None:
    assert differing(OURS, SHARED) == []


def test_sees_a_file_that_differs_or_lacks(tmp_path: Path) -> None:
    ours, shared = tmp_path / "ours", tmp_path / "shared"
    for folder in (ours, shared):
        folder.mkdir()
        (folder / "same").write_text("same")
        (folder / "other").write_text(folder.name)
    (shared / "lacking").write_text("")
    assert differing(ours, shared) == ["lacking", "other"]
