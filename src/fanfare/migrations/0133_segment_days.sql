-- How many fans entered and left each active filter on each day of the account. docs/decisions/0078-days-of-segments.md
-- rebuilt_count is the change by builds of new criteria, in which nobody entered or left.
create table segment_days (
    account_id bigint not null,
    filter_id bigint not null,
    counted_on date not null,
    entered_count bigint not null default 0,
    left_count bigint not null default 0,
    rebuilt_count bigint not null default 0,
    primary key (account_id, filter_id, counted_on),
    foreign key (account_id, filter_id) references filters (account_id, filter_id) on delete cascade
);

insert into segment_days (account_id, filter_id, counted_on, entered_count, left_count, rebuilt_count)
select k.account_id, k.filter_id, k.day, sum(k.entered), sum(k.gone), sum(k.rebuilt)
from (
    select m.account_id, m.filter_id, (m.entered_at at time zone a.time_zone)::date as day,
           coalesce(m.entered_at > s.built_at, false)::integer as entered, 0 as gone,
           ((m.entered_at > s.built_at) is not true)::integer as rebuilt
    from segment_members m
    join accounts a on a.account_id = m.account_id
    join filters f on f.account_id = m.account_id and f.filter_id = m.filter_id
    left join filter_states s on s.account_id = m.account_id and s.filter_id = m.filter_id
    union all
    select t.account_id, t.filter_id, (t.entered_at at time zone a.time_zone)::date,
           coalesce(t.entered_at > s.built_at, false)::integer, 0, ((t.entered_at > s.built_at) is not true)::integer
    from segment_stays t
    join accounts a on a.account_id = t.account_id
    join filters f on f.account_id = t.account_id and f.filter_id = t.filter_id
    left join filter_states s on s.account_id = t.account_id and s.filter_id = t.filter_id
    union all
    select t.account_id, t.filter_id, (t.left_at at time zone a.time_zone)::date,
           0, coalesce(t.left_at > s.built_at, false)::integer, -((t.left_at > s.built_at) is not true)::integer
    from segment_stays t
    join accounts a on a.account_id = t.account_id
    join filters f on f.account_id = t.account_id and f.filter_id = t.filter_id
    left join filter_states s on s.account_id = t.account_id and s.filter_id = t.filter_id
) k
group by k.account_id, k.filter_id, k.day;
