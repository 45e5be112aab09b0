-- Orders, the newest first, each at its last line; one order by its key.
create index purchases_by_moment on purchases (account_id, ordered_at, purchase_id);
create index purchases_by_order on purchases (account_id, order_key, network, purchase_id);
-- What was sold of a product.
create index purchases_by_product on purchases (account_id, product_key, network, ordered_at)
    include (net_sale_amount, quantity, currency) where product_key is not null;
