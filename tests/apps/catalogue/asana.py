"""Asana's API 1.0, memberships of a workspace, as the client asana 3.2 calls it (https://developers.asana.com/reference)."""

from vendor import NUMBER, Answer, Vendor, route


class Asana(Vendor):
    APP, HOST = "asana", "app.asana.com"
    FIELDS = {"workspace": "12345"}
    SECRETS = {"token": "2/0123456789abcdef"}
    HEADERS = {"authorization": "Bearer 2/0123456789abcdef"}
    PAGED = {"limit?": NUMBER, "offset?": ".+"}
    AT = "/api/1.0/workspaces/12345"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {str(700 + i): {"gid": str(700 + i), "email": f"user{i}@example.com", "name": f"User {i}",
                                       "role": "admin" if i == 0 else "guest" if i % 9 == 0 else "member", "active": i != 5}
                        for i in range(150)}

    def people(self):
        return [(m["gid"], None, m["email"], m["role"], "active" if m["active"] else "disabled") for m in self.members.values()]

    @route("GET", AT, query={})
    def workspace(self, _):
        return Answer(200, {"data": {"gid": "12345", "name": "Acme", "is_organization": True}})

    @route("GET", AT + "/workspace_memberships", query={"opt_fields?": "[a-z_.,]+", **PAGED})
    def list(self, request):
        page, cursor = self.by_cursor(list(self.members.values()), int(request.query.get("limit", 20)), request.query.get("offset"))
        full = "user.email" in request.query.get("opt_fields", "")
        data = [{"gid": "9" + m["gid"], "resource_type": "workspace_membership", "user": {
            "gid": m["gid"], "resource_type": "user", "name": m["name"], **({"email": m["email"]} if full else {})},
            **({"is_admin": m["role"] == "admin", "is_guest": m["role"] == "guest", "is_active": m["active"]} if full else {})}
            for m in page]
        return Answer(200, {"data": data, "next_page": {"offset": cursor, "path": "/x", "uri": "https://app.asana.com/x"} if cursor else None})

    @route("POST", AT + "/addUser", json={"data": {"user": str}})
    def add(self, request):
        address = request.body["data"]["user"]
        for member in self.members.values():
            if member["email"] == address:
                break
        else:
            gid = str(900 + len(self.members))
            member = self.members[gid] = {"gid": gid, "email": address, "name": address, "role": "member", "active": True}
        return Answer(200, {"data": {"gid": member["gid"], "resource_type": "user", "name": member["name"]}})

    @route("POST", AT + "/removeUser", json={"data": {"user": str}})
    def remove(self, request):
        if not self.members.pop(request.body["data"]["user"], None):
            return Answer(400, {"errors": [{"message": "user: Not a member of the workspace"}]})
        return Answer(200, {"data": {}})
