"""Who may do what: challenges, tokens, basic credentials.

Source: the Docker registry token specification; the bearer flow of docker login.
"""

import base64
import concurrent.futures
import json
import re
import unittest
import urllib.parse

from registry import PASSWORD, USER, RegistryTestCase, basic

SCOPE = "repository:team/app:pull,push"


def challenge_parameters(response):
    header = response.headers["WWW-Authenticate"]
    assert header.startswith("Bearer "), header
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', header))
    # Every parameter is quoted, and there is nothing else.
    rebuilt = ",".join(f'{name}="{value}"' for name, value in parameters.items())
    assert header == f"Bearer {rebuilt}", header
    return parameters


class Access(RegistryTestCase):
    def setUp(self):
        super().setUp()
        self.anonymous = self.registry.client(authorization=None)

    def token(self, scope=SCOPE, authorization=basic(USER, PASSWORD), **parameters):
        query = {"service": "registry", "scope": scope, **parameters}
        path = "/token?" + urllib.parse.urlencode({k: v for k, v in query.items() if v})
        client = self.registry.client(authorization)
        self.addCleanup(client.close)
        return client.get(path).json()

    def bearer(self, token):
        client = self.registry.client(f"Bearer {token}")
        self.addCleanup(client.close)
        return client

    # Challenges.

    def test_the_base_route_without_credential_is_401_with_a_challenge(self):
        answer = self.anonymous.get("/v2/", expect=401)
        self.expect_error(answer, 401, "UNAUTHORIZED")
        parameters = challenge_parameters(answer)
        self.assertEqual(parameters["realm"], f"http://{self.registry.host}/token")
        self.assertTrue(parameters["service"])

    def test_the_realm_follows_host_and_x_forwarded_proto(self):
        headers = {"Host": "registry.example.com", "X-Forwarded-Proto": "https"}
        parameters = challenge_parameters(self.anonymous.get("/v2/", headers, expect=401))
        self.assertEqual(parameters["realm"], "https://registry.example.com/token")

    def test_a_hostile_host_header_cannot_break_the_challenge(self):
        for host in ('a"b', "a,b", 'x",error="y', "a b", "<script>"):
            with self.subTest(host=host):
                answer = self.anonymous.get("/v2/", {"Host": host}, expect=None)
                self.assertIn(answer.status, (400, 401))
                if answer.status == 401:
                    challenge_parameters(answer)

    def test_a_request_without_credential_is_told_the_scope_it_needs(self):
        for method, path, scope in (
            ("GET", "/v2/team/app/manifests/v1", "repository:team/app:pull"),
            ("GET", "/v2/team/app/tags/list", "repository:team/app:pull"),
            ("POST", "/v2/team/app/blobs/uploads/", "repository:team/app:pull,push"),
            ("DELETE", "/v2/team/app/manifests/v1", "repository:team/app:"),
        ):
            with self.subTest(method=method, path=path):
                answer = self.anonymous.request(method, path, expect=401)
                self.expect_error(answer, 401, "UNAUTHORIZED")
                self.assertTrue(challenge_parameters(answer)["scope"].startswith(scope), answer)

    def test_an_unknown_thing_is_401_before_it_is_404(self):
        self.anonymous.get("/v2/no/such/manifests/v1", expect=401)
        self.anonymous.head("/v2/no/such/blobs/sha256:" + "0" * 64, expect=401)

    # Basic credentials.

    def test_the_right_password_opens_the_base_route(self):
        answer = self.client.get("/v2/")
        self.assertEqual(answer.json(), {})

    def test_a_wrong_password_or_user_is_401(self):
        for user, password in ((USER, "wrong"), (USER, ""), ("nobody", PASSWORD), ("", ""),
                               (USER, PASSWORD + "\0"), (USER, PASSWORD + "x"), (USER, "x" * 5000)):  # fmt: skip
            with self.subTest(user=user, password=password[:20]):
                client = self.registry.client(basic(user, password))
                self.expect_error(client.get("/v2/", expect=401), 401, "UNAUTHORIZED")
                self.expect_error(client.get("/token", expect=401), 401, "UNAUTHORIZED")
                client.close()

    def test_malformed_credentials_are_401_or_400(self):
        for value in ("Basic", "Basic ", "Basic !!!", "Basic YQ==", "Bearer", "Bearer ", "Digest x",
                      "Bearer a.b.c", "Bearer " + "x" * 8000, "nonsense", "Basic " + "A" * 9001):  # fmt: skip
            with self.subTest(value=value[:20]):
                answer = self.registry.client(value).get("/v2/", expect=None)
                self.assertIn(answer.status, (400, 401), answer)

    # Tokens.

    def test_the_token_flow_of_docker_login_pushes_and_pulls(self):
        reply = self.token(account=USER, client_id="docker")
        self.assertEqual(reply["token"], reply["access_token"])
        self.assertGreaterEqual(reply["expires_in"], 60)
        self.assertRegex(reply["issued_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        client = self.bearer(reply["token"])
        client.get("/v2/")
        manifest = client.push_image("team/app", "v1")
        self.assertEqual(client.get("/v2/team/app/manifests/v1").body, manifest)

    def test_a_token_reply_must_not_be_cached(self):
        answer = self.client.get("/token?service=registry")
        self.assertIn("no-store", answer.headers["Cache-Control"] or "")

    def test_malformed_credentials_at_the_token_service_ask_for_basic_ones(self):
        client = self.registry.client("Basic !!!")
        self.addCleanup(client.close)
        answer = client.get("/token", expect=401)
        self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Basic "))

    def test_a_token_only_narrows(self):
        client = self.bearer(self.token("repository:team/app:pull")["token"])
        answer = client.post("/v2/team/app/blobs/uploads/", expect=401)
        parameters = challenge_parameters(answer)
        self.assertEqual(parameters["error"], "insufficient_scope")
        self.assertEqual(parameters["scope"], "repository:team/app:pull,push")
        other = client.get("/v2/team/other/tags/list", expect=401)
        self.assertEqual(challenge_parameters(other)["error"], "insufficient_scope")
        client.get("/v2/team/app/tags/list", expect=404)

    def test_several_scopes_may_be_asked_for_in_both_ways(self):
        for query in (
            "scope=repository:team/a:pull&scope=repository:team/b:pull,push",
            "scope=repository:team/a:pull+repository:team/b:pull,push",
        ):
            with self.subTest(query=query):
                token = self.client.get(f"/token?service=registry&{query}").json()["token"]
                client = self.bearer(token)
                client.get("/v2/team/a/tags/list", expect=404)
                client.post("/v2/team/b/blobs/uploads/")
                client.post("/v2/team/a/blobs/uploads/", expect=401)

    def test_unknown_scopes_are_ignored(self):
        for scope in ("nonsense", "repository:team/app:fly", "printer:a:print", "repository:NOT:pull"):
            with self.subTest(scope=scope):
                self.bearer(self.token(scope)["token"]).get("/v2/")

    def test_an_anonymous_token_opens_nothing(self):
        reply = self.token(authorization=None)
        self.bearer(reply["token"]).get("/v2/team/app/tags/list", expect=401)

    def test_a_tampered_token_is_401_invalid_token(self):
        token = self.token()["token"]
        head, payload, signature = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims["exp"] = claims.get("exp", 0) + 10_000
        changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
        other = "A" if signature[10] != "A" else "B"
        for bad in (
            f"{head}.{changed}.{signature}",
            f"{head}.{payload}.{signature[:10]}{other}{signature[11:]}",
            f"{head}.{payload}.",
            f"{head}.{payload}",
            f"{none}.{payload}.",
            f"{none}.{payload}.{signature}",
        ):
            with self.subTest(bad=bad[-40:]):
                for path in ("/v2/", "/v2/team/app/tags/list"):
                    answer = self.bearer(bad).get(path, expect=401)
                    self.assertEqual(challenge_parameters(answer)["error"], "invalid_token")
        self.bearer(token).get("/v2/")

    def test_a_token_of_another_registry_is_refused(self):
        folder = self.folder / "other"
        folder.mkdir()
        other = self.start_registry(folder=folder)
        token = other.client().get(f"/token?service=registry&scope={SCOPE}").json()["token"]
        self.bearer(token).get("/v2/", expect=401)

    def test_a_token_ends_with_the_password(self):
        token = self.token()["token"]
        self.registry.stop()
        folder = self.registry.folder
        self.start_and_use(folder, "another password", token)

    def start_and_use(self, folder, password, token):
        self.registry = self.start_registry(folder=folder, password=password)
        self.registry.client(basic(USER, password)).get("/v2/")
        self.registry.client(basic(USER, PASSWORD)).get("/v2/", expect=401)
        self.bearer(token).get("/v2/team/app/tags/list", expect=401)

    def test_many_failed_logins_are_limited_and_do_not_stop_the_registry(self):
        def attempt(i):
            client = self.registry.client(basic(USER, f"wrong {i}"))
            try:
                return client.get("/v2/", expect=None)
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            attempts = [pool.submit(attempt, i) for i in range(150)]
            self.client.get("/healthz")
            answers = [attempt.result() for attempt in attempts]
        for answer in answers:
            self.assertIn(answer.status, (401, 429), answer)
            if answer.status == 429:
                self.assertEqual(answer.error_codes(), ["TOOMANYREQUESTS"])
                self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.client.get("/v2/")


if __name__ == "__main__":
    unittest.main()
