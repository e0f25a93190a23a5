-- What retention has taken away, and what it must not.

alter table build
  -- When the log and the steps were removed for their age.
  add column log_removed_at timestamptz;
create index build_log_kept on build (finished_at) where log_removed_at is null and finished_at is not null;

alter table image
  -- Taken out of the history, and still to be taken out of the registry.
  add column is_leaving boolean not null default false;
create index image_kept on image (path, build_id) where removed_at is null or is_leaving;

-- What ran where when its reporter looked last.
create table running_image (
  reporter text not null,
  -- The engine's id of the image, or the digest of its manifest.
  id       text not null,
  place    text not null,
  seen_at  timestamptz not null default now(),
  primary key (reporter, id)
);
