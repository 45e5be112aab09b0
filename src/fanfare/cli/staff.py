"""`staff`: people of the Manage Centre, as an operator invites them and lets them in again."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import typer

from fanfare.cli.accounts import AccountId
from fanfare.cli.database import in_database
from fanfare.cli.options import AsJson, DataDir
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.folding import fold
from fanfare.kernel.running.embedded import running
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import from_environment
from fanfare.staff.actions.invitations import invite as send_invitation
from fanfare.staff.actions.passwords import new_link
from fanfare.staff.queries.people import person_by_email
from fanfare.staff.schemas.invitations import NewInvitation, SentInvitation
from fanfare.staff.schemas.roles import CUSTOM, ROLES

staff = typer.Typer(help="Invite people to the Manage Centre, and let them in again.", no_args_is_help=True)
T = TypeVar("T")
Email = Annotated[str, typer.Argument(help="Email address of the person")]


class Link(msgspec.Struct):
    """A link that was made."""

    email: str
    url: str


@staff.command("invite")
def invite(
    email: Email,
    account_id: AccountId,
    role: Annotated[str, typer.Option(help=f"{', '.join(each.capitalize() for each in ROLES if each != CUSTOM)}")],
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Invite a person to an account. The link goes by mail, and is printed where no mail server is set up.

    It is valid for 24 hours, and works once. With --json it is always printed.

    Example: fanfare staff invite jo@example.com --account 1 --role Full
    """
    name = fold(role)
    if name not in ROLES or name == CUSTOM:
        message = f"{role!r} is not a role; use Full, Editor, Analyst or Legal"
        raise CannotRun(message)
    new = NewInvitation(email=email, role=name)
    invitation = _run(data_dir, "invite", lambda db: _invite(db, account_id, new, shows_link=as_json))
    if as_json:
        typer.echo(msgspec.json.encode(invitation).decode())
    else:
        typer.echo(invitation.invitation_url or f"The invitation goes to {invitation.email} by mail.")


@staff.command("link")
def link(email: Email, data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """Print a link that signs a person in once, within an hour: for whoever has lost password or second factor.

    Example: fanfare staff link jo@example.com
    """
    _print(_run(data_dir, "link", lambda db: _link(db, email, is_password=False)), as_json=as_json)


@staff.command("password")
def password(email: Email, data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """Print a link to set a new password, which works once, within an hour.

    Example: fanfare staff password jo@example.com
    """
    _print(_run(data_dir, "password", lambda db: _link(db, email, is_password=True)), as_json=as_json)


async def _invite(db: Db, account_id: int, new: NewInvitation, *, shows_link: bool) -> SentInvitation:
    return await send_invitation(db, account_id, new, system_clock(), shows_link=shows_link, is_by_operator=True)


async def _link(db: Db, email: str, *, is_password: bool) -> Link:
    person = await person_by_email(db, email)
    if person is None:
        message = f"nobody has the address {email}; invite them with `fanfare staff invite`"
        raise CannotRun(message)
    url = await new_link(db, person.staff_id, "password" if is_password else "sign_in", system_clock())
    return Link(person.email, url)


def _run(data_dir: DataDir, name: str, act: Callable[[Db], Awaitable[T]]) -> T:
    settings = from_environment().replace(data_dir=data_dir)
    secret_keys.use(settings)
    mail_server.use(settings)
    server = running(settings.data_dir)
    public_address.use(settings.replace(public_url=settings.public_url or (server.url if server else None)))
    return in_database(settings, f"fanfare staff {name}", act)


def _print(result: Link, *, as_json: bool) -> None:
    typer.echo(msgspec.json.encode(result).decode() if as_json else result.url)
