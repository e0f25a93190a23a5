-- The ledger is bounded by age and by size.

-- What a delivery takes: its body as it is stored, and what stands beside it. Kept as a number, because the sum is taken often.
alter table delivery add column stored_bytes integer not null
  generated always as (octet_length(body) + octet_length(headers::text) + octet_length(rules::text) + octet_length(reason)) stored;
-- The sum is read from this index alone: no row and no body is touched.
create index delivery_stored on delivery (id) include (stored_bytes);
create index idempotency_key_created on idempotency_key (created_at);
