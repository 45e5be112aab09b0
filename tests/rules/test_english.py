"""What users read is an engineer's ordinary English: docs, API document, help of commands, messages."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from fanfare.app import endpoints
from fanfare.cli.commands import app as command
from fanfare.kernel.web.openapi.document import document
from tests.rules.test_docs import commands_of, documents

# Each is a phrase of our own for which the field has a word; these where nothing but the API is described.
API_PHRASES = (
    "must be a text", "must be a moment", "no such thing", "given more than once", "does not answer that",
    r"must not lie\b", "since this many days", "did nothing since", r"is no (?!longer|list|more)", r"must hold\b",
    "address of the internet", "outside identity", "has been noted", "beyond what can be stored",
    "calls a minute are", r"head and trailers\b", r"rows a page\b", r"most rows\b", "another spelling of",
    r"changes nothing\b",
)  # fmt: skip
PHRASES = (
    r"without a word\b", r"in silence\b", r"made-up\b", r"go(es)? before\b", r"anew\b", r"as told\b",
    r"told (otherwise|503|as such|in one line|in plain words)\b", r"is told by\b", r"mend(s|ed|ing)?\b",
    r"were wanted\b", r"not taken in\b", r"takes? in an answer\b", r"(bits|source) of chance\b",
    r"report a hole\b", r"there by half\b", r"what all need\b", r"(by|through) (any|every|each|whatever) door\b",
    r"(every|each new) door (must|answers)\b", r"slip of the pen\b", r"words? on (consent|each)\b",
    r"one word of a fan\b", r"word of http\b", r"holds? nothing (of|personal)\b", r"held by\W+tests/",
    r"tests hold it\b", r"data lie\b", r"lies? in (columns|tables)\b", r"while (calls|the server) go(es)? on\b",
    r"(needed|chosen|what it costs|why not the others)\.\*\*", r"where callers are\b",
)  # fmt: skip


def pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{phrase})" for phrase in phrases), re.IGNORECASE)


BANNED = pattern(PHRASES)
BANNED_IN_API = pattern(API_PHRASES + PHRASES)
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


def help_texts() -> Iterator[str]:
    """Yield what `--help` says of each command, argument and option."""
    for _, each in commands_of(typer.main.get_command(command)):
        yield each.help or ""
        yield from (getattr(parameter, "help", None) or "" for parameter in each.params)


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a document, each in one line."""
    yield from (" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=\s*(?:- |\||\d+\. ))", text))


def strange(texts: Iterable[str], banned: re.Pattern[str] = BANNED) -> list[str]:
    return [text for text in texts if banned.search(text)]


def test_the_api_document_is_ordinary_english() -> None:
    assert strange(document_texts(document(endpoints(), "1")), BANNED_IN_API) == []


def test_the_docs_are_ordinary_english() -> None:
    results = [f"{name}: {text}" for name, each in documents().items() for text in strange(paragraphs(each))]
    assert results == [], "use the field's words; a decision has **Context.**, **Decision.** and **Consequences.**"


def test_the_help_of_commands_is_ordinary_english() -> None:
    assert len(list(help_texts())) > 50
    assert strange(help_texts()) == []


def test_messages_are_ordinary_english() -> None:
    results = [
        f"{path}: {text}"
        for path in SRC.rglob("*.py")
        for text in strange(messages(path.read_text("utf-8")), BANNED_IN_API)
    ]
    assert results == []


def test_the_rule_sees_messages_and_titles_but_no_docstrings() -> None:
    source = '"""It is no text."""\nclass A:\n    """There is no such thing here"""\nm = f"{x} must be a text"\n'
    assert strange(messages(source), BANNED_IN_API) == ["There is no such thing here", " must be a text"]


def test_the_rule_sees_a_phrase_across_lines_of_a_document() -> None:
    assert strange(paragraphs("# A\n\nIt ends without a\nword. Settings go\n\n- before.\n")) == [
        "It ends without a word. Settings go"
    ]


# Openings of our own: a function returns whether, and the arguments of a class say what they mean.
OPENING = re.compile(r"(Say|Tell|Give) (whether|how|what|why|which|who)\b|Take (how|what|whose|who|where)\b")


def odd_openings(source: str) -> Iterator[str]:
    """Yield the docstrings of functions that open in a way of our own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            if OPENING.match(text) or (node.name == "__init__" and text.startswith("Take ")):
                yield text


def test_docstrings_open_as_in_the_field() -> None:
    assert [f"{path}: {text}" for path in SRC.rglob("*.py") for text in odd_openings(path.read_text("utf-8"))] == []


def test_the_rule_sees_odd_openings() -> None:
    source = 'class A:\n    def __init__(self):\n        """Take it."""\n\ndef f():\n    """Say whether so."""\n'
    assert sorted(odd_openings(source)) == ["Say whether so.", "Take it."]
