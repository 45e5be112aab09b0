-- Whether somebody has proved an address or number, where the marks of the fan (is_confirmed, is_phone_confirmed) cannot
-- say it: of a second number, and of an address that a merge brought beside the fan's own.
alter table fan_identifiers add column is_proved boolean not null default false;
