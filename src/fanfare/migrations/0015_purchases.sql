-- Purchases: lines of orders from shops and merchandise stands, and the products they name.

-- A line is known by its purchase_key in its network. purchase_id is the position of its first change: what it pages by.
create table purchases (
    account_id bigint not null,
    network text not null,
    purchase_key text not null,
    purchase_id bigint not null,
    fan_id bigint,
    ordered_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    gross_sale_amount numeric(16, 4) not null,
    net_sale_amount numeric(16, 4) not null,
    deduction_amount numeric(16, 4) not null default 0,
    currency text not null,
    quantity integer not null default 1,
    order_key text not null,
    merchant_key text not null,
    location_key text,
    customer_key text,
    product_key text,
    product_name text,
    product_category text,
    email text,
    phone text,
    country_code text,
    province text,
    city text,
    primary key (account_id, network, purchase_key)
);
create unique index purchases_by_id on purchases (account_id, network, purchase_id);
create index purchases_by_time on purchases (account_id, network, ordered_at);
create index purchases_by_fan on purchases (account_id, fan_id, ordered_at) include (net_sale_amount);
-- Those whose fan has not turned up yet.
create index purchases_unmatched on purchases (account_id, network, customer_key) where fan_id is null;

create table products (
    account_id bigint not null references accounts (account_id),
    network text not null,
    product_key text not null,
    product_name text not null,
    product_category text,
    product_url text,
    image_url text,
    price numeric(16, 4),
    currency text,
    is_active boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, network, product_key)
);
create index products_by_name on products using gin (account_id, product_name gin_trgm_ops);
