// The code node: verify the signature of the raw body, map. Nothing comes out of a wrong one.
const crypto = require("crypto");
const body = await this.helpers.getBinaryDataBuffer(0, "data");
const expected = crypto.createHmac("sha256", "@SECRET@").update(body).digest("hex");
if ($input.first().json.headers["x-signature"] !== expected) return [];
const { call } = JSON.parse(body.toString("utf8"));
const phone = (text) => "+7" + text.replace(/\D/g, "").slice(-10);
const moment = (seconds) => new Date(seconds * 1000).toISOString();
return [{
  json: {
    external_id: call.id,
    direction: call.direction === 1 ? "in" : "out",
    status: { 1: "answered", 2: "missed", 3: "busy", 4: "failed" }[call.result] || "failed",
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
  },
}];
