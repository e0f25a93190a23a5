// Notes with a build's end that somebody may have to be told of it; notifications.ts makes of it what is sent.

/** To be run in the transaction that ends the build $1. */
export const noteEnd = "insert into build_end (build_id) values ($1) on conflict do nothing";
