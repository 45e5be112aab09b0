-- Who else came with what belongs to another fan: a number that a family shares, a customer's key that two shops of one
-- network give twice. The row of fan_identifiers says whose it is; when that fan lets go of it, one of these has it. What
-- an outside network calls two people leads to neither.
create table shared_identifiers (
    account_id bigint not null,
    network text not null,
    identifier_value text not null,
    fan_id bigint not null,
    created_at timestamptz not null,
    primary key (account_id, network, identifier_value, fan_id),
    foreign key (account_id, fan_id) references fans (account_id, fan_id) on delete cascade
);
create index shared_identifiers_by_fan on shared_identifiers (account_id, fan_id);

-- Numbers that nobody has any more, since their fan let go of them, belong to the oldest fan who has them.
insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
select distinct on (f.account_id, n.number) f.account_id, 'phone', n.number, f.fan_id, f.updated_at
from fans f
cross join lateral (values (f.phone), (f.add_phone)) as n (number)
where n.number is not null
order by f.account_id, n.number, f.fan_id
on conflict (account_id, network, identifier_value) do nothing;

insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
select distinct f.account_id, 'phone', n.number, f.fan_id, f.updated_at
from fans f
cross join lateral (values (f.phone), (f.add_phone)) as n (number)
join fan_identifiers i on i.account_id = f.account_id and i.network = 'phone' and i.identifier_value = n.number
where i.fan_id <> f.fan_id;

insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
select i.account_id, i.network, i.identifier_value, came.fan_id, min(came.created_at)
from (
    select account_id, lower(network) as network, customer_key, fan_id, created_at from purchases
    where customer_key is not null and fan_id is not null and (email is not null or phone is not null)
    union all
    select account_id, lower(network), customer_key, fan_id, created_at from tickets where customer_key is not null
) as came
join fan_identifiers i on i.account_id = came.account_id and i.network = came.network
    and i.identifier_value = came.customer_key
join fans f on f.account_id = came.account_id and f.fan_id = came.fan_id
where i.fan_id <> came.fan_id and i.network not in ('', 'email', 'phone')
group by i.account_id, i.network, i.identifier_value, came.fan_id;

-- What a performance or an item names is there: a reference is held by its key, not by a look beforehand.
update performances p set business_id = null
where business_id is not null and not exists (
    select from businesses b where b.account_id = p.account_id and b.business_id = p.business_id);
update performances p set referral_page_tab_id = null
where referral_page_tab_id is not null and not exists (
    select from campaigns c where c.account_id = p.account_id and c.page_tab_id = p.referral_page_tab_id);
update campaign_items i set tag_id = null
where tag_id is not null and not exists (
    select from tags t where t.account_id = i.account_id and t.tag_id = i.tag_id);
alter table performances add foreign key (account_id, business_id) references businesses (account_id, business_id);
alter table performances
    add foreign key (account_id, referral_page_tab_id) references campaigns (account_id, page_tab_id);
alter table campaign_items
    add foreign key (account_id, tag_id) references tags (account_id, tag_id) on delete set null (tag_id);
