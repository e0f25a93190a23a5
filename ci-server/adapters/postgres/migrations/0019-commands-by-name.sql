-- As with merges: ids of repositories and of comments are of one server, and those of a new one begin at 1.

alter table comment_command drop constraint comment_command_forge_repository_id_comment_id_key;
create unique index comment_command_comment on comment_command (forge, repository_id, comment_id, lower(repository));
