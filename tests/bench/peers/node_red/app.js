// The job for the flow's function nodes: the same as job.py does for the Python peers.
const crypto = require("crypto");
const Database = require("libsql");

const SECRET = process.env.PEER_SECRET;
const STATUSES = { 1: "answered", 2: "missed", 3: "busy", 4: "failed" };
const FIELDS = [
  "external_id", "contact_id", "direction", "status", "from_number", "to_number", "line_number",
  "started_at", "answered_at", "ended_at", "wait_seconds", "talk_seconds", "recording_url",
  "manager",
];

const db = new Database(process.env.PEER_SQLITE);
db.pragma("synchronous = full");
db.exec("create table if not exists inbox (id integer primary key, body text not null)");
const insertEvent = db.prepare("insert into inbox (body) values (?)");
const takeEvent = db.prepare("delete from inbox where id = ?");
const pendingEvents = db.prepare("select id, body from inbox order by id");
const upsertContact = db.prepare(
  "insert into contacts (phone, name, email, updated_at) values (?, ?, ?, ?) on conflict (phone)" +
    " do update set name = excluded.name, email = excluded.email," +
    " updated_at = excluded.updated_at returning id",
);
const upsertCall = db.prepare(
  `insert into calls (${FIELDS.join(", ")}) values (${FIELDS.map(() => "?").join(", ")})` +
    " on conflict (external_id) do update set " +
    FIELDS.slice(1).map((name) => `${name} = excluded.${name}`).join(", "),
);
const appendHistory = db.prepare(
  "insert into history (contact_id, external_id, kind, at) values (?, ?, 'call', ?)",
);

const phone = (text) => "+7" + text.replace(/\D/g, "").slice(-10);
const moment = (seconds) => new Date(seconds * 1000).toISOString();

function verified(body, signature) {
  const expected = crypto.createHmac("sha256", SECRET).update(body).digest("hex");
  const given = String(signature || "");
  return (
    given.length === expected.length &&
    crypto.timingSafeEqual(Buffer.from(given), Buffer.from(expected))
  );
}

function store(body) {
  const text = body.toString("utf8");
  return { key: Number(insertEvent.run(text).lastInsertRowid), body: text };
}

function mapped({ call }) {
  return {
    external_id: call.id,
    direction: call.direction === 1 ? "in" : "out",
    status: STATUSES[call.result] || "failed",
    from_number: phone(call.from.number),
    to_number: phone(call.to.number),
    line_number: phone(call.line),
    started_at: moment(call.created),
    answered_at: moment(call.answered),
    ended_at: moment(call.ended),
    wait_seconds: call.answered - call.created,
    talk_seconds: call.ended - call.answered,
    recording_url: call.recording.url,
    manager: call.to.user,
    name: call.client.name.split(/\s+/).join(" "),
    email: call.client.email.trim().toLowerCase(),
  };
}

// One transaction: the event leaves the inbox when its call is in.
const work = db.transaction((key, body) => {
  if (takeEvent.run(key).changes === 0) return;
  const call = mapped(JSON.parse(body));
  const now = new Date().toISOString();
  call.contact_id = upsertContact.get(call.from_number, call.name, call.email, now).id;
  upsertCall.run(...FIELDS.map((name) => call[name]));
  appendHistory.run(call.contact_id, call.external_id, now);
});

module.exports = {
  verified,
  store,
  work,
  pending: () => pendingEvents.all().map(({ id, body }) => ({ key: id, body })),
};
