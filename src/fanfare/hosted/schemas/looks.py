"""How a page looks."""

import msgspec


class Look(msgspec.Struct, frozen=True):
    """How a page looks: name, colour (`#rrggbb`) and logo (https URL) of a business, and links to its legal texts."""

    name: str
    colour: str | None = None
    logo: str | None = None
    links: tuple[tuple[str, str], ...] = ()
