-- The Shopify shop of an account, whose products `shopify/products` looks up. The token is sealed by the secret key.

create table shopify_shops (
    account_id bigint not null references accounts (account_id),
    shop_url text not null,
    shop_name text not null,
    sealed_token text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id)
);
