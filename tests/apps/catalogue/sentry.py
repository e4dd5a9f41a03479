"""Sentry's API 0, members of an organization, as @sentry/api calls it (https://docs.sentry.io/api/organizations)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

ROLES = ("billing", "member", "manager", "owner", "admin")


class Sentry(Vendor):
    APP, HOST = "sentry", "sentry.io"
    FIELDS = {"org": "acme"}
    SECRETS = {"token": "sntryu_0123456789abcdef"}
    HEADERS = {"authorization": "Bearer sntryu_0123456789abcdef"}
    AT = "/api/0/organizations/acme/members/"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {str(i): self.member(i, f"user{i}@example.com", "owner" if i == 0 else "member", i in (6, 7), i == 7)
                        for i in range(150)}
        self.sent = 0

    @staticmethod
    def member(i, address, role, pending, expired=False):
        return {"id": str(i), "email": address, "name": address if pending else f"User {i}", "orgRole": role, "pending": pending, "expired": expired,
                "dateCreated": "2024-03-01T10:00:00.000000Z", "inviteStatus": "approved", "inviterName": None, "flags": {"sso:linked": False},
                "user": None if pending else {"id": f"1{i}", "name": f"User {i}", "isActive": True, "lastLogin": "2024-03-01T10:00:00.000000Z"}}

    def people(self):
        return [(m["id"], None, m["email"], m["orgRole"], "expired" if m["expired"] else "pending" if m["pending"] else "active")
                for m in self.members.values()]

    @route("GET", AT, query={"cursor?": ".+", "per_page?": NUMBER, "query?": ".*"})
    def list(self, request):
        page, cursor = self.by_cursor(list(self.members.values()), int(request.query.get("per_page", 100)), request.query.get("cursor"))
        # Sentry always names a next page, and says beside it whether there is one.
        url = f"https://{self.HOST}{self.AT}?per_page={request.query.get('per_page', 100)}&cursor="
        return Answer(200, page, {"Link": f'<{url}c0x>; rel="previous"; results="false"; cursor="c0x", '
                                          f'<{url}{cursor or "c9999x"}>; rel="next"; results="{"true" if cursor else "false"}"; cursor="{cursor or "c9999x"}"'})

    @route("GET", AT + "{id}/")
    def read(self, request):
        member = self.members.get(request.args["id"])
        return Answer(200, member) if member else Answer(404, {"detail": "The requested resource does not exist"})

    @route("POST", AT, json={"email": ADDRESS, "orgRole?": ROLES, "teamRoles?": [{"teamSlug": str, "role": str}], "sendInvite?": bool, "reinvite?": bool})
    def invite(self, request):
        for member in self.members.values():
            if member["email"] == request.body["email"]:
                return Answer(400, {"email": [f"The user {member['email']} is already {'invited' if member['pending'] else 'a member'}"]})
        new = self.member(600 + len(self.members), request.body["email"], request.body.get("orgRole", "member"), True)
        self.members[new["id"]] = new
        return Answer(201, new)

    @route("PUT", AT + "{id}/", json={"orgRole?": ROLES, "teamRoles?": [{"teamSlug": str, "role": str}], "reinvite?": bool})
    def update(self, request):
        member = self.members[request.args["id"]]
        member["orgRole"] = request.body.get("orgRole", member["orgRole"])
        self.sent += request.body.get("reinvite", False)
        return Answer(200, member)

    @route("DELETE", AT + "{id}/")
    def remove(self, request):
        return Answer(204, None) if self.members.pop(request.args["id"], None) else Answer(404, {"detail": "The requested resource does not exist"})
