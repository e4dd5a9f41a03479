// A real SCIM 2.0 application in memory: scimmy and scimmy-routers on the express beside it.
//   PORT (0 = any free one), PORT_FILE (written once it answers), TOKEN, USERS (how many there
//   are at the start: user0000@example.com and so on), from the environment.
import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const { Error: Refusal } = SCIMMY.Types;

// What scimmy asks of an application: how one kind of resource is kept.
function keep(map, nameOf) {
  const find = (id) => {
    if (!map.has(id)) throw new Refusal(404, null, `Resource ${id} not found`);
    return map.get(id);
  };
  return {
    egress: ({ id, filter }) => {
      if (id) return find(id);
      const all = [...map.values()];
      return filter ? filter.match(all) : all;
    },
    ingress: (resource, data) => {
      const id = resource.id ?? randomUUID();
      const old = resource.id ? find(id) : undefined;
      const name = nameOf(data).toLowerCase();
      for (const [key, other] of map)
        if (key !== id && nameOf(other).toLowerCase() === name)
          throw new Refusal(409, "uniqueness", `${name} is there already`);
      const now = new Date();
      const kept = JSON.parse(JSON.stringify(data));
      map.set(id, { ...kept, id, meta: { created: old?.meta.created ?? now, lastModified: now } });
      return map.get(id);
    },
    degress: ({ id }) => {
      find(id);
      map.delete(id);
    },
  };
}

const users = new Map();
for (let i = 0; i < Number(process.env.USERS ?? 0); i++) {
  const id = randomUUID();
  const userName = `user${String(i).padStart(4, "0")}@example.com`;
  const now = new Date();
  users.set(id, {
    id, userName, active: true, name: { givenName: "User", familyName: String(i) },
    emails: [{ value: userName, type: "work", primary: true }],
    roles: [{ value: i % 10 === 0 ? "admin" : "member" }],
    meta: { created: now, lastModified: now },
  });
}

SCIMMY.Config.set({ patch: true, filter: { supported: true, maxResults: 200 }, sort: true });
SCIMMY.Resources.declare(SCIMMY.Resources.User, keep(users, (user) => user.userName));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, keep(new Map(), (group) => group.displayName));

const app = express();
app.use("/scim/v2", new SCIMMYRouters({
  type: "bearer",
  docUri: "https://example.com/",
  handler: (request) => {
    if (request.header("Authorization") !== `Bearer ${process.env.TOKEN}`) throw new Error("The token is not valid");
    return "usher";
  },
}));
const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  if (process.env.PORT_FILE) {
    writeFileSync(`${process.env.PORT_FILE}.new`, String(server.address().port));
    renameSync(`${process.env.PORT_FILE}.new`, process.env.PORT_FILE);
  }
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
