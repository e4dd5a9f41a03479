// Makes COUNT users in the SCIM application at BASE, every tenth of them an admin.
//   node seed.mjs BASE TOKEN COUNT
const [base, token, count] = process.argv.slice(2);
const USER = "urn:ietf:params:scim:schemas:core:2.0:User";

async function create(i) {
  const name = `user${String(i).padStart(4, "0")}@example.com`;
  const answer = await fetch(`${base}/Users`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/scim+json" },
    body: JSON.stringify({
      schemas: [USER],
      userName: name,
      externalId: `e${i}`,
      name: { givenName: "User", familyName: String(i) },
      emails: [{ value: name, primary: true }],
      roles: [{ value: i % 10 === 0 ? "admin" : "member" }],
      active: true,
    }),
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

for (let i = 0; i < Number(count); i += 4)
  await Promise.all([0, 1, 2, 3].filter((k) => i + k < Number(count)).map((k) => create(i + k)));
