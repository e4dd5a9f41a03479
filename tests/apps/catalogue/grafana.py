"""Grafana's HTTP API, users and invitations of the caller's organization (https://grafana.com/docs/grafana/latest/developers/http_api/org)."""

from vendor import ADDRESS, Answer, Vendor, route

ROLES = ("Viewer", "Editor", "Admin", "None")


class Grafana(Vendor):
    APP, HOST = "grafana", "acme.grafana.net"
    FIELDS = {"base_url": "https://acme.grafana.net"}
    SECRETS = {"token": "glsa_0123456789abcdef"}
    HEADERS = {"authorization": "Bearer glsa_0123456789abcdef"}

    def __init__(self, scratch):
        super().__init__(scratch)
        self.users = {i: {"orgId": 1, "userId": i, "email": f"user{i}@example.com", "name": f"User {i}", "login": f"user{i}", "avatarUrl": "",
                          "role": "Admin" if i == 1 else "Viewer", "lastSeenAt": "2024-03-01T10:00:00Z", "isDisabled": i == 3}
                      for i in range(1, 90)}
        self.invites = {}

    def people(self):
        return [(u["userId"], u["login"], u["email"], u["role"], "disabled" if u["isDisabled"] else "active") for u in self.users.values()] + \
            [(i["code"], None, i["email"], i["role"], "pending") for i in self.invites.values()]

    @route("GET", "/api/org/users", query={"query?": ".*", "limit?": "[0-9]+"})
    def list_users(self, _):
        return Answer(200, list(self.users.values()))

    @route("GET", "/api/org/invites")
    def list_invites(self, _):
        return Answer(200, list(self.invites.values()))

    @route("POST", "/api/org/invites", json={"loginOrEmail": ADDRESS, "role": ROLES, "name?": str, "sendEmail?": bool})
    def invite(self, request):
        body = request.body
        if any(u["email"] == body["loginOrEmail"] for u in self.users.values()):
            return Answer(412, {"message": f"User {body['loginOrEmail']} is already added to organization"})
        code = f"code{len(self.invites)}"
        self.invites[code] = {"id": len(self.invites), "orgId": 1, "name": body.get("name", ""), "email": body["loginOrEmail"], "role": body["role"],
                              "invitedByLogin": "user1", "code": code, "status": "InvitePending", "url": f"https://acme.grafana.net/invite/{code}",
                              "emailSent": True, "emailSentOn": "2026-01-02T03:04:05Z", "createdOn": "2026-01-02T03:04:05Z"}
        return Answer(200, {"message": f"Sent invite to {body['loginOrEmail']}"})

    @route("PATCH", "/api/org/users/{id}", json={"role": ROLES})
    def set_role(self, request):
        self.users[int(request.args["id"])]["role"] = request.body["role"]
        return Answer(200, {"message": "Organization user updated"})

    @route("DELETE", "/api/org/users/{id}")
    def remove(self, request):
        if not self.users.pop(int(request.args["id"]), None):
            return Answer(404, {"message": "User not found"})
        return Answer(200, {"message": "User removed from organization"})

    @route("DELETE", "/api/org/invites/{code}/revoke")
    def revoke(self, request):
        if not self.invites.pop(request.args["code"], None):
            return Answer(404, {"message": "Invite not found"})
        return Answer(200, {"message": "Invite revoked"})
