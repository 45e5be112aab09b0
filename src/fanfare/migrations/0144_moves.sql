-- Accounts of the original service that move in: where each table is, and what each row there became here.
create table account_moves (
    account_id bigint not null references accounts (account_id),
    move_id bigint not null,
    source_url text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    primary key (account_id, move_id),
    unique (account_id, source_url)
);

create table move_tables (
    account_id bigint not null,
    move_id bigint not null,
    table_name text not null,
    cursor text,
    is_done boolean not null default false,
    primary key (account_id, move_id, table_name),
    foreign key (account_id, move_id) references account_moves (account_id, move_id) on delete cascade
);

-- own_id is null for a row that is not here; notes say why, or what is different here.
create table moved_rows (
    account_id bigint not null,
    move_id bigint not null,
    table_name text not null,
    foreign_id text not null,
    own_id text,
    notes text[] not null default '{}',
    primary key (account_id, move_id, table_name, foreign_id),
    foreign key (account_id, move_id) references account_moves (account_id, move_id) on delete cascade
);

-- fan_id is null for a fan who is not here: refused, gone there, or erased here, who stays out.
create table moved_fans (
    account_id bigint not null,
    move_id bigint not null,
    foreign_id bigint not null,
    fan_id bigint,
    is_erased boolean not null default false,
    notes text[] not null default '{}',
    primary key (account_id, move_id, foreign_id),
    foreign key (account_id, move_id) references account_moves (account_id, move_id) on delete cascade
);
create index moved_fans_by_fan on moved_fans (account_id, fan_id);

-- Fields of the source that nothing here reads.
create table move_fields (
    account_id bigint not null,
    move_id bigint not null,
    table_name text not null,
    field_name text not null,
    row_count bigint not null,
    primary key (account_id, move_id, table_name, field_name),
    foreign key (account_id, move_id) references account_moves (account_id, move_id) on delete cascade
);
