"""Tableau's REST API 3.22, users on a site (https://help.tableau.com/current/api/rest_api)."""

from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from vendor import NUMBER, Answer, Unknown, Vendor, route

XML = {"Content-Type": "application/xml;charset=UTF-8"}
ROLES = ("ServerAdministrator", "SiteAdministratorCreator", "SiteAdministratorExplorer", "Creator", "ExplorerCanPublish", "Explorer", "Viewer", "Unlicensed")


class Tableau(Vendor):
    APP, HOST = "tableau", "10ax.online.tableau.com"
    FIELDS = {"base_url": "https://10ax.online.tableau.com", "site": "acme"}
    SECRETS = {"token_name": "usher", "token_secret": "tab-secret-0123456789abcdef"}
    HEADERS = {"x-tableau-auth": "tab-session-0123456789abcdef"}
    USERS = "/api/3.22/sites/site-9/users"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.sessions = 0
        self.users = {f"id-{i}": {"id": f"id-{i}", "name": f"user{i}@example.com", "fullName": f"User {i} & <Co>", "email": f"user{i}@example.com",
                                  "siteRole": "SiteAdministratorCreator" if i == 0 else "Unlicensed" if i == 3 else "Viewer"} for i in range(1100)}

    def people(self):
        return [(u["id"], u["name"], u["email"], u["siteRole"], "disabled" if u["siteRole"] == "Unlicensed" else "active") for u in self.users.values()]

    @staticmethod
    def answer_of(inner, status=200):
        return Answer(status, f'<?xml version="1.0" encoding="UTF-8"?>\n<tsResponse xmlns="http://tableau.com/api">{inner}</tsResponse>', XML)

    @staticmethod
    def element(user):
        return "<user " + " ".join(f"{k}={quoteattr(v)}" for k, v in user.items()) + "/>"

    def error(self, status, code, text):
        return self.answer_of(f'<error code="{code}"><summary>{text}</summary><detail>{text}</detail></error>', status)

    @route("POST", "/api/3.22/auth/signin", text=r"(?s)<tsRequest>.*</tsRequest>", headers={"x-tableau-auth": None})
    def sign_in(self, request):
        credentials = ElementTree.fromstring(request.body).find("credentials")
        if set(credentials.attrib) != {"personalAccessTokenName", "personalAccessTokenSecret"} or credentials.find("site").attrib != {"contentUrl": "acme"}:
            raise Unknown("the credentials")
        if credentials.get("personalAccessTokenSecret") != self.SECRETS["token_secret"]:
            return self.error(401, "401001", "Login error")
        self.sessions += 1
        return self.answer_of('<credentials token="tab-session-0123456789abcdef"><site id="site-9" contentUrl="acme"/><user id="id-0"/></credentials>')

    @route("GET", USERS, query={"pageSize?": NUMBER, "pageNumber?": NUMBER})
    def list(self, request):
        size, number = int(request.query.get("pageSize", 100)), int(request.query.get("pageNumber", 1))
        found = list(self.users.values())[(number - 1) * size:number * size]
        return self.answer_of(f'<pagination pageNumber="{number}" pageSize="{size}" totalAvailable="{len(self.users)}"/>'
                              f'<users>{"".join(map(self.element, found))}</users>')

    @route("GET", USERS + "/{id}")
    def read(self, request):
        user = self.users.get(request.args["id"])
        return self.answer_of(self.element(user)) if user else self.error(404, "404002", "User not found")

    def asked_user(self, request, allowed):
        user = ElementTree.fromstring(request.body).find("user")
        if set(user.attrib) != allowed or user.get("siteRole") not in ROLES:
            raise Unknown(f"the user {user.attrib}")
        return user

    @route("POST", USERS, text=r"(?s)<tsRequest>.*</tsRequest>")
    def add(self, request):
        user = self.asked_user(request, {"name", "siteRole"})
        if any(u["name"] == user.get("name") for u in self.users.values()):
            return self.error(409, "409017", "User already on site")
        key = f"id-{5000 + len(self.users)}"
        self.users[key] = {"id": key, "name": user.get("name"), "fullName": user.get("name"), "email": user.get("name"), "siteRole": user.get("siteRole")}
        return self.answer_of(self.element({k: v for k, v in self.users[key].items() if k in ("id", "name", "siteRole")}), 201)

    @route("PUT", USERS + "/{id}", text=r"(?s)<tsRequest>.*</tsRequest>")
    def update(self, request):
        self.users[request.args["id"]]["siteRole"] = self.asked_user(request, {"siteRole"}).get("siteRole")
        return self.answer_of(self.element(self.users[request.args["id"]]))

    @route("DELETE", USERS + "/{id}")
    def remove(self, request):
        return Answer(204, None) if self.users.pop(request.args["id"], None) else self.error(404, "404002", "User not found")
