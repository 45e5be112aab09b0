"""Links of pages: to the account's other pages, and to the same page with other parameters."""

from urllib.parse import urlencode

from fanfare.staff.schemas.members import Member


def path_of(member: Member, path: str, **query: object) -> str:
    """Return the path of a page of the account with its parameters, without those that are None, False or empty."""
    pairs = [(name, "true" if value is True else value) for name, value in query.items() if value]
    return f"/manage/{member.account.id}{path}{'?' if pairs else ''}{urlencode(pairs)}"
