-- Entries for IPv4 written as IPv6 (::ffff:192.0.2.0/120) become entries for IPv4: so callers' addresses are compared.
-- An entry that stands for the same range already is the one that had an effect; it stays.
with mapped as (
    delete from ip_addresses where ip_address <<= '::ffff:0:0/96'
    returning account_id, page_tab_id, ip_address, is_blocked, created_at
)
insert into ip_addresses (account_id, page_tab_id, ip_address, is_blocked, created_at)
select account_id, page_tab_id,
       set_masklen(('0.0.0.0'::inet + (host(ip_address)::inet - '::ffff:0.0.0.0'::inet))::cidr, masklen(ip_address) - 96),
       is_blocked, created_at
from mapped
on conflict (account_id, page_tab_id, ip_address) do nothing;
