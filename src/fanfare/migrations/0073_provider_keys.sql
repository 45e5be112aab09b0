-- Whose key signs the client secret of an identity provider, and which one: Apple takes a signed token in its place.
alter table identity_providers add column team_id text, add column key_id text;
