"""Miro's API v2, members of a team, as @mirohq/miro-api 2.2 calls it (https://developers.miro.com/reference)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

ROLES = ("member", "admin", "non_team", "team_guest")


class MiroTeam(Vendor):
    APP, HOST = "miro-team", "api.miro.com"
    FIELDS = {"org": "345", "team": "678"}
    SECRETS = {"token": "miro-0123456789abcdef"}
    HEADERS = {"authorization": "Bearer miro-0123456789abcdef"}
    AT = "/v2/orgs/345/teams/678/members"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {str(i): self.member(i, "admin" if i == 0 else "member") for i in range(120)}
        self.addresses = {}

    @staticmethod
    def member(i, role):
        return {"id": str(i), "type": "team-member", "role": role, "teamId": "678", "createdAt": "2024-03-01T10:00:00.000Z",
                "createdBy": "0", "modifiedAt": "2024-03-01T10:00:00.000Z", "modifiedBy": "0"}

    def people(self):
        return [(m["id"], None, None, m["role"], "active") for m in self.members.values()]

    @route("GET", AT, query={"limit?": NUMBER, "cursor?": ".+", "role?": ROLES})
    def list(self, request):
        page, cursor = self.by_cursor(list(self.members.values()), int(request.query.get("limit", 100)), request.query.get("cursor"))
        return Answer(200, {"limit": 100, "size": len(page), "type": "cursor-list", "data": page, **({"cursor": cursor} if cursor else {})})

    @route("GET", AT + "/{id}")
    def read(self, request):
        member = self.members.get(request.args["id"])
        return Answer(200, member) if member else Answer(404, {"status": 404, "code": "4.0402", "message": "not found", "type": "error"})

    @route("POST", AT, json={"email": ADDRESS, "role?": ("member", "admin", "team_guest")})
    def invite(self, request):
        new = self.member(500 + len(self.members), request.body.get("role", "member"))
        self.members[new["id"]] = new
        self.addresses[request.body["email"]] = new["id"]
        return Answer(201, new)

    @route("PATCH", AT + "/{id}", json={"role?": ROLES})
    def set_role(self, request):
        self.members[request.args["id"]]["role"] = request.body["role"]
        return Answer(200, self.members[request.args["id"]])

    @route("DELETE", AT + "/{id}")
    def remove(self, request):
        return Answer(204, None) if self.members.pop(request.args["id"], None) else Answer(404, {"status": 404, "message": "not found"})
