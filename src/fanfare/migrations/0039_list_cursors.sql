-- Positions for lists that were read by time alone, so that a reader can go on behind a row: a row that commits late, or
-- beside ten thousand others of its second, is not passed by.

-- The position of the change that gave the tag. A tag that moves with a merge is given anew.
alter table fan_tags add column position bigint;
update fan_tags g set position = numbered.position
from (
    select account_id, tag_id, fan_id, nextval('positions') as position
    from (select account_id, tag_id, fan_id from fan_tags order by created_at, account_id, tag_id, fan_id) as by_time
) as numbered
where g.account_id = numbered.account_id and g.tag_id = numbered.tag_id and g.fan_id = numbered.fan_id;
alter table fan_tags alter column position set not null;
create index fan_tags_by_position on fan_tags (account_id, position);

-- Taken when the product is first written.
alter table products add column product_id bigint;
update products p set product_id = numbered.product_id
from (
    select account_id, network, product_key, nextval('positions') as product_id
    from (select account_id, network, product_key from products order by created_at, account_id, network, product_key)
        as by_time
) as numbered
where p.account_id = numbered.account_id and p.network = numbered.network and p.product_key = numbered.product_key;
alter table products alter column product_id set not null;
create unique index products_by_id on products (account_id, product_id);

create unique index registrations_by_id on registrations (account_id, registration_id);
create index fan_points_by_campaign_id on fan_points (account_id, page_tab_id, fan_point_id)
    where page_tab_id is not null;
