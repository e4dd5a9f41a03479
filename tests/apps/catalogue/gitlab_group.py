"""GitLab's REST API v4, group members and invitations (https://docs.gitlab.com/api/members, /api/invitations)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

LEVELS = (5, 10, 15, 20, 30, 40, 50)


class GitlabGroup(Vendor):
    APP, HOST = "gitlab-group", "gitlab.com"
    FIELDS = {"group": "acme/web"}
    SECRETS = {"token": "glpat-0123456789abcdef"}
    HEADERS = {"private-token": "glpat-0123456789abcdef"}
    PAGED = {"per_page?": NUMBER, "page?": NUMBER}
    GROUP = "/api/v4/groups/acme%2Fweb"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {i: {"id": i, "username": f"user{i}", "name": f"User {i}", "state": "blocked" if i == 7 else "active",
                            "access_level": LEVELS[i % 7] if i else 50, "created_at": "2024-03-01T10:00:00.000Z",
                            "expires_at": None, "web_url": f"https://gitlab.com/user{i}"} for i in range(130)}
        self.invitations = {}

    def people(self):
        return [(m["id"], m["username"], None, m["access_level"], "active" if m["state"] == "active" else "disabled")
                for m in self.members.values()] + \
            [(None, None, i["invite_email"], i["access_level"], "pending") for i in self.invitations.values()]

    @route("GET", GROUP, query={"with_projects?": ("true", "false")})
    def group(self, _):
        return Answer(200, {"id": 17, "path": "web", "full_path": "acme/web"})

    @route("GET", GROUP + "/members", query=PAGED)
    def list_members(self, request):
        return Answer(200, *self.by_link(request, list(self.members.values()), int(request.query.get("per_page", 20))))

    @route("GET", GROUP + "/invitations", query=PAGED)
    def list_invitations(self, request):
        return Answer(200, *self.by_link(request, list(self.invitations.values()), int(request.query.get("per_page", 20))))

    @route("POST", GROUP + "/invitations", json={"email": ADDRESS, "access_level": LEVELS, "expires_at?": str, "member_role_id?": int})
    def invite(self, request):
        address = request.body["email"]
        if address in self.invitations:
            return Answer(201, {"status": "error", "message": {address: "Invite email has already been taken"}})
        self.invitations[address] = {"access_level": request.body["access_level"], "created_at": "2026-01-02T03:04:05.000Z",
                                     "expires_at": None, "invite_email": address, "user_name": None, "created_by_name": "User 0"}
        return Answer(201, {"status": "success"})

    @route("PUT", GROUP + "/members/{id}", json={"access_level": LEVELS, "expires_at?": str})
    def set_role(self, request):
        member = self.members.get(int(request.args["id"]))
        if not member:
            return Answer(404, {"message": "404 Member Not Found"})
        member["access_level"] = request.body["access_level"]
        return Answer(200, member)

    @route("DELETE", GROUP + "/members/{id}")
    def remove(self, request):
        return Answer(204, None) if self.members.pop(int(request.args["id"]), None) else Answer(404, {"message": "404 Not Found"})

    @route("PUT", GROUP + "/invitations/{email}", json={"access_level": LEVELS})
    def change_invitation(self, request):
        self.invitations[request.args["email"]]["access_level"] = request.body["access_level"]
        return Answer(200, self.invitations[request.args["email"]])

    @route("DELETE", GROUP + "/invitations/{email}")
    def cancel(self, request):
        return Answer(204, None) if self.invitations.pop(request.args["email"], None) else Answer(404, {"message": "404 Not Found"})
