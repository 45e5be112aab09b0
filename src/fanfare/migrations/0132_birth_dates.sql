-- Fans who may be the same person are looked for by their birth date, then by name.
create index fans_by_birth_date on fans (account_id, birth_date) where birth_date is not null;
