with said as (
  select * from jsonb_to_record($1::jsonb) as it (
    external_id text, direction text, status text, from_number text, to_number text,
    line_number text, started_at text, answered_at text, ended_at text, wait_seconds integer,
    talk_seconds integer, recording_url text, manager text, name text, email text)
), person as (
  insert into contacts (phone, name, email, updated_at)
  select from_number, name, email, now()::text from said
  on conflict (phone) do update set
    name = excluded.name, email = excluded.email, updated_at = excluded.updated_at
  returning id
), call as (
  insert into calls (external_id, contact_id, direction, status, from_number, to_number,
    line_number, started_at, answered_at, ended_at, wait_seconds, talk_seconds, recording_url,
    manager)
  select external_id, person.id, direction, status, from_number, to_number, line_number,
    started_at, answered_at, ended_at, wait_seconds, talk_seconds, recording_url, manager
  from said, person
  on conflict (external_id) do update set
    contact_id = excluded.contact_id, direction = excluded.direction, status = excluded.status,
    from_number = excluded.from_number, to_number = excluded.to_number,
    line_number = excluded.line_number, started_at = excluded.started_at,
    answered_at = excluded.answered_at, ended_at = excluded.ended_at,
    wait_seconds = excluded.wait_seconds, talk_seconds = excluded.talk_seconds,
    recording_url = excluded.recording_url, manager = excluded.manager
)
insert into history (contact_id, external_id, kind, at)
select person.id, external_id, 'call', now()::text from said, person
