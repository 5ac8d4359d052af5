"""A backend that hands signed cookies to its logged-in users; see the README
of the folder above."""

import base64
import hashlib
import hmac
import http.cookies
import json
import os
import secrets
import sys
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

SESSION_LIFE = 8 * 3600
PASS_SECONDS = 3600
ALLOW_HTTP = bool(os.environ.get("ALLOW_HTTP"))

with open(os.environ["USERS"]) as f:
    USERS = json.load(f)
KEY = secrets.token_bytes(32)  # of sessions, new at each start
AWS = botocore.session.get_session()


def check_password(name, password):
    user = USERS.get(name, {"salt": "", "hash": ""})  # an unknown user costs the same time
    got = hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(user["salt"]), 600_000, 32)
    return hmac.compare_digest(got, bytes.fromhex(user["hash"]))


def seal(token):
    return hmac.new(KEY, token.encode(), hashlib.sha256).hexdigest()


def new_session(name):
    token = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=") + "." + str(int(time.time()) + SESSION_LIFE)
    return token + "." + seal(token)


def logged_in(cookie_header):
    try:
        value = http.cookies.SimpleCookie(cookie_header)["session"].value
        token, mark = value.rsplit(".", 1)
        return hmac.compare_digest(seal(token).encode(), mark.encode()) and time.time() < int(token.rsplit(".", 1)[1])
    except (KeyError, ValueError, IndexError, http.cookies.CookieError):
        return False


def sign():
    """Asks the signing profile for Set-Cookie values."""
    body = json.dumps({
        "cookies": {"resource": os.environ["RESOURCE"], "domain": os.environ.get("COOKIE_DOMAIN", ""), "allowHttp": ALLOW_HTTP},
        "validForSeconds": PASS_SECONDS,
    }).encode()
    url = os.environ["KEYFRONT_URL"] + "/_keyfront/signer/" + os.environ["SIGNER"] + "/sign"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    region = AWS.get_config_variable("region") or "us-east-1"
    SigV4Auth(AWS.get_credentials(), "keyfront", region).add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(url, body, dict(request.headers)), timeout=10) as answer:
        return json.load(answer)["setCookies"]


class Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        # A browser tells where a request comes from; others' pages may not act here.
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return self.answer(403)
        if self.path == "/login":
            return self.login()
        if self.path == "/pass":
            return self.hand_out()
        self.answer(404)

    def login(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > 4096:
            return self.answer(413)
        form = urllib.parse.parse_qs(self.rfile.read(length).decode(errors="replace"))
        name = form.get("user", [""])[0]
        if not check_password(name, form.get("password", [""])[0]):
            return self.answer(403)
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("" if ALLOW_HTTP else "; Secure")
        self.answer(204, ["session=" + new_session(name) + attributes])

    def hand_out(self):
        if not logged_in(self.headers.get("Cookie", "")):
            return self.answer(401)
        try:
            cookies = sign()
        except OSError as err:  # urllib's errors are OSErrors
            print(err, file=sys.stderr)
            return self.answer(502)
        self.answer(204, cookies)

    def answer(self, status, cookies=()):
        self.send_response(status)
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()


host, _, port = os.environ.get("LISTEN", "127.0.0.1:8000").rpartition(":")
server = ThreadingHTTPServer((host, int(port)), Handler)
print("listening on http://%s:%d" % server.server_address[:2], flush=True)
server.serve_forever()
