"""Zoom's REST API v2, users and roles, with a server-to-server app (https://developers.zoom.us/docs/api/users)."""

from vendor import ADDRESS, NUMBER, Answer, Vendor, route

CLIENT = "Basic Y2xpZW50LTE6em9vbS1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg=="  # client-1:zoom-secret-0123456789abcdef


class Zoom(Vendor):
    APP, HOST, HOSTS = "zoom", "api.zoom.us", ("zoom.us",)
    FIELDS = {"account_id": "acc_1"}
    SECRETS = {"client_id": "client-1", "client_secret": "zoom-secret-0123456789abcdef"}
    HEADERS = {"authorization": "Bearer zoom-token-0123456789abcdef"}

    def __init__(self, scratch):
        super().__init__(scratch)
        self.tokens = 0
        states = {3: "inactive", 4: "pending"}
        self.users = {f"u{i:04}": {"id": f"u{i:04}", "email": f"user{i}@example.com", "first_name": "User", "last_name": str(i),
                                   "display_name": f"User {i}", "type": 1, "role_id": "0" if i == 0 else "2",
                                   "created_at": "2024-03-01T10:00:00Z", "status": states.get(i, "active")} for i in range(350)}

    def people(self):
        words = {"active": "active", "inactive": "disabled", "pending": "pending"}
        return [(u["id"], None, u["email"], u["role_id"], words[u["status"]]) for u in self.users.values()]

    @route("POST", "/oauth/token", form={"grant_type": "account_credentials", "account_id": "acc_1"}, headers={"authorization": CLIENT})
    def token(self, _):
        self.tokens += 1
        return Answer(200, {"access_token": "zoom-token-0123456789abcdef", "token_type": "bearer", "expires_in": 3599,
                            "scope": "user:read:admin user:write:admin", "api_url": "https://api.zoom.us"})

    @route("GET", "/v2/users", query={"status?": ("active", "inactive", "pending"), "page_size?": NUMBER, "next_page_token?": ".+"})
    def list(self, request):
        found = [u for u in self.users.values() if u["status"] == request.query.get("status", "active")]
        page, cursor = self.by_cursor(found, min(int(request.query.get("page_size", 30)), 300), request.query.get("next_page_token"))
        return Answer(200, {"page_size": 300, "total_records": len(found), "next_page_token": cursor or "", "users": page})

    @route("GET", "/v2/roles")
    def roles(self, _):
        return Answer(200, {"total_records": 3, "roles": [{"id": str(i), "name": name, "total_members": 1}
                                                          for i, name in enumerate(("Owner", "Admin", "Member"))]})

    @route("POST", "/v2/users", json={"action": ("create", "autoCreate", "custCreate", "ssoCreate"),
                                      "user_info": {"email": ADDRESS, "type": (1, 2, 4, 99), "first_name?": str, "last_name?": str}})
    def create(self, request):
        info = request.body["user_info"]
        if any(u["email"] == info["email"] for u in self.users.values()):
            return Answer(409, {"code": 1005, "message": "User already in the account"})
        new = f"u{len(self.users):04}"
        self.users[new] = {**info, "id": new, "role_id": "2", "status": "pending", "created_at": "2026-01-02T03:04:05Z",
                           "display_name": info.get("first_name", "")}
        return Answer(201, {"id": new, "email": info["email"], "type": info["type"]})

    @route("POST", "/v2/roles/{role}/members", json={"members": [{"id?": str, "email?": ADDRESS}]})
    def set_role(self, request):
        for member in request.body["members"]:
            self.users[member["id"]]["role_id"] = request.args["role"]
        return Answer(201, {"add_at": "2026-01-02T03:04:05Z", "ids": ",".join(m["id"] for m in request.body["members"])})

    @route("DELETE", "/v2/users/{user}", query={"action?": ("disassociate", "delete"), "transfer_email?": ADDRESS})
    def remove(self, request):
        for user in list(self.users.values()):
            if request.args["user"] in (user["id"], user["email"]):
                del self.users[user["id"]]
                return Answer(204, None)
        return Answer(404, {"code": 1001, "message": "User does not exist"})
