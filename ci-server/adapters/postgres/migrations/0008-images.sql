-- What an image was made from and where it went, what became of each image of a build, and what a repository's own file says.

alter table build
  -- { service, verdict, reason } of every image that the repository has; null until it was planned.
  add column plan jsonb,
  add column no_cache boolean not null default false;

alter table image
  -- Repository path in the registry, without host.
  add column path text not null default '',
  add column image_id text not null default '',
  add column key text,
  add column reused_from bigint,
  -- Those of its tags that never name anything else.
  add column fixed_tags text[] not null default '{}',
  -- { reference, digest } each.
  add column bases jsonb not null default '[]',
  -- { reference, result, message } each.
  add column destinations jsonb not null default '[]',
  -- { type, digest } each.
  add column attestations jsonb not null default '[]',
  -- When retention took it out of the registry.
  add column removed_at timestamptz;
create index image_key on image (path, key, build_id desc) where key is not null and removed_at is null;

create index image_service on image (service);
-- What was superseded never got as far as saying what it changed.
create index build_superseded on build ((failure->>'message')) where result = 'cancellation';

-- The steps of the last attempt that built the image: number, digest, name, cached, startedAt, completedAt, error.
create table build_step (
  build_id bigint not null references build,
  service  text not null,
  steps    jsonb not null,
  primary key (build_id, service)
);

-- A base image that changed asks for one build, however often it is looked at.
create table base_rebuild (
  -- Lower case.
  repository text not null,
  ref        text not null,
  service    text not null,
  reference  text not null,
  digest     text not null,
  build_id   bigint not null,
  primary key (repository, ref, service, reference, digest)
);

-- One row: when a process last began to look at the base images, for all processes.
create table base_round (
  id       integer primary key check (id = 1),
  begun_at timestamptz not null
);

-- What the repository's own file said last, for what has to be known before a commit was fetched.
create table repository_setting (
  -- Lower case.
  repository   text primary key,
  concurrency  text,
  -- Of the commit that said so.
  committed_at timestamptz not null
);
