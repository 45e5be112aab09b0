"""Topics of the change log about purchases."""

from fanfare.kernel.data.announcements import Topic

LINE = "network:purchase_key"

PURCHASE_CREATED = Topic(
    "purchase.created", "A line of an order was recorded; the fan is its buyer, when known.", LINE, "sometimes"
)
PURCHASE_UPDATED = Topic(
    "purchase.updated", "A line was sent again; the fan is its buyer. A former buyer gets an announcement too.",
    LINE, "sometimes",
)  # fmt: skip
PURCHASE_MATCHED = Topic("purchase.matched", "The buyer of a line became known.", LINE, "always")
PURCHASE_DELETED = Topic("purchase.deleted", "A line was deleted by the undo of an import.", LINE, "sometimes")
SHOPIFY_SHOP_UPDATED = Topic("shopify_shop.updated", "A Shopify shop was connected, or another in its place.", "")
SHOPIFY_SHOP_DELETED = Topic("shopify_shop.deleted", "The Shopify shop was disconnected.", "")
