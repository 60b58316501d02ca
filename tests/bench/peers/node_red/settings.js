// Node-RED without its editor; the flow's function nodes see app.js as global «job».
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.PEER_PORT),
  httpAdminRoot: false,
  credentialSecret: false,
  functionGlobalContext: { job: require("./app.js") },
  logging: { console: { level: "warn", metrics: false, audit: false } },
  telemetry: { enabled: false },
};
