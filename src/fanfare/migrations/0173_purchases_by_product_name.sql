-- Lines by part of the name of their product, as products have it: purchases/queries.py. Beside the statistics of the
-- index the planner knows how common a name is.
create index purchases_by_product_name on purchases
    using gin (account_id, fold_text(product_name) gin_trgm_ops);
