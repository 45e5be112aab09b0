"""HTTP endpoints of props."""

from datetime import datetime
from typing import Any

from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.props import actions, queries
from fanfare.props.schemas import NewProp, OneProp, Prop, PropQuery


@endpoint.post("/api/v1/props/{prop_name}", scope="misc", key=PUBLIC)
async def props_save(db: Db, account: Account, new: NewProp, now: datetime) -> dict[str, Any]:
    """Store a small JSON value under a name, or increment counters in it, and return what is stored there now.

    Meant for simple votes, and open to anyone with the public key. `props` replaces the value and its counters,
    `increment` adds to numbers in it; with neither, the call only reads. 409 for a new name beyond 10,000.
    """
    return await actions.save(db, account.id, new, now)


@endpoint.get("/api/v1/manage/props", scope="manage", key=SECRET)
async def manage_props_list(db: Db, account: Account, query: PropQuery) -> ArrayPage[Prop]:
    """List the values stored by `props`, oldest first."""
    return await queries.props(db, account.id, query)


@endpoint.delete("/api/v1/manage/props/{prop_name}", scope="manage", key=SECRET)
async def manage_props_delete(db: Db, account: Account, target: OneProp, now: datetime) -> bool:
    """Delete a stored value with its counters."""
    await actions.delete(db, account.id, target.prop_name, now)
    return True
