-- The ledger in full: what identified a delivery, in which order deliveries came, which builds came of a replay.

alter table delivery
  add column id bigint generated always as identity unique,
  add column headers jsonb not null default '{}',
  -- The beginning of the SHA-256 of the secret that fitted: says which one it was, and nothing of it.
  add column secret_id text not null default '',
  add column body_bytes integer not null default 0;
create index delivery_repository on delivery (repository, id desc);
-- Deliveries are removed by age; their builds stay, and the other way round.
alter table delivery drop constraint delivery_build_id_fkey;

alter table build add column replay boolean not null default false;
drop index build_merge;
create unique index build_merge on build (repository_id, pull_request_number, sha) where trigger = 'pull_request' and not replay;

-- A ring: the oldest make room. No body, since nobody knows who sent it.
create table refused_delivery (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  guid       text,
  name       text,
  body_bytes integer not null,
  reason     text not null
);

-- What a client called its request, so that the same request twice is one build.
create table idempotency_key (
  key          text primary key,
  request      bytea not null,
  build_id     bigint not null,
  created_at   timestamptz not null default now()
);
