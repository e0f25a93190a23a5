-- Pages of the history, newest first: of one repository, named in whatever case, and of one verdict.

create index build_repository_name on build (lower(repository), id desc);
drop index build_repository;
create index delivery_repository_name on delivery (lower(repository), id desc);
drop index delivery_repository;
create index delivery_verdict on delivery (verdict, id desc);

-- Bodies come compressed: trying again only takes time.
alter table delivery alter column body set storage external;
