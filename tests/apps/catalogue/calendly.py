"""Calendly's API v2, an organization's memberships and invitations (https://developer.calendly.com/api-docs)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

ORG = "https://api.calendly.com/organizations/AAAA-1"


class Calendly(Vendor):
    APP, HOST = "calendly", "api.calendly.com"
    FIELDS = {"org": "AAAA-1"}
    SECRETS = {"token": "eyJ-calendly-0123456789abcdef"}
    HEADERS = {"authorization": "Bearer eyJ-calendly-0123456789abcdef"}
    PAGED = {"count?": NUMBER, "page_token?": ".+"}
    INVITATIONS = "/organizations/AAAA-1/invitations"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.members = {f"M{i:04}": {"uri": f"https://api.calendly.com/organization_memberships/M{i:04}", "organization": ORG,
                                     "role": "owner" if i == 0 else "admin" if i == 1 else "user", "created_at": "2024-03-01T10:00:00.000000Z",
                                     "user": {"uri": f"https://api.calendly.com/users/U{i:04}", "name": f"User {i}",
                                              "email": f"user{i}@example.com", "slug": f"user{i}"}} for i in range(130)}
        self.invitations = {}

    def people(self):
        return [(key, None, m["user"]["email"], m["role"], "active") for key, m in self.members.items()] + \
            [(key, None, i["email"], None, "pending") for key, i in self.invitations.items()]

    def page(self, request, items):
        found, cursor = self.by_cursor(items, int(request.query.get("count", 20)), request.query.get("page_token"))
        return Answer(200, {"collection": found, "pagination": {"count": len(found), "next_page": cursor and "https://api.calendly.com/x",
                                                                "previous_page": None, "next_page_token": cursor, "previous_page_token": None}})

    @route("GET", "/organization_memberships", query={"organization": (ORG,), "email?": ADDRESS, **PAGED})
    def list_members(self, request):
        return self.page(request, list(self.members.values()))

    @route("GET", INVITATIONS, query={"status?": ("pending", "accepted", "declined"), **PAGED})
    def list_invitations(self, request):
        return self.page(request, list(self.invitations.values()))

    @route("POST", INVITATIONS, json={"email": ADDRESS})
    def invite(self, request):
        if any(i["email"] == request.body["email"] for i in self.invitations.values()):
            return Answer(400, {"title": "Invalid Argument", "message": "The supplied parameters are invalid.",
                                "details": [{"parameter": "email", "message": "has already been invited"}]})
        key = f"I{len(self.invitations):04}"
        self.invitations[key] = {"uri": f"{ORG}/invitations/{key}", "organization": ORG, "email": request.body["email"],
                                 "status": "pending", "created_at": "2026-01-02T03:04:05.000000Z", "last_sent_at": "2026-01-02T03:04:05.000000Z"}
        return Answer(201, {"resource": self.invitations[key]})

    @route("DELETE", INVITATIONS + "/{key}")
    def cancel(self, request):
        return Answer(204, None) if self.invitations.pop(request.args["key"], None) else Answer(404, {"title": "Not Found", "message": "no"})

    @route("DELETE", "/organization_memberships/{key}")
    def remove(self, request):
        return Answer(204, None) if self.members.pop(request.args["key"], None) else Answer(404, {"title": "Not Found", "message": "no"})
