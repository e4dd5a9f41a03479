"""HCP Terraform's API v2, organization memberships and teams (https://developer.hashicorp.com/terraform/cloud-docs/api-docs)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

TYPE = {"Content-Type": "application/vnd.api+json"}
ONE = {"type": ("organization-memberships",), "id": str}


class HcpTerraform(Vendor):
    APP, HOST = "hcp-terraform", "app.terraform.io"
    FIELDS = {"org": "acme"}
    SECRETS = {"token": "atlasv1-0123456789abcdef"}
    HEADERS = {"authorization": "Bearer atlasv1-0123456789abcdef", "accept": r"application/vnd\.api\+json"}
    PAGED = {"page[number]?": NUMBER, "page[size]?": NUMBER}
    TEAMS = {"team-own": "owners", "team-dev": "developers", "team-ops": "operators"}

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {f"ou-{i}": {"email": f"user{i}@example.com", "status": "invited" if i == 8 else "active",
                                    "teams": ["team-own", "team-dev"] if i == 0 else ["team-dev"]} for i in range(130)}

    def people(self):
        return [(key, None, m["email"], tuple(sorted(m["teams"])), "pending" if m["status"] == "invited" else "active") for key, m in self.members.items()]

    def shown(self, key):
        m = self.members[key]
        return {"id": key, "type": "organization-memberships", "attributes": {"status": m["status"], "email": m["email"], "created-at": "2024-03-01T10:00:00.000Z"},
                "relationships": {"teams": {"data": [{"id": t, "type": "teams"} for t in m["teams"]]}, "organization": {"data": {"id": "acme", "type": "organizations"}}}}

    def page(self, request, items):
        size, number = int(request.query.get("page[size]", 20)), int(request.query.get("page[number]", 1))
        last = max(1, -(-len(items) // size))
        return Answer(200, {"data": items[(number - 1) * size:number * size], "meta": {"pagination": {
            "current-page": number, "page-size": size, "next-page": number + 1 if number < last else None, "total-pages": last, "total-count": len(items)}}}, TYPE)

    @route("GET", "/api/v2/organizations/acme")
    def organization(self, _):
        return Answer(200, {"data": {"id": "acme", "type": "organizations"}}, TYPE)

    @route("GET", "/api/v2/organizations/acme/organization-memberships", query=PAGED)
    def list(self, request):
        return self.page(request, [self.shown(key) for key in self.members])

    @route("GET", "/api/v2/organizations/acme/teams", query=PAGED)
    def teams(self, request):
        return self.page(request, [{"id": key, "type": "teams", "attributes": {"name": name}} for key, name in self.TEAMS.items()])

    @route("GET", "/api/v2/organization-memberships/{id}")
    def read(self, request):
        if request.args["id"] not in self.members:
            return Answer(404, {"errors": [{"status": "404", "title": "not found"}]}, TYPE)
        return Answer(200, {"data": self.shown(request.args["id"])}, TYPE)

    @route("POST", "/api/v2/organizations/acme/organization-memberships", json={"data": {
        "type": ("organization-memberships",), "attributes": {"email": ADDRESS},
        "relationships": {"teams": {"data": [{"type": ("teams",), "id": tuple(TEAMS)}]}}}})
    def invite(self, request):
        data = request.body["data"]
        if any(m["email"] == data["attributes"]["email"] for m in self.members.values()):
            return Answer(422, {"errors": [{"status": "422", "title": "invalid attribute", "detail": "User is already a member"}]}, TYPE)
        key = f"ou-{700 + len(self.members)}"
        self.members[key] = {"email": data["attributes"]["email"], "status": "invited", "teams": [t["id"] for t in data["relationships"]["teams"]["data"]]}
        return Answer(201, {"data": self.shown(key)}, TYPE)

    @route("POST", "/api/v2/teams/{team}/relationships/organization-memberships", json={"data": [ONE]})
    def join(self, request):
        for member in request.body["data"]:
            self.members[member["id"]]["teams"].append(request.args["team"])
        return Answer(204, None)

    @route("DELETE", "/api/v2/teams/{team}/relationships/organization-memberships", json={"data": [ONE]})
    def part(self, request):
        for member in request.body["data"]:
            self.members[member["id"]]["teams"].remove(request.args["team"])
        return Answer(204, None)

    @route("DELETE", "/api/v2/organization-memberships/{id}")
    def remove(self, request):
        return Answer(204, None) if self.members.pop(request.args["id"], None) else Answer(404, {"errors": [{"status": "404", "title": "not found"}]}, TYPE)
