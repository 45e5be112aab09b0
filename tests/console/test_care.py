"""What takes something away is never one press beside a row: it stands in a part that opens, or in one of its own."""

import re
from collections.abc import Iterator

from fanfare.kernel.pages.templates import FOLDER

TEMPLATES = FOLDER / "console/templates"
TOKEN = re.compile(r"{%-?\s*(call)\b\s*(?:\([^)]*\)\s*)?(\w+)\(([^%]*)|{%-?\s*(endcall)\b|(\bact\()(.*?)\}\}")
TAKES_AWAY = re.compile(r"/(?:delete|remove)\"|/identifiers/remove|/push_tokens/remove")
# What is put on a list again as quickly.
QUICK = re.compile(r'_\("(?:Take off the list|Send again)"\)')
# Sections that have nothing else in them.
SECTIONS = ("delete", "deletion", "removal", "end", "words")


def careless(text: str) -> Iterator[str]:
    """Yield the acts that take something away and stand in no such part."""
    around: list[tuple[str, str]] = []
    for call, name, values, end, act, path in TOKEN.findall(text):
        if call:
            around.append((name, values))
        elif end:
            around.pop()
        elif act and TAKES_AWAY.search(path) and not QUICK.search(path):
            is_apart = any(
                name == "reveal" or (name == "section" and values.strip('"').startswith(SECTIONS))
                for name, values in around
            )
            if not is_apart:
                yield path.partition(")")[0]


def test_nothing_is_taken_away_by_one_press() -> None:
    assert list(careless('{{ act(path ~ "/delete", _("Delete")) }}')) == ['path ~ "/delete", _("Delete"']
    assert list(careless('{% call reveal(_("Delete")) %}{{ act(path ~ "/delete", _("Delete")) }}{% endcall %}')) == []
    acts = {
        path.relative_to(TEMPLATES).as_posix(): each
        for path in sorted(TEMPLATES.rglob("*.html"))
        if (each := list(careless(path.read_text())))
    }
    assert acts == {}
