-- Draws of winners among the entries of a campaign. draw_id is a position. The hash of the seed is stored when the draw is
-- created; the seed itself is sealed until the draw ends. draw_number counts the draws of a campaign, so that none can be hidden.
create table draws (
    account_id bigint not null references accounts (account_id),
    draw_id bigint not null,
    draw_uid uuid not null,
    page_tab_id bigint not null,
    draw_number integer not null,
    draw_name text,
    draw_state text not null check (draw_state in ('waiting', 'completed', 'withdrawn')),
    winner_count integer not null check (winner_count > 0),
    reserve_count integer not null check (reserve_count >= 0),
    entry_rule text not null check (entry_rule in ('one_per_fan', 'every_entry')),
    starts_at timestamptz,
    ends_at timestamptz,
    is_staff_excluded boolean not null,
    winners_excluded text not null check (winners_excluded in ('none', 'campaign', 'account')),
    is_blocked_excluded boolean not null,
    public_source text,
    public_value text,
    seed_hash bytea not null,
    sealed_seed text,
    seed bytea,
    list_hash bytea,
    entry_count bigint,
    entrant_count bigint,
    excluded_staff_count bigint,
    excluded_winner_count bigint,
    excluded_blocked_count bigint,
    created_at timestamptz not null,
    completed_at timestamptz,
    primary key (account_id, draw_id),
    foreign key (account_id, page_tab_id) references campaigns (account_id, page_tab_id)
);
create unique index draws_by_uid on draws (account_id, draw_uid);
create unique index draws_by_campaign on draws (account_id, page_tab_id, draw_number);

-- The list of a draw: each entry by its activity_id, and the first entry of the same fan, which stands for the fan. The best
-- entry of each fan has its place in the order of the draw.
create table draw_entrants (
    account_id bigint not null,
    draw_id bigint not null,
    activity_id bigint not null,
    first_activity_id bigint not null,
    draw_place bigint,
    primary key (account_id, draw_id, activity_id),
    foreign key (account_id, draw_id) references draws (account_id, draw_id)
);
create unique index draw_entrants_by_place on draw_entrants (account_id, draw_id, draw_place) where draw_place is not null;

-- What was decided, in order; rows are only ever added. A strike ends the win of target_number with its reason, and a replacement
-- follows. A pass is an entrant whose turn it was and who could not win. fan_id is null after an erasure.
create table draw_winners (
    account_id bigint not null,
    draw_id bigint not null,
    winner_number integer not null,
    winner_kind text not null check (winner_kind in ('winner', 'reserve', 'strike', 'replacement', 'pass')),
    draw_place bigint not null,
    activity_id bigint not null,
    fan_id bigint,
    target_number integer,
    reason text,
    created_at timestamptz not null,
    primary key (account_id, draw_id, winner_number),
    foreign key (account_id, draw_id) references draws (account_id, draw_id)
);
create unique index draw_winners_by_target on draw_winners (account_id, draw_id, target_number) where winner_kind = 'strike';
create index draw_winners_by_fan on draw_winners (account_id, fan_id) where fan_id is not null;
