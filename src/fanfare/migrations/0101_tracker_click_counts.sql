-- Clicks by tracker and day of the account, with a counter for each verdict, kept by the statements that write clicks.
-- One row a day in place of one for each verdict: lists of trackers read the figures of many days.
create temporary table former_click_days on commit drop as
select account_id, tracker_id, figure_date, verdict, click_count from tracker_click_days;
drop table tracker_click_days;
create table tracker_click_days (
    account_id bigint not null,
    tracker_id bigint not null,
    figure_date date not null,
    human_count bigint not null default 0,
    head_count bigint not null default 0,
    prefetch_count bigint not null default 0,
    preview_count bigint not null default 0,
    bot_count bigint not null default 0,
    datacentre_count bigint not null default 0,
    repeated_count bigint not null default 0,
    primary key (account_id, tracker_id, figure_date),
    foreign key (account_id, tracker_id) references trackers (account_id, tracker_id) on delete cascade
) with (fillfactor = 50);
insert into tracker_click_days (account_id, tracker_id, figure_date, human_count, head_count, prefetch_count,
                                preview_count, bot_count, datacentre_count, repeated_count)
select account_id, tracker_id, figure_date,
       coalesce(sum(click_count) filter (where verdict = 'human'), 0),
       coalesce(sum(click_count) filter (where verdict = 'head'), 0),
       coalesce(sum(click_count) filter (where verdict = 'prefetch'), 0),
       coalesce(sum(click_count) filter (where verdict = 'preview'), 0),
       coalesce(sum(click_count) filter (where verdict = 'bot'), 0),
       coalesce(sum(click_count) filter (where verdict = 'datacentre'), 0),
       coalesce(sum(click_count) filter (where verdict = 'repeated'), 0)
from former_click_days
group by account_id, tracker_id, figure_date;
