"""The values of criteria in the query of a page: read with their names, and written again."""

from collections.abc import Iterator, Mapping

import msgspec

from fanfare.console.criteria.parameters import COMPOUND, Parameter, flag_text, parameters
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.parameters import Raw, slots
from fanfare.kernel.wire import ListForm
from fanfare.search.criteria import Criteria
from fanfare.search.queries.choices import NamedRecord, choices, named_records
from fanfare.search.queries.stored import to_stored

# Texts by the name of their parameter; one without a value has an empty text.
Values = dict[str, list[str]]
ADD, DROP = "add", "drop"
# What a record is called behind its name, where a value may be of several kinds.
KINDS = {"filter": "filter", "snapshot": "snapshot", "tag": "tag"}
SEPARATOR = " · "


def values_of(raw: Raw, prefix: str = "") -> Values:
    """Return the values of criteria in a query, without the commands."""
    result: Values = {}
    for name, parameter in parameters().items():
        entries = [str(each) for each in raw.get(f"{prefix}{name}[]", ())] if parameter.is_list else []
        bare = [str(each) for each in raw.get(prefix + name, ())]
        if parameter.is_list and (parameter.references is None or bare):
            entries = [part for each in (*entries, *bare) for part in each.split(",")]
        elif bare:
            entries = bare[:1]
        if entries:
            texts = list(dict.fromkeys(each.strip() for each in entries))
            result[name] = [each for each in texts if each] or [""]
    compound = {name: raw.get(prefix + name, [""])[:1] for name in COMPOUND}
    return result | {name: [str(each) for each in texts] for name, texts in compound.items() if texts != [""]}


def carried_out(raw: Raw, values: Values, prefix: str = "") -> Values:
    """Return the values after the commands of a query: a parameter to add, one or an entry of one to drop."""
    (add, *_), (drop, *_) = raw.get(prefix + ADD) or [""], raw.get(prefix + DROP) or [""]
    result, declared = dict(values), parameters()
    if add in declared and add not in result:
        result[str(add)] = [first_value(declared[str(add)])]
    name, separator, entry = str(drop).partition("[]=")
    if separator and name in result:
        result[name] = [each for each in result[name] if each != entry] or [""]
    elif name in result:
        del result[name]
    return result


def first_value(parameter: Parameter) -> str:
    """Return what a sentence says at first: a flag is true, everything else waits for a value."""
    words = parameter.widget.words
    return "true" if words.keys() == {"true", "false"} else ""


def pairs_of(values: Mapping[str, list[str]], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query; defaults are left out."""
    for name, texts in values.items():
        parameter = parameters().get(name)
        if parameter is None or texts != [parameter.default]:
            yield from ((prefix + (parameter.wire_name if parameter else name), each) for each in texts)


def of_stored(criteria: Criteria) -> Raw:
    """Return the parameters of criteria that differ from the defaults, as a query has them."""
    return raw_of(to_stored(criteria))


def raw_of(values: Mapping[str, object]) -> Raw:
    """Return plain values of criteria as a query has them."""
    result: Raw = {}
    for name, value in values.items():
        if name in COMPOUND:
            result[name] = [msgspec.json.encode(value).decode()]
        elif name in parameters():
            entries = value if isinstance(value, list) else [value]
            result[parameters()[name].wire_name] = [_text(each) for each in entries]
    return result


def _text(value: object) -> str:
    return flag_text(value) if isinstance(value, bool) else str(value)


async def with_keys(db: Db, account_id: int, values: Values, language: Language) -> Values:
    """Return values in which the names of records are their keys, where criteria want keys; others stay."""
    forms = {slot.name: slot.form for slot in slots(Criteria)}
    result = dict(values)
    for name, texts in values.items():
        form, parameter = forms[name], parameters().get(name)
        if parameter and parameter.has_keys and isinstance(form, ListForm):
            result[name] = [
                each if _fits(form, each) else await _key(db, account_id, parameter, each, language) for each in texts
            ]
    return result


def _fits(form: ListForm, text: str) -> bool:
    try:
        form.each.read(text)
    except ValueError:
        return not text
    return True


async def _key(db: Db, account_id: int, parameter: Parameter, text: str, language: Language) -> str:
    """Return the key of the record with a name, which may have its kind behind it; the text itself for none."""
    assert parameter.references is not None  # noqa: S101 - it has keys
    bare, _, kind = text.rpartition(SEPARATOR)
    for part, kinds in ((bare, [each for each in KINDS if language.text(KINDS[each]) == kind]), (text, [*KINDS])):
        for each in await choices(db, account_id, parameter.references, part) if part else ():
            if each.kind in kinds and fold(each.name) == fold(part):
                return each.value
    return text


async def labels_of(db: Db, account_id: int, values: Values, language: Language) -> dict[tuple[str, str], str]:
    """Return what values that are keys are called, by parameter and value."""
    result = {}
    for name, texts in values.items():
        parameter = parameters().get(name)
        if parameter and parameter.has_keys and parameter.references:
            records = await named_records(db, account_id, parameter.references, [text for text in texts if text])
            result.update({(name, each.value): label_of(each, parameter, language) for each in records})
    return result


def label_of(record: NamedRecord, parameter: Parameter, language: Language) -> str:
    """Return the name of a record, with its kind where a value may be of several."""
    has_kinds = parameter.references is not None and len(parameter.references.forms) > 1
    return f"{record.name}{SEPARATOR}{language.text(KINDS[record.kind])}" if has_kinds else record.name
