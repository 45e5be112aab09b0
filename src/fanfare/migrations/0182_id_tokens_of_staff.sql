-- The ID token with which a session by single sign-on began, sealed: it tells the provider which session ends at sign-out.
alter table staff_sessions
    add column sealed_id_token text,
    add constraint staff_sessions_id_token_check check (sealed_id_token is null or sign_in_method = 'sso');
