-- When whoever opened a session proved who they are; null when an identity provider did not say when that was.
alter table sessions add column authenticated_at timestamptz;
update sessions set authenticated_at = created_at
where login_method not in ('oidc', 'google', 'facebook', 'apple', 'spotify');
alter table openid_grants alter column authenticated_at drop not null;
