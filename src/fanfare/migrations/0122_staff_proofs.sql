-- When somebody first showed that they read the mail of their address: by a link that went there, or one that an operator
-- gave them. Until then whoever invited them may have chosen the password.
alter table staff add column email_proved_at timestamptz;
update staff set email_proved_at = created_at;
-- Whether whoever has the link shows by that that they read the mail: it went by mail, or an operator made it.
alter table staff_invitations add column is_proof boolean not null default false;

-- What lets staff in has the text of the server alone.
delete from message_templates where template_name = 'staff_invitation';
