"""GitHub's REST API as far as an organization's people are concerned, version 2022-11-28
(https://docs.github.com/rest/orgs/members)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route


class GithubOrg(Vendor):
    APP, HOST = "github-org", "api.github.com"
    FIELDS = {"org": "acme"}
    SECRETS = {"token": "github_pat_0123456789abcdef"}
    HEADERS = {"authorization": "Bearer github_pat_0123456789abcdef", "x-github-api-version": "2022-11-28",
               "user-agent": ".+", "accept": r"application/vnd\.github\+json"}
    PAGED = {"per_page?": NUMBER, "page?": NUMBER}

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {f"user{i}": {"id": 1000 + i, "login": f"user{i}", "role": "admin" if i % 50 == 0 else "member"}
                        for i in range(230)}
        self.invitations, self.next = [], 1

    def people(self):
        words = {"direct_member": "member"}
        return [(m["id"], m["login"], None, m["role"], "active") for m in self.members.values()] + \
            [(i["id"], None, i["email"], words.get(i["role"], i["role"]), "pending") for i in self.invitations]

    @route("GET", "/orgs/acme/members", query={"role": ("all", "admin", "member"), **PAGED})
    def list_members(self, request):
        wanted = request.query["role"]
        # Neither role nor address is told.
        found = [{"login": m["login"], "id": m["id"], "type": "User"} for m in self.members.values() if wanted in ("all", m["role"])]
        return Answer(200, *self.by_link(request, found, int(request.query.get("per_page", 30))))

    @route("GET", "/orgs/acme/invitations", query=PAGED)
    def list_invitations(self, request):
        return Answer(200, *self.by_link(request, self.invitations, int(request.query.get("per_page", 30))))

    @route("POST", "/orgs/acme/invitations", json={"email": ADDRESS, "role?": ("admin", "direct_member", "billing_manager", "reinstate"),
                                                   "team_ids?": [int]})
    def invite(self, request):
        if any(i["email"] == request.body["email"] for i in self.invitations):
            return Answer(422, {"message": "Validation Failed", "errors": [
                {"resource": "OrganizationInvitation", "code": "unprocessable", "field": "data",
                 "message": "A user with this email address is already invited to this organization"}]})
        invitation = {"id": self.next, "login": None, "email": request.body["email"],
                      "role": request.body.get("role", "direct_member"), "created_at": "2026-01-02T03:04:05Z", "failed_at": None,
                      "team_count": 0, "inviter": {"login": "user0", "id": 1000}}
        self.next += 1
        self.invitations.append(invitation)
        return Answer(201, invitation)

    @route("DELETE", "/orgs/acme/invitations/{id}")
    def cancel(self, request):
        before = len(self.invitations)
        self.invitations = [i for i in self.invitations if str(i["id"]) != request.args["id"]]
        return Answer(204, None) if len(self.invitations) < before else Answer(404, {"message": "Not Found"})

    @route("PUT", "/orgs/acme/memberships/{login}", json={"role": ("admin", "member")})
    def set_role(self, request):
        member = self.members.get(request.args["login"])
        if not member:
            return Answer(404, {"message": "Not Found"})
        member["role"] = request.body["role"]
        return Answer(200, {"state": "active", "role": member["role"], "user": {"login": member["login"], "id": member["id"]}})

    @route("DELETE", "/orgs/acme/memberships/{login}")
    def remove(self, request):
        return Answer(204, None) if self.members.pop(request.args["login"], None) else Answer(404, {"message": "Not Found"})
