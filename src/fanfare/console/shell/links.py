"""Links of pages: to the account's other pages, and to the same page with other parameters."""

from urllib.parse import urlencode

from fanfare.kernel.data.paging import NextPage
from fanfare.staff.schemas.members import Member


def path_of(member: Member, path: str, **query: object) -> str:
    """Return the path of a page of the account with its parameters, without those that are None, False or empty."""
    pairs = [(name, "true" if value is True else value) for name, value in query.items() if value]
    return f"/manage/{member.account.id}{path}{'?' if pairs else ''}{urlencode(pairs)}"


def further_path(member: Member, path: str, next_page: NextPage, **query: object) -> str:
    """Return the path of the next page of a list; empty for the last."""
    return path_of(member, path, **query, cursor=next_page.cursor) if next_page.has_more else ""
