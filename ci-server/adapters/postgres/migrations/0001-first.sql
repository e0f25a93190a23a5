-- Deliveries with their decision, builds with their stages, images and log.

create table build (
  id                  bigint generated always as identity primary key,
  repository          text not null,
  trigger             text not null,
  sha                 text,
  ref                 text,
  service             text,
  version             text,
  -- A merge is one build however often it is announced: the identity comes from the signed body.
  repository_id       bigint,
  pull_request_number integer,
  pull_request        jsonb,
  delivery_guid       text,
  created_at          timestamptz not null default now(),
  started_at          timestamptz,
  finished_at         timestamptz,
  attempts            integer not null default 0,
  result              text,
  failure             jsonb
);
create unique index build_merge on build (repository_id, pull_request_number, sha) where trigger = 'pull_request';
create index build_repository on build (repository, id desc);

create table delivery (
  guid        text primary key,
  forge       text not null,
  name        text not null,
  action      text,
  repository  text,
  hook_id     text,
  received_at timestamptz not null default now(),
  -- gzip; the digest is the SHA-256 of the bytes before compression.
  body        bytea not null,
  body_digest bytea not null,
  verdict     text not null,
  reason      text not null,
  rules       jsonb not null,
  build_id    bigint references build
);
create index delivery_received on delivery (received_at desc);

create table build_stage (
  build_id   bigint not null references build,
  name       text not null,
  started_at timestamptz not null default now(),
  ms         double precision,
  result     text,
  primary key (build_id, name)
);

create table image (
  build_id  bigint not null references build,
  service   text not null,
  reference text not null,
  digest    text not null,
  tags      text[] not null,
  bytes     bigint not null,
  primary key (build_id, service)
);

-- `seq` is the number of the chunk's first line, `lines` an array of { at, stage, text }.
create table log_chunk (
  build_id bigint not null references build,
  seq      bigint not null,
  lines    jsonb not null,
  primary key (build_id, seq)
);
