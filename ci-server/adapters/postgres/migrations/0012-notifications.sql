-- Who is told of a build's end, and the trace that a build goes on with.

alter table build
  -- Of the delivery that led to it (W3C Trace Context); null where nobody traced.
  add column traceparent text;

-- Builds that have ended and of which nobody was told yet. Written with the end, in the same transaction.
create table build_end (
  build_id bigint primary key references build,
  ended_at timestamptz not null default now()
);

create table notification (
  -- The same for every attempt to send it, so that its receiver can tell one from two.
  id         uuid primary key default gen_random_uuid(),
  place      bigint generated always as identity unique,
  build_id   bigint not null references build,
  channel    text not null,
  -- What is told, as JSON: the same whenever it is sent.
  notice     jsonb not null,
  -- `pending`, `sent`, `failed`: it is not tried again.
  state      text not null default 'pending',
  attempts   integer not null default 0,
  created_at timestamptz not null default now(),
  -- Not to be tried before.
  due_at     timestamptz not null default now(),
  ended_at   timestamptz,
  -- Why the last attempt failed.
  problem    text
);
create index notification_due on notification (channel, place) where state = 'pending';
create index notification_open on notification (state) where state <> 'sent';
