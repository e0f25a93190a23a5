-- Who makes an attempt, and what its build stage left.

alter table build_attempt
  -- Id of the worker's state folder.
  add column worker text not null default '';

create table artifact (
  build_id bigint not null references build,
  service  text not null,
  -- JSON; the artifact holds for this recipe and for no other.
  recipe   text not null,
  image_id text not null,
  tag      text not null,
  primary key (build_id, service)
);
