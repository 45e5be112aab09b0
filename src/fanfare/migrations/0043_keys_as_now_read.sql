-- Networks are stored folded in every table, and keys as they are read now: in composed letters, 1042.0 as 1042. Rows that
-- become one by this stay two: the one that was written so already, or the first, has the key, the others get their number
-- behind it, so that none is lost and the figures stay.
create function pg_temp.key_read(written text) returns text
    language sql immutable
    return case
        when btrim(written) !~ '^-?(0|[1-9][0-9]{0,15})(\.0|\.[0-9]{1,16}[eE]\+?[0-9]{1,2})$' then btrim(normalize(written, nfc))
        when written::numeric <> trunc(written::numeric) or abs(written::numeric) > 9007199254740991 then btrim(written)
        else trunc(written::numeric)::text
    end;

do $$
declare
    each record;
begin
    -- The key of a row in its network, and what tells it from all others.
    for each in
        select * from (values
            ('purchases', 'purchase_key', 'purchase_id::text'),
            ('registrations', 'registration_key', 'registration_id::text'),
            ('scans', 'source_key', 'scan_key::text'),
            ('tickets', 'ticket_key', 'ticket_id::text'),
            ('ticket_events', 'event_key', 'left(event_uid::text, 8)'),
            ('products', 'product_key', 'product_id::text')
        ) as keyed (table_name, key, number)
    loop
        execute format(
            'update %1$I t set network = d.network, %2$I = d.key || case when d.n > 1 then '' ('' || d.number || '')''
                 else '''' end
             from (
                 select account_id, network as old_network, %2$I as old_key, fold_text(network) as network,
                        pg_temp.key_read(%2$I) as key, %3$s as number,
                        row_number() over (
                            partition by account_id, fold_text(network), pg_temp.key_read(%2$I)
                            order by network <> fold_text(network) or %2$I <> pg_temp.key_read(%2$I), created_at, %3$s
                        ) as n
                 from %1$I where %2$I is not null
             ) d
             where t.account_id = d.account_id and t.network = d.old_network and t.%2$I = d.old_key
               and (d.network <> d.old_network or d.key <> d.old_key)',
            each.table_name, each.key, each.number);
    end loop;
    for each in
        select * from (values
            ('purchases', 'order_key'), ('purchases', 'customer_key'), ('purchases', 'merchant_key'),
            ('purchases', 'product_key'), ('tickets', 'order_key'), ('tickets', 'customer_key'),
            ('registrations', 'event_key'), ('registrations', 'order_key'), ('registrations', 'ticket_key'),
            ('registrations', 'barcode'), ('scans', 'registration_key'), ('scans', 'ticket_order_key'),
            ('scans', 'barcode'), ('scans', 'event_key'), ('passes', 'event_key')
        ) as named (table_name, key)
    loop
        execute format(
            'update %1$I set %2$I = pg_temp.key_read(%2$I) where %2$I <> pg_temp.key_read(%2$I)',
            each.table_name, each.key);
    end loop;
end
$$;
update tickets set network = fold_text(network) where network <> fold_text(network);
update ticket_events set network = fold_text(network) where network <> fold_text(network);

-- What two fans are called in one network leads to neither: the first has it, the others share it.
create temporary table keys_read on commit drop as
select account_id, network, identifier_value, fan_id, created_at, pg_temp.key_read(identifier_value) as key,
       first_value(fan_id) over same as first_fan_id, row_number() over same as n
from fan_identifiers where network not in ('email', 'phone')
window same as (
    partition by account_id, network, pg_temp.key_read(identifier_value)
    order by created_at, fan_id, identifier_value);
insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
select account_id, network, key, fan_id, created_at from keys_read where n > 1 and fan_id <> first_fan_id
union
select account_id, network, pg_temp.key_read(identifier_value), fan_id, created_at from shared_identifiers
where network not in ('email', 'phone') and identifier_value <> pg_temp.key_read(identifier_value)
on conflict do nothing;
delete from shared_identifiers
where network not in ('email', 'phone') and identifier_value <> pg_temp.key_read(identifier_value);
delete from fan_identifiers t using keys_read d
where d.n > 1 and d.account_id = t.account_id and d.network = t.network and d.identifier_value = t.identifier_value;
update fan_identifiers t set identifier_value = d.key
from keys_read d
where d.n = 1 and d.key <> d.identifier_value
  and d.account_id = t.account_id and d.network = t.network and d.identifier_value = t.identifier_value;
