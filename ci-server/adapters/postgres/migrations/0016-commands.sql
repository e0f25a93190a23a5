-- Commands that people give in comments on pull requests. Written with the delivery, in the same transaction.

create table comment_command (
  id            bigint generated always as identity primary key,
  forge         text not null,
  repository    text not null,
  repository_id bigint not null,
  -- The forge's: whatever deliveries bring it, a comment is one command.
  comment_id    text not null,
  pull_request  integer not null,
  author        text not null,
  command       jsonb not null,
  commented_at  timestamptz not null,
  delivery_guid text not null,
  -- `pending`, `done`, `refused`: whoever gave it may not, `failed`: it is not tried again.
  state         text not null default 'pending',
  attempts      integer not null default 0,
  created_at    timestamptz not null default now(),
  -- Not to be tried before.
  due_at        timestamptz not null default now(),
  ended_at      timestamptz,
  -- What it led to.
  build_id      bigint,
  -- Why the last attempt failed, or what became of it.
  reason        text,
  unique (forge, repository_id, comment_id)
);
create index comment_command_due on comment_command (id) where state = 'pending';
create index comment_command_of on comment_command (repository_id, pull_request, created_at);

create function note_command() returns trigger language plpgsql as $$
begin
  perform pg_notify('mergedock_build', 'command');
  return null;
end $$;
create trigger command_taken_up after insert on comment_command for each row execute function note_command();
