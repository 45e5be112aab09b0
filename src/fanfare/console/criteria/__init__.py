"""The builder of criteria: a search as sentences with slots, for the search of fans and for the editor of segments.

It knows no criterion: sentences, slots and pickers come from the declarations in `search/criteria`, so a new criterion
is there as soon as it is declared. The state of a search is the query of the URL, with the parameters of the API.

    async def fans(db: Db, member: Member, visit: Visit, query: FansQuery, now: datetime) -> View | Redirect:
        builder = await read_builder(db, member, visit.language, visit.query or {})
        if builder.has_command:                      # a sentence was added or taken out: go to the search without it
            return Redirect(f"{path}?{urlencode(builder.pairs)}")
        if builder.criteria is not None:             # None while a value is wrong; its slot says so
            …

    {% from "console/templates/components/criteria.html" import criteria_fields with context %}
    <form method="get" action="…">{{ criteria_fields(builder, path, choices_path) }}</form>

- `builder.sentences` are the criteria in use, `builder.menu` those that can be added, by subject; `builder.pairs` the
  parameters to keep in links, `builder.criteria` the `Criteria` for counting and searching.
- `of_stored(criteria)` returns the parameters of criteria as a filter stores them, for a builder that shows a filter.
- `prose(builder, language)` says the criteria in a line of text with their values, for lists.
- Buttons `add` and `drop` are part of the form. With htmx they replace the element `#criteria`; without it the page
  leads to itself. A change of any slot sends the event `input`, to which a count may listen.
- Several builders in one form have a `prefix` each, which begins the names of their fields: `g1-fan_tags[]`.
"""
