"""Slack's admin.users methods, as @slack/web-api types them (https://docs.slack.dev/reference/methods)."""

from vendor import ADDRESS, ANY, NUMBER, Answer, Vendor, route

FORM = {"team_id": "T0ACME"}


class SlackEnterprise(Vendor):
    APP, HOST = "slack-enterprise", "slack.com"
    FIELDS = {"team": "T0ACME", "channels": "C0GENERAL,C0RANDOM"}
    SECRETS = {"token": "xoxp-0123456789abcdef"}
    HEADERS = {"authorization": "Bearer xoxp-0123456789abcdef"}
    ROLES = {"primary-owner": "is_primary_owner", "owner": "is_owner", "admin": "is_admin", "guest": "is_restricted",
             "channel-guest": "is_ultra_restricted"}

    def __init__(self, scratch):
        super().__init__(scratch)
        roles = ["primary-owner", "owner", "admin", "guest", "channel-guest"]
        self.users = {f"U{i:04}": self.user(i, roles[i] if i < 5 else "member") for i in range(210)}
        self.invited = {}

    def user(self, i, role):
        user = {"id": f"U{i:04}", "email": f"user{i}@example.com", "username": f"user{i}", "full_name": f"User {i}",
                "is_active": i != 9, "is_bot": False, "has_2fa": True, "date_created": 1700000000, "expiration_ts": 0, "role": role}
        return user

    def shown(self, user):
        flags = {flag: user["role"] == role for role, flag in self.ROLES.items()}
        # An owner is an admin too, and a guest of one channel is a guest.
        flags["is_owner"] |= user["role"] == "primary-owner"
        flags["is_admin"] |= flags["is_owner"]
        flags["is_restricted"] |= flags["is_ultra_restricted"]
        return {**{k: v for k, v in user.items() if k != "role"}, **flags}

    def people(self):
        return [(u["id"], u["username"], u["email"], u["role"], "active" if u["is_active"] else "disabled") for u in self.users.values()]

    @route("POST", "/api/admin.users.list", form={**FORM, "limit?": NUMBER, "cursor?": ".+", "is_active?": ("true", "false")})
    def list(self, request):
        page, cursor = self.by_cursor(list(self.users.values()), int(request.body.get("limit", 100)), request.body.get("cursor"))
        return Answer(200, {"ok": True, "users": [self.shown(u) for u in page], "response_metadata": {"next_cursor": cursor or ""}})

    @route("POST", "/api/admin.users.invite", form={**FORM, "channel_ids": "C0GENERAL,C0RANDOM", "email": ADDRESS,
                                                    "is_restricted?": ("true", "false"), "is_ultra_restricted?": ("true", "false"),
                                                    "resend?": ("true", "false"), "real_name?": ANY})
    def invite(self, request):
        address = request.body["email"]
        if any(u["email"] == address for u in self.users.values()):
            return Answer(200, {"ok": False, "error": "already_in_team"})
        if address in self.invited:
            return Answer(200, {"ok": False, "error": "already_invited"})
        self.invited[address] = request.body
        return Answer(200, {"ok": True})

    def set_to(self, request, role):
        user = self.users.get(request.body["user_id"])
        if not user:
            return Answer(200, {"ok": False, "error": "user_not_found"})
        user["role"] = role
        return Answer(200, {"ok": True})

    @route("POST", "/api/admin.users.setAdmin", form={**FORM, "user_id": "U.+"})
    def set_admin(self, request):
        return self.set_to(request, "admin")

    @route("POST", "/api/admin.users.setOwner", form={**FORM, "user_id": "U.+"})
    def set_owner(self, request):
        return self.set_to(request, "owner")

    @route("POST", "/api/admin.users.setRegular", form={**FORM, "user_id": "U.+"})
    def set_regular(self, request):
        return self.set_to(request, "member")

    @route("POST", "/api/admin.users.remove", form={**FORM, "user_id": "U.+"})
    def remove(self, request):
        if not self.users.pop(request.body["user_id"], None):
            return Answer(200, {"ok": False, "error": "user_not_found"})
        return Answer(200, {"ok": True})
