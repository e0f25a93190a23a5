-- The secrets that deliveries are signed with, for all receivers; and the hooks that we have made on forges.

-- As they are: a signature is verified with the secret itself. A forgotten one leaves its id, so that nobody brings it back.
create table webhook_secret (
  place         bigint generated always as identity unique,
  -- The beginning of its SHA-256, as deliveries have it.
  id            text primary key,
  secret        text,
  -- made: here, for hooks. app: a GitHub App's own, which no rotation replaces.
  origin        text not null,
  made_at       timestamptz not null default now(),
  -- Null until every hook has it.
  rolled_out_at timestamptz,
  -- Null while it has no successor that every hook has.
  replaced_at   timestamptz
);

create table forge_hook (
  forge        text not null,
  repository   text not null,
  hook_id      text not null,
  url          text not null,
  -- The one that it was given last.
  secret_id    text not null,
  changed_at   timestamptz not null default now(),
  -- When a ping of it came last.
  last_ping_at timestamptz
);
create unique index forge_hook_repository on forge_hook (forge, lower(repository));

-- Who has gone to GitHub to make an App there: once each, and for a short time.
create table app_request (
  hash         bytea primary key,
  session_hash bytea not null,
  host         text not null,
  expires_at   timestamptz not null
);
