-- Quests of performances, and the progress of fans in them.

-- What a fan was awarded, without what was spent, deducted or returned.
alter table standings add column gain bigint not null default 0;
update standings s set gain = g.gain
from (
    select b.account_id, b.board, b.fan_id, sum(b.point_count)::bigint as gain
    from (
        select account_id, 'point:' || point_uid as board, fan_id, point_count from fan_points
        where point_count > 0 and reward_uid is null
        union all
        select account_id, 'campaign:' || page_tab_id, fan_id, point_count from fan_points
        where point_count > 0 and reward_uid is null and page_tab_id is not null
    ) b
    group by b.account_id, b.board, b.fan_id
) g
where s.account_id = g.account_id and s.board = g.board and s.fan_id = g.fan_id;

-- The category that quests and rewards of a performance use unless they name another.
alter table performances add column point_uid uuid;
alter table performances add foreign key (account_id, point_uid) references points (account_id, point_uid);

-- A quest is a campaign; title and description of its state are there. Without a performance it is deleted.
create table quests (
    account_id bigint not null,
    page_tab_id bigint not null,
    performance_uid uuid,
    quest_type text not null
        check (quest_type in ('campaign', 'scan', 'link', 'points', 'registration', 'check_in')),
    target_page_tab_id bigint,
    site_name text,
    -- the same, folded
    site_key text,
    scan_group_names text[] not null default '{}',
    -- the same, folded
    scan_group_keys text[] not null default '{}',
    link_url text,
    is_required boolean not null,
    access_restriction_type text not null check (access_restriction_type in ('none', 'points', 'quests')),
    fan_points_required bigint,
    point_uid uuid,
    reward_type text,
    fan_points_reward bigint check (fan_points_reward > 0),
    button_text text,
    quest_description text,
    atvenu_sales_event_key text,
    atvenu_promo_key text,
    bestring_location_group_id text,
    bestring_promotion_id text,
    start_date date,
    end_date date,
    -- Only what happened in this time counts; not before the quest was created.
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    -- How often what the quest asks for must happen; of a quest of points, how many must be awarded.
    target_count bigint not null check (target_count > 0),
    created_at timestamptz not null,
    primary key (account_id, page_tab_id),
    foreign key (account_id, page_tab_id) references campaigns (account_id, page_tab_id),
    foreign key (account_id, target_page_tab_id) references campaigns (account_id, page_tab_id),
    foreign key (account_id, point_uid) references points (account_id, point_uid),
    foreign key (account_id, performance_uid) references performances (account_id, performance_uid)
        on delete set null (performance_uid)
);
create index quests_by_performance on quests (account_id, performance_uid, page_tab_id)
    where performance_uid is not null;
create index quests_by_target on quests (account_id, quest_type, target_page_tab_id, ends_at)
    where performance_uid is not null;
create index quests_by_point on quests (account_id, point_uid) where performance_uid is not null;

-- Quests that must be completed before another opens. They are older than it, so there is no circle.
create table quest_requirements (
    account_id bigint not null,
    page_tab_id bigint not null,
    required_page_tab_id bigint not null check (required_page_tab_id < page_tab_id),
    primary key (account_id, page_tab_id, required_page_tab_id),
    foreign key (account_id, page_tab_id) references quests (account_id, page_tab_id),
    foreign key (account_id, required_page_tab_id) references quests (account_id, page_tab_id)
);
create index quest_requirements_by_required on quest_requirements (account_id, required_page_tab_id);

create table quest_progresses (
    account_id bigint not null,
    fan_id bigint not null,
    page_tab_id bigint not null,
    progress_count bigint not null,
    -- The fan may have completed it, which the statement after this one or a job finds out.
    is_due boolean not null,
    completed_at timestamptz,
    completion_id bigint,
    primary key (account_id, fan_id, page_tab_id)
);
create index quest_progresses_by_quest on quest_progresses (account_id, page_tab_id, completion_id);
create index quest_progresses_due on quest_progresses (account_id, fan_id) where is_due;
