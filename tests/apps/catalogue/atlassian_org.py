"""Atlassian's organizations REST API (https://developer.atlassian.com/cloud/admin/organization/rest)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

SITE = "ari:cloud:jira::site/1f0e"
ROLES = ("atlassian/admin", "atlassian/user")


class AtlassianOrg(Vendor):
    APP, HOST = "atlassian-org", "api.atlassian.com"
    FIELDS = {"org": "0a1b2c3d-acme", "resource": SITE}
    SECRETS = {"token": "ATCTT3xFfGN0123456789abcdef"}
    HEADERS = {"authorization": "Bearer ATCTT3xFfGN0123456789abcdef"}
    V1, V2 = "/admin/v1/orgs/0a1b2c3d-acme", "/admin/v2/orgs/0a1b2c3d-acme"
    USERS = V2 + "/directories/dir-7/users"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.users = {f"5f:{i:04}": {"accountId": f"5f:{i:04}", "accountType": "atlassian", "email": f"user{i}@example.com",
                                     "name": f"User {i}", "membershipStatus": "suspended" if i == 4 else "active",
                                     "platformRoles": ["atlassian/admin", "atlassian/user"] if i == 0 else ["atlassian/user"]}
                      for i in range(140)}

    def people(self):
        states = {"active": "active", "suspended": "disabled", "pending": "pending"}
        return [(u["accountId"], None, u["email"], tuple(sorted(u["platformRoles"])), states[u["membershipStatus"]]) for u in self.users.values()]

    @route("GET", V1)
    def org(self, _):
        return Answer(200, {"data": {"id": "0a1b2c3d-acme", "type": "orgs"}})

    @route("GET", V2 + "/directories")
    def directories(self, _):
        return Answer(200, {"data": [{"directoryId": "dir-1", "name": "Portal", "type": "portal"},
                                     {"directoryId": "dir-7", "name": "Default", "type": "default"}], "links": {}})

    @route("GET", USERS, query={"limit?": NUMBER, "cursor?": ".+"})
    def list(self, request):
        page, cursor = self.by_cursor(list(self.users.values()), int(request.query.get("limit", 20)), request.query.get("cursor"))
        return Answer(200, {"data": page, "links": {"self": "x", **({"next": cursor} if cursor else {})}})

    @route("POST", V2 + "/users/invite", json={"emails": [ADDRESS], "permissionRules": [{"resource": (SITE,), "role": ROLES}],
                                               "additionalGroups?": [str], "sendNotification?": bool, "notificationText?": str})
    def invite(self, request):
        for address in request.body["emails"]:
            new = f"5f:{len(self.users):04}"
            self.users[new] = {"accountId": new, "accountType": "atlassian", "email": address, "name": address,
                               "membershipStatus": "pending", "platformRoles": [r["role"] for r in request.body["permissionRules"]]}
        return Answer(200, {"data": []})

    def user(self, request):
        return self.users.get(request.args["user"])

    @route("POST", V1 + "/users/{user}/roles/assign", json={"role": ROLES, "resource": (SITE,)})
    def assign(self, request):
        roles = self.user(request)["platformRoles"]
        roles += [r for r in [request.body["role"]] if r not in roles]
        return Answer(200, {})

    @route("POST", V1 + "/users/{user}/roles/revoke", json={"role": ROLES, "resource": (SITE,)})
    def revoke(self, request):
        self.user(request)["platformRoles"].remove(request.body["role"])
        return Answer(200, {})

    @route("DELETE", USERS + "/{user}")
    def remove(self, request):
        return Answer(204, None) if self.users.pop(request.args["user"], None) else Answer(404, {"errors": [{"detail": "no such user"}]})
