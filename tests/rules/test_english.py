"""What users read is an engineer's ordinary English: the API document, the titles of refusals, and messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fanfare.app import endpoints
from fanfare.kernel.web.openapi.document import document

# Each is a phrase of our own for which the field has a word.
BANNED = re.compile(
    r"must be a text|must be a moment|no such thing|given more than once|does not answer that|\bmust not lie\b"
    r"|since this many days|did nothing since|\bis no (?!longer|list|more)|\bmust hold\b|address of the internet"
    r"|outside identity|has been noted|beyond what can be stored|\bcalls a minute are\b"
    r"|\bhead and trailers\b|\brows a page\b|\bmost rows\b|another spelling of|\bchanges nothing\b",
    re.IGNORECASE,
)
SRC = Path("src/fanfare")


def document_texts(part: Any) -> Iterator[str]:
    """Yield the summaries, descriptions and titles of an OpenAPI document."""
    if isinstance(part, list):
        for each in part:
            yield from document_texts(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in ("summary", "description", "title") and isinstance(value, str):
                yield " ".join(value.split())
            else:
                yield from document_texts(value)


def docstrings(tree: ast.Module, *, is_title: bool) -> Iterator[ast.Constant]:
    """Yield the docstrings of a module: those that are a refusal's title (no full stop ends them), or the others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                text = str(first.value.value)
                if (isinstance(node, ast.ClassDef) and not text.rstrip().endswith(".")) is is_title:
                    yield first.value


def messages(source: str) -> Iterator[str]:
    """Yield the string literals of a module that are no docstring, and the titles of its refusals."""
    tree = ast.parse(source)
    silent = {id(each) for each in docstrings(tree, is_title=False)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def strange(texts: Iterator[str]) -> list[str]:
    return [text for text in texts if BANNED.search(text)]


def test_the_api_document_is_ordinary_english() -> None:
    assert strange(document_texts(document(endpoints(), "1"))) == []


def test_messages_are_ordinary_english() -> None:
    found = [f"{path}: {text}" for path in SRC.rglob("*.py") for text in strange(messages(path.read_text("utf-8")))]
    assert found == []


def test_the_rule_sees_messages_and_titles_but_no_docstrings() -> None:
    source = '"""It is no text."""\nclass A:\n    """There is no such thing here"""\nm = f"{x} must be a text"\n'
    assert strange(messages(source)) == ["There is no such thing here", " must be a text"]
