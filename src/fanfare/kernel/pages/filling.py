"""Fills a form of a page, as HTML, with what was typed, and names each wrong field beside it.

For forms that stand in a page without being its own: the templates of such a page show what is stored, and know nothing
of a form that was refused. The page is read once more, and its text changed only in the controls of that form.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape, unescape
from html.parser import HTMLParser

import msgspec

Attributes = dict[str, str]
# Controls that show no value, or whose value is not typed.
FIXED_TYPES = frozenset({"hidden", "password", "file", "submit", "button", "reset", "image"})
BOXES = frozenset({"checkbox", "radio"})
# What a field is named whose value is a secret, whatever its type.
SECRET = re.compile(r"(^|_)(password|secret|token|private_key|access_key|credentials?|code)$")
CONTROLS = frozenset({"input", "select", "textarea"})
# In a note about a form: the name of a field, which becomes its label.
NAME_IN_NOTE = re.compile(r'<code data-field="([^"]*)">[^<]*</code>')


class Submission(msgspec.Struct, frozen=True):
    """A form that was refused: the path it was sent to, what was in it, and what is wrong by field."""

    path: str
    entries: Mapping[str, Sequence[object]]
    faults: Mapping[str, str] = {}

    def texts(self, name: str) -> list[str]:
        """Return what was sent in the fields of a name."""
        return [each for each in self.entries.get(name, ()) if isinstance(each, str)]


class _Control(msgspec.Struct):
    """A control of a form: its tag, where it stands in the page, and where its options, its label and its box end."""

    tag: str
    attributes: Attributes
    start: int
    # behind its first tag, and behind all of it
    inside: int
    end: int = 0
    options: list[tuple[int, int, str, Attributes]] = []
    # the closed parts of the page around it
    folds: tuple[tuple[int, int], ...] = ()
    # the form around it; its place among the forms of the page
    form: int = -1
    # the label around it: behind that, a message stands
    label: int = -1

    @property
    def name(self) -> str:
        """The name under which it is sent; empty for one that is not."""
        return self.attributes.get("name", "")

    @property
    def is_line(self) -> bool:
        """Whether it is typed into, and neither a box nor a choice."""
        return self.tag == "textarea" or (self.tag == "input" and self.attributes.get("type", "text") not in BOXES)

    @property
    def is_open(self) -> bool:
        """Whether it shows what somebody typed or chose."""
        is_fixed = self.tag == "input" and self.attributes.get("type", "text") in FIXED_TYPES
        return bool(self.name) and not is_fixed and "disabled" not in self.attributes and not SECRET.search(self.name)


class _Reader(HTMLParser):
    """Finds the forms of a page, their controls, the labels of these, and the closed parts around them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.forms: list[Attributes] = []
        self.controls: list[_Control] = []
        # texts by the id of the control, and the end of each label that has a control inside
        self.labels: dict[str, str] = {}
        self.label_ends: dict[int, int] = {}
        self._folds: list[tuple[int, int]] = []
        self._form = -1
        self._label: Attributes | None = None
        self._label_number = -1
        self._label_text: list[str] = []
        self._area: _Control | None = None
        self.feed(text)

    def _place(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, a part that opens, a label, a control or an option."""
        attributes = {name: value or "" for name, value in attrs}
        start = self._place()
        end = start + len(self.get_starttag_text() or "")
        if tag == "form":
            self.forms.append(attributes)
            self._form = len(self.forms) - 1
        elif tag == "details":
            self._folds.append((end - 1, -1) if "open" in attributes else (end - 1, end))
        elif tag == "label":
            self._label, self._label_text = attributes, []
            self._label_number += 1
        elif tag in CONTROLS:
            self._add(_Control(tag, attributes, start, end, end))
        elif tag == "option" and self._area is not None:
            self._area.options.append((start, end, "", attributes))

    def _add(self, control: _Control) -> None:
        control.folds = tuple(self._folds)
        control.form = self._form
        control.options = []
        if self._label is not None:
            control.label = self._label_number
            self._label.setdefault("for", control.attributes.get("id", ""))
        self.controls.append(control)
        self._area = control if control.tag != "input" else None

    def handle_data(self, data: str) -> None:
        """Note the text of a label."""
        if self._label is not None and self._area is None:
            self._label_text.append(data)
        if self._area is not None and self._area.options:
            start, end, text, attributes = self._area.options[-1]
            self._area.options[-1] = (start, end, text + data, attributes)

    def handle_entityref(self, name: str) -> None:
        """Note a character of a text, such as &amp;, as it is written."""
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Note a character of a text, such as &#34;, as it is written."""
        self.handle_data(f"&#{name};")

    def handle_endtag(self, tag: str) -> None:
        """Note where a form, a part, a label or a control ends."""
        if tag == "form":
            self._form = -1
        elif tag == "details" and self._folds:
            self._folds.pop()
        elif tag == "label" and self._label is not None:
            self.labels[self._label.get("for", "")] = " ".join("".join(self._label_text).split())
            self.label_ends[self._label_number] = self._place() + len("</label>")
            self._label = None
        elif self._area is not None and tag == self._area.tag:
            self._area.end = self._place() + len(tag) + 3
            self._area = None


def fill(text: str, submission: Submission, fault_of: Callable[[str, str], str]) -> str:
    """Return a page with its form as it was sent; unchanged where it has no such form.

    `fault_of` returns the HTML of what is wrong, from the id of its element and the message.
    """
    page = _Reader(text)
    controls = _controls_of(page, submission)
    edits: list[tuple[int, int, str]] = []
    fields: dict[str, _Control] = {}
    places = _places(controls, submission)
    for control in controls:
        if not control.is_open:
            continue
        is_wrong = control.name in submission.faults and control.name not in fields
        is_marked = control.attributes.get("aria-invalid") == "true"
        fields.setdefault(control.name, control)
        mark = ""
        if is_wrong and not is_marked:
            fault_id = f"sent-{control.name}-fault"
            mark = f' aria-invalid="true" aria-describedby="{escape(fault_id)}"'
            end = page.label_ends.get(control.label, control.end)
            edits.append((end, end, fault_of(fault_id, submission.faults[control.name])))
        edits += _changes(control, places.get(id(control)), mark)
        edits += [(place, place, " open") for place, end in control.folds if end >= 0]
    text = _edited(text, edits)
    return NAME_IN_NOTE.sub(lambda match: _label_in_note(match, fields, page), text)


def _controls_of(page: _Reader, submission: Submission) -> list[_Control]:
    """Return the controls of the form that was sent: of those with its path, that with most of its hidden values."""
    result: list[_Control] = []
    best_count = -1
    for number, form in enumerate(page.forms):
        if form.get("action", "").partition("?")[0] != submission.path or form.get("method", "").lower() != "post":
            continue
        form_id = form.get("id")
        controls = [
            each
            for each in page.controls
            if (each.attributes["form"] == form_id if "form" in each.attributes else each.form == number)
        ]
        hidden = [each for each in controls if each.attributes.get("type") == "hidden"]
        count = sum(each.attributes.get("value", "") in submission.texts(each.name) for each in hidden)
        if count > best_count:
            best_count, result = count, controls
    return result


def _places(controls: Iterable[_Control], submission: Submission) -> dict[int, list[str]]:
    """Return what each control is to show, by its identity: all that was sent of a name for boxes and choices.

    Lines of one name each get their own, unless there are more or fewer of them than were sent: then the page knows
    better. A line that was not sent stays as it is.
    """
    result: dict[int, list[str]] = {}
    lines: dict[str, list[_Control]] = {}
    for control in controls:
        if not control.is_open:
            continue
        if control.is_line:
            lines.setdefault(control.name, []).append(control)
        elif control.tag == "input" or control.name in submission.entries:
            result[id(control)] = submission.texts(control.name)
    for name, named in lines.items():
        texts = submission.texts(name)
        if len(texts) == len(named):
            result.update({id(control): [text] for control, text in zip(named, texts, strict=True)})
    return result


def _changes(control: _Control, texts: list[str] | None, mark: str) -> list[tuple[int, int, str]]:
    """Return the changes that let a control show some texts, with attributes to add; None: it stays as it is."""
    tag, attributes, place = control.tag, control.attributes, (control.start, control.inside)
    if texts is None:
        return [(*place, _tag(tag, attributes, mark))] if mark else []
    if tag == "select":
        options = [
            (start, end, _tag("option", each, _flag("selected", is_on=_value(each, text) in texts), "selected"))
            for start, end, text, each in control.options
        ]
        return [(*place, _tag(tag, attributes, mark)), *options]
    if tag == "textarea":
        content = (control.inside, control.end - len("</textarea>"), f"\n{escape(texts[0])}")
        return [(*place, _tag(tag, attributes, mark)), content]
    if not control.is_line:
        is_on = attributes.get("value", "on") in texts
        return [(*place, _tag(tag, attributes, mark + _flag("checked", is_on=is_on), "checked"))]
    return [(*place, _tag(tag, attributes, f'{mark} value="{escape(texts[0])}"', "value"))]


def _value(option: Attributes, text: str) -> str:
    return option.get("value", unescape(text).strip())


def _flag(name: str, *, is_on: bool) -> str:
    return f" {name}" if is_on else ""


def _tag(tag: str, attributes: Attributes, extra: str, *without: str) -> str:
    """Return a first tag with other attributes; an explanation gives way to what is wrong."""
    names = {*without, *(("aria-describedby", "aria-invalid") if "aria-describedby" in extra else ())}
    rest = "".join(
        f' {name}="{escape(value)}"' if value else f" {name}" for name, value in attributes.items() if name not in names
    )
    return f"<{tag}{rest}{extra}>"


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    parts, place = [], 0
    for start, end, new in sorted(set(edits), key=lambda each: each[:2]):
        parts += [text[place:start], new]
        place = end
    return "".join([*parts, text[place:]])


def _label_in_note(match: re.Match[str], fields: Mapping[str, _Control], page: _Reader) -> str:
    """Return the label of a field that is shown, as a link to it; what is not shown keeps its name."""
    control = fields.get(unescape(match[1]))
    control_id = control.attributes.get("id", "") if control else ""
    label = page.labels.get(control_id, "") if control_id else ""
    if not label:
        return match[0]
    return f'<a href="#{escape(control_id)}">{escape(unescape(label))}</a>'
