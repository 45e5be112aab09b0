"""What the table tests need of purchases: a shop that answers as long as the tests run."""

from contextlib import ExitStack
from functools import cache
from typing import Any

from tests.purchases.shop import TOKEN, Shop, shop

# A generator that nobody refers to would end the shop.
RUNNING = ExitStack()


@cache
def running_shop() -> Shop:
    """Return the shop of this process; its thread ends with it."""
    return RUNNING.enter_context(shop())


async def made_shop(post: Any) -> dict[str, Any]:
    """Connect the shop, and return what connects it again."""
    fields = {"shop_url": running_shop().url, "access_token": TOKEN}
    await post("manage/shopify_shop", **fields)
    return {"shop_url": fields["shop_url"], "shop_token": TOKEN}
