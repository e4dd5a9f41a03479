"""Linear's GraphQL API: each operation as the client sends it, and no other (https://linear.app/developers/graphql)."""

import re

from vendor import Answer, Unknown, Vendor, fit, route

ROLES = ("admin", "user", "guest")


class Linear(Vendor):
    APP, HOST = "linear", "api.linear.app"
    FIELDS = {"workspace": "acme"}
    SECRETS = {"token": "lin_api_0123456789abcdef"}
    HEADERS = {"authorization": "lin_api_0123456789abcdef"}
    # Root field -> shape of the variables, and the fields that may be asked of a node.
    USER = {"id", "email", "name", "displayName", "active", "admin", "guest", "createdAt", "lastSeen"}
    INVITE = {"id", "email", "role", "createdAt", "expiresAt", "acceptedAt"}
    KNOWN = {"users": {"first?": int, "after?": str}, "organizationInvites": {"first?": int, "after?": str},
             "organizationInviteCreate": {"input": {"email": str, "role?": ROLES}}, "resendOrganizationInvite": {"id": str},
             "organizationInviteDelete": {"id": str}, "userChangeRole": {"id": str, "role": ROLES}, "userSuspend": {"id": str}}

    def __init__(self, scratch):
        super().__init__(scratch)
        self.users_ = {f"usr-{i}": {"id": f"usr-{i}", "email": f"user{i}@example.com", "name": f"User {i}", "displayName": f"user{i}",
                                    "active": i != 5, "role": "admin" if i == 0 else "guest" if i == 9 else "user",
                                    "createdAt": "2024-03-01T10:00:00.000Z", "lastSeen": None} for i in range(130)}
        self.invites = {}
        self.sent = 0

    def people(self):
        return [(u["id"], u["displayName"], u["email"], u["role"], "active" if u["active"] else "disabled") for u in self.users_.values()] + \
            [(i["id"], None, i["email"], i["role"], "pending") for i in self.invites.values()]

    @route("POST", "/graphql", json={"query": str, "variables?": dict, "operationName?": str})
    def graphql(self, request):
        query, variables = request.body["query"], request.body.get("variables", {})
        roots = [name for name in self.KNOWN if re.search(r"\b%s\b *[({]" % name, query)]
        if len(roots) != 1:
            raise Unknown(f"the operation {query!r}")
        fit(self.KNOWN[roots[0]], variables, "variables")
        for name in variables:
            if f"${name}" not in query:
                raise Unknown(f"${name} is not declared")
        nodes = re.search(r"nodes *\{([^}]*)\}", query)
        if nodes and not set(nodes.group(1).split()) <= (self.USER if roots[0] == "users" else self.INVITE):
            raise Unknown(f"the fields {nodes.group(1)}")
        return getattr(self, "do_" + roots[0])(variables)

    def nodes(self, root, items, variables):
        page, cursor = self.by_cursor(items, variables.get("first", 50), variables.get("after"))
        return Answer(200, {"data": {root: {"nodes": page, "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor or "c99999x"}}}})

    def do_users(self, variables):
        return self.nodes("users", [{**u, "admin": u["role"] == "admin", "guest": u["role"] == "guest"} for u in self.users_.values()], variables)

    def do_organizationInvites(self, variables):  # noqa: N802
        return self.nodes("organizationInvites", list(self.invites.values()), variables)

    def error(self, text, kind="invalid input"):
        return Answer(200, {"data": None, "errors": [{"message": text, "extensions": {"type": kind}}]})

    def do_organizationInviteCreate(self, variables):  # noqa: N802
        new = variables["input"]
        if any(i["email"] == new["email"] for i in self.invites.values()):
            return self.error("User was already invited")
        key = f"inv-{len(self.invites)}"
        self.invites[key] = {"id": key, "email": new["email"], "role": new.get("role", "user"), "createdAt": "2026-01-02T03:04:05.000Z",
                             "expiresAt": None, "acceptedAt": None}
        return Answer(200, {"data": {"organizationInviteCreate": {"success": True, "organizationInvite": {"id": key}}}})

    def do_resendOrganizationInvite(self, variables):  # noqa: N802
        self.sent += variables["id"] in self.invites
        return Answer(200, {"data": {"resendOrganizationInvite": {"success": True}}})

    def do_organizationInviteDelete(self, variables):  # noqa: N802
        if not self.invites.pop(variables["id"], None):
            return self.error("Entity not found")
        return Answer(200, {"data": {"organizationInviteDelete": {"success": True}}})

    def do_userChangeRole(self, variables):  # noqa: N802
        self.users_[variables["id"]]["role"] = variables["role"]
        return Answer(200, {"data": {"userChangeRole": {"success": True}}})

    def do_userSuspend(self, variables):  # noqa: N802
        self.users_[variables["id"]]["active"] = False
        return Answer(200, {"data": {"userSuspend": {"success": True}}})
