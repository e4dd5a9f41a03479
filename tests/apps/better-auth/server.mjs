// A real SCIM 2.0 application in memory: better-auth with its SCIM plugin.
//   PORT (0 = any free one), PORT_FILE (written once it answers), TOKEN, from the environment.
import { createServer } from "node:http";
import { writeFileSync, renameSync } from "node:fs";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { scim } from "@better-auth/scim";

const token = process.env.TOKEN;
const options = {
  plugins: [
    scim({ connections: [{ id: "usher", credentials: [{ type: "bearer", id: "usher", token }] }] }),
  ],
};
const db = { user: [], session: [], account: [], verification: [] };
for (const name of Object.keys(options.plugins[0].schema ?? {}))
  db[name] = db[options.plugins[0].schema[name].modelName ?? name] = [];

// The adapter copies the whole database for each transaction, which makes a thousand users
// slow: here what a request writes is written at once.
const memory = memoryAdapter(db);
function database(settings) {
  const adapter = memory(settings);
  return { ...adapter, transaction: (run) => run(adapter) };
}

let handler;
const server = createServer((request, response) => handler(request, response));
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  const { port } = server.address();
  const auth = betterAuth({
    baseURL: `http://127.0.0.1:${port}`,
    secret: "only for tests: 0123456789abcdef",
    database,
    telemetry: { enabled: false },
    logger: { level: "error" },
    ...options,
  });
  handler = toNodeHandler(auth);
  if (process.env.PORT_FILE) {
    writeFileSync(`${process.env.PORT_FILE}.new`, String(port));
    renameSync(`${process.env.PORT_FILE}.new`, process.env.PORT_FILE);
  }
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
