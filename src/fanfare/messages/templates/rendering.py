"""Templates are checked and rendered here: Jinja2 in a sandbox, reduced to values, conditions and some filters.

There is no loop, no arithmetic and no call, so rendering takes time by the length of the template; its result is
bounded as well.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fanfare.messages.templates.builtin import Kind, Text

MAX_RENDERED = 256 * 1024
MAX_SUBJECT = 200
MAX_SMS = 1000
MAX_VALUE = 4000
DEEPEST = 20
# What a record has in the place of a secret.
MASK = "••••••"
NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter, nodes.Test,
)  # fmt: skip
FILTERS = frozenset({"capitalize", "d", "default", "e", "escape", "lower", "title", "trim", "upper"})
TESTS = frozenset({"defined", "undefined"})


class WrongTemplate(Exception):  # noqa: N818 - what it is
    """A template cannot be used; the message names the line and why."""


class Rendered(Text, frozen=True):
    """A message as it is read: subject, text, HTML."""


def _environment(*, is_html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=is_html, undefined=StrictUndefined, keep_trailing_newline=True, cache_size=0
    )
    environment.globals.clear()
    return environment


PLAIN, HTML = _environment(is_html=False), _environment(is_html=True)
PARTS = {"subject": PLAIN, "text": PLAIN, "html": HTML}


def check(kind: Kind, channel: str, text: Text) -> list[tuple[str, str]]:
    """Return what is wrong with each part of a template: what it may not contain, and what its sample shows."""
    faults = [(part, words) for part in PARTS for words in _faults(part, getattr(text, part), kind)]
    if not faults:
        try:
            render(text, channel, kind.samples)
        except WrongTemplate as wrong:
            faults.append(("text" if channel == "sms" else "html", str(wrong)))
    return faults


def render(text: Text, channel: str, values: Mapping[str, str]) -> Rendered:
    """Return the message; raises WrongTemplate for one that is too long or cannot be rendered."""
    values = {name: value[:MAX_VALUE] for name, value in values.items()}
    parts = {part: _rendered(part, getattr(text, part), values) for part in PARTS}
    subject = " ".join(parts["subject"].split())
    if len(subject) > MAX_SUBJECT:
        message = f"the subject is longer than {MAX_SUBJECT} characters"
        raise WrongTemplate(message)
    if channel == "sms" and len(parts["text"]) > MAX_SMS:
        message = f"the SMS is longer than {MAX_SMS} characters"
        raise WrongTemplate(message)
    return Rendered(parts["text"], subject, parts["html"])


def _rendered(part: str, source: str, values: Mapping[str, str]) -> str:
    pieces, size = [], 0
    for piece in _pieces(part, source, values):
        size += len(piece)
        if size > MAX_RENDERED:
            message = f"the {part} is longer than {MAX_RENDERED} characters"
            raise WrongTemplate(message)
        pieces.append(piece)
    return "".join(pieces)


def _pieces(part: str, source: str, values: Mapping[str, str]) -> Iterator[str]:
    try:
        yield from _compiled(part, source)(values)
    except TemplateError as wrong:
        raise WrongTemplate(str(wrong)) from None
    except Exception as wrong:  # noqa: BLE001 - whatever Python raises for it, such as a text compared with a number
        message = f"cannot be rendered: {str(wrong) or type(wrong).__name__}"
        raise WrongTemplate(message) from None


@lru_cache(maxsize=256)
def _compiled(part: str, source: str) -> Callable[[Mapping[str, str]], Iterator[str]]:
    return PARTS[part].from_string(source).generate


def _faults(part: str, source: str, kind: Kind) -> Iterator[str]:
    try:
        tree = PARTS[part].parse(source)
    except TemplateSyntaxError as wrong:
        yield f"line {wrong.lineno}: {wrong.message}"
        return
    except (RecursionError, ValueError, OverflowError):
        yield "is nested too deeply, or has a number that is too large"
        return
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        words = "is nested too deeply" if depth > DEEPEST else _node_fault(node, kind)
        if words is not None:
            yield f"line {node.lineno}: {words}"
            return
        waiting += reversed([(child, depth + 1) for child in node.iter_child_nodes()])


def _node_fault(node: nodes.Node, kind: Kind) -> str | None:
    if not isinstance(node, NODES):
        return f"{type(node).__name__} is not available; use values, conditions and filters"
    if isinstance(node, nodes.Name) and node.name not in kind.samples:
        return f"{node.name} is not a value of this template, which has {', '.join(sorted(kind.samples))}"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"the filter {node.name} is not available, only {', '.join(sorted(FILTERS))}"
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return f"the test {node.name} is not available, only {', '.join(sorted(TESTS))}"
    return None
