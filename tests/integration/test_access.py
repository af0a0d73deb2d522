"""Who may do what: challenges, tokens, basic credentials.

Source: the Docker registry token specification; the bearer flow of docker login.
"""

import concurrent.futures
import hashlib
import re
import unittest
import urllib.parse

from registry import PASSWORD, USER, RegistryTestCase, basic, run_binary

SCOPE = "repository:team/app:pull,push"
MAX_REFRESH_TOKENS = 100
FORM = "application/x-www-form-urlencoded"


def challenge_parameters(response):
    header = response.headers["WWW-Authenticate"]
    assert header.startswith("Bearer "), header
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', header))
    # Every parameter is quoted; nothing else follows.
    rebuilt = ",".join(f'{name}="{value}"' for name, value in parameters.items())
    assert header == f"Bearer {rebuilt}", header
    return parameters


class AccessCase(RegistryTestCase):
    """Base class; has no tests itself."""

    def setUp(self):
        super().setUp()
        if self.start_at_once:
            self.anonymous = self.registry.client(authorization=None)
            self.addCleanup(self.anonymous.close)

    def post_token(self, expect=200, content_type=FORM, **form):
        """POST /token with a form; no header has a credential."""
        client = self.registry.client(authorization=None)
        self.addCleanup(client.close)
        body = urllib.parse.urlencode(form, doseq=True).encode()
        headers = {"Content-Type": content_type} if content_type else {}
        return client.post("/token", body, headers, expect)

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


class Access(AccessCase):
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

    def test_the_realm_of_http_1_0_without_a_host_is_the_listening_address(self):
        with self.registry.connect() as connection:
            connection.send(b"GET /v2/ HTTP/1.0\r\n\r\n")
            parameters = challenge_parameters(connection.response())
        self.assertEqual(parameters["realm"], f"http://{self.registry.host}/token")

    def test_nobody_is_believed_to_be_a_proxy_unless_named(self):
        for headers in ({"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example;proto=https"}):
            with self.subTest(headers=headers):
                parameters = challenge_parameters(self.anonymous.get("/v2/", headers, expect=401))
                self.assertEqual(parameters["realm"], f"http://{self.registry.host}/token")

    def test_empty_user_and_password_are_an_anonymous_client(self):
        # As podman sends it after a logout.
        client = self.registry.client("Basic Og==")
        self.addCleanup(client.close)
        for path in ("/v2/", "/v2/team/app/manifests/v1", "/v2/_catalog"):
            with self.subTest(path=path):
                expected = self.anonymous.get(path, expect=401)
                answer = client.get(path, expect=401)
                self.assertEqual(challenge_parameters(answer), challenge_parameters(expected))
                self.assertEqual(answer.error_message(), expected.error_message())
        token = client.get("/token?scope=repository:team/app:pull").json()["token"]
        self.bearer(token).get("/v2/team/app/tags/list", expect=401)
        # As often as anybody likes: nobody has failed to log in.
        for _ in range(15):
            client.get("/v2/", expect=401)
        for authorization in (basic("", PASSWORD), basic(USER, "")):
            with self.subTest(authorization=authorization):
                half = self.registry.client(authorization)
                self.addCleanup(half.close)
                half.get("/token", expect=401)
                half.get("/v2/", expect=401)

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

    def test_an_anonymous_client_with_a_token_is_401_with_the_scope_never_403(self):
        client = self.bearer(self.token(authorization=None)["token"])
        for method, path, scope in (
            ("GET", "/v2/team/app/tags/list", "repository:team/app:pull"),
            ("GET", "/v2/_catalog", "registry:catalog:*"),
            ("POST", "/v2/team/app/blobs/uploads/", "repository:team/app:pull,push"),
        ):
            with self.subTest(path=path):
                answer = client.request(method, path)
                self.expect_error(answer, 401, "UNAUTHORIZED")
                self.assertEqual(challenge_parameters(answer)["scope"], scope)

    def test_a_missing_tag_is_404_never_403(self):
        self.client.push_image("team/app", "v1")
        client = self.bearer(self.token("repository:team/app:pull")["token"])
        for reference in ("missing", "sha256-" + "0" * 64 + ".sig", "sha256:" + "0" * 64):
            with self.subTest(reference=reference):
                path = f"/v2/team/app/manifests/{reference}"
                self.expect_error(client.get(path, expect=404), 404, "MANIFEST_UNKNOWN")
                client.head(path, expect=404)

    def test_a_challenge_can_be_answered_as_it_is_written(self):
        # As docker does: builds the token request from realm, service and scope of the challenge.
        self.client.push_blob("team/source", b"x")
        for method, path, status in (
            ("GET", "/v2/", 200),
            ("GET", "/v2/_catalog", 200),
            ("GET", "/v2/team/app/tags/list", 404),
            ("POST", "/v2/team/app/blobs/uploads/", 202),
            ("POST", "/v2/team/app/blobs/uploads/?mount=sha256:" + hashlib.sha256(b"x").hexdigest()
             + "&from=team/source", 201),
            ("DELETE", "/v2/team/app/manifests/v1", 404),
        ):  # fmt: skip
            with self.subTest(method=method, path=path):
                challenge = challenge_parameters(self.anonymous.request(method, path, expect=401))
                realm = challenge.pop("realm")
                query = urllib.parse.urlencode({**challenge, "account": USER})
                token = self.client.get(f"{realm}?{query}").json()["token"]
                self.bearer(token).request(method, path, expect=status)

    # Basic credentials.

    def test_the_right_password_opens_the_base_route(self):
        answer = self.client.get("/v2/")
        self.assertEqual(answer.json(), {})

    def test_a_wrong_password_or_user_is_401(self):
        for user, password in ((USER, "wrong"), (USER, ""), ("nobody", PASSWORD), ("", PASSWORD),
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

    def test_several_scopes_with_unknown_ones_grant_the_rest(self):
        scopes = ["nonsense", "repository:team/app:pull,fly", "repository(plugin):team/plugin:pull",
                  "registry:catalog:*", "registry:other:*"]  # fmt: skip
        for joined in (False, True):
            with self.subTest(joined=joined):
                query = [("scope", scope) for scope in ([" ".join(scopes)] if joined else scopes)]
                path = f"/token?service=registry&{urllib.parse.urlencode(query)}"
                client = self.bearer(self.client.get(path).json()["token"])
                client.get("/v2/team/app/tags/list", expect=404)
                client.get("/v2/team/plugin/tags/list", expect=404)
                client.get("/v2/_catalog")
                client.post("/v2/team/app/blobs/uploads/", expect=401)

    def test_a_star_grants_every_action_on_the_repository_only(self):
        client = self.bearer(self.token("repository:team/app:*")["token"])
        client.push_image("team/app", "v1")
        client.delete("/v2/team/app/manifests/v1")
        client.get("/v2/team/other/tags/list", expect=401)
        client.get("/v2/_catalog", expect=401)

    def test_deleting_needs_the_action_delete(self):
        self.client.push_image("team/app", "v1")
        client = self.bearer(self.token()["token"])
        answer = client.delete("/v2/team/app/manifests/v1", expect=401)
        parameters = challenge_parameters(answer)
        self.assertEqual(parameters["error"], "insufficient_scope")
        self.assertIn("delete", parameters["scope"])
        client = self.bearer(self.token("repository:team/app:delete")["token"])
        client.delete("/v2/team/app/manifests/v1")

    def test_very_many_scopes_are_no_server_error(self):
        scopes = [f"repository:team/{'x' * 150}-{i}:pull,push" for i in range(120)]
        answers = [
            self.client.get(f"/token?{urllib.parse.urlencode({'scope': ' '.join(scopes)})}", expect=None),
            self.client.get(f"/token?{urllib.parse.urlencode({'scope': scopes}, doseq=True)}", expect=None),
            self.post_token(expect=None, grant_type="password", username=USER, password=PASSWORD,
                            scope=" ".join(scopes)),
        ]  # fmt: skip
        for answer in answers:
            self.assertLess(answer.status, 500, answer)

    def test_an_anonymous_token_opens_nothing(self):
        reply = self.token(authorization=None)
        self.bearer(reply["token"]).get("/v2/team/app/tags/list", expect=401)

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
        bearer = self.bearer(self.token()["token"])

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
        bearer.get("/v2/")


class TokenFormsCase(AccessCase):
    """Base class; has no tests itself."""

    def password_token(self, expect=200, **form):
        form = {"service": "registry", "client_id": "test", "username": USER, "password": PASSWORD, **form}
        return self.post_token(expect, grant_type="password", **form)

    def refreshed(self, refresh_token, expect=200, **form):
        form = {"service": "registry", "client_id": "test", **form}
        return self.post_token(
            expect, grant_type="refresh_token", refresh_token=refresh_token, **form
        )

    def refresh_token(self):
        return self.password_token(access_type="offline").json()["refresh_token"]


class TokenForms(TokenFormsCase):
    """POST /token, in the form of OAuth 2, and refresh tokens."""

    # The grant type password.

    def test_a_form_with_the_password_gets_a_token_and_its_scope(self):
        reply = self.password_token(scope=SCOPE)
        self.assertIn("no-store", reply.headers["Cache-Control"])
        reply = reply.json()
        self.assertEqual(reply["scope"], SCOPE)
        self.assertGreaterEqual(reply["expires_in"], 60)
        self.assertRegex(reply["issued_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertNotIn("refresh_token", reply)
        client = self.bearer(reply["access_token"])
        client.push_image("team/app", "v1")
        client.get("/v2/team/other/tags/list", expect=401)

    def test_the_scope_of_the_reply_names_all_that_was_granted(self):
        asked = ["repository:team/a:pull", "repository:team/b:pull,push", "registry:catalog:*"]
        for scope in (asked, " ".join(asked), " ".join([*asked, "nonsense", "printer:a:print"])):
            with self.subTest(scope=scope):
                reply = self.password_token(scope=scope).json()
                self.assertEqual(reply["scope"].split(), asked)
                client = self.bearer(reply["access_token"])
                client.get("/v2/team/a/tags/list", expect=404)
                client.post("/v2/team/b/blobs/uploads/")
                client.get("/v2/_catalog")

    def test_without_scope_the_token_opens_the_base_route_only(self):
        reply = self.password_token().json()
        self.assertEqual(reply["scope"], "")
        client = self.bearer(reply["access_token"])
        client.get("/v2/")
        answer = client.get("/v2/team/app/tags/list", expect=401)
        self.assertEqual(challenge_parameters(answer)["error"], "insufficient_scope")

    def test_a_wrong_password_in_the_form_is_401(self):
        for form in ({"password": "wrong"}, {"password": ""}, {"username": "nobody"}, {"username": ""}):
            with self.subTest(form=form):
                self.expect_error(self.password_token(expect=401, **form), 401, "UNAUTHORIZED")
        self.expect_error(self.post_token(401, grant_type="password"), 401, "UNAUTHORIZED")

    def test_empty_user_and_password_in_the_form_are_an_anonymous_client(self):
        reply = self.post_token(grant_type="password", username="", password="", scope=SCOPE).json()
        self.assertEqual(reply["scope"], "")
        self.bearer(reply["access_token"]).get("/v2/team/app/tags/list", expect=401)

    def test_a_form_that_is_not_percent_encoded_utf_8_is_400(self):
        client = self.registry.client(authorization=None)
        self.addCleanup(client.close)
        for field in ("x=%zz", "username=%C3%28&x=%zz", "username=%C3%28", "scope=%C3%28", "%"):
            with self.subTest(field=field):
                form = f"grant_type=password&{field}".encode()
                answer = client.post("/token", form, {"Content-Type": FORM}, 400)
                self.assertRegex(answer.error_message(), "percent-encoding|UTF-8")

    def test_another_content_type_is_400(self):
        for content_type in ("application/json", "multipart/form-data; boundary=x", "text/plain", None):
            with self.subTest(content_type=content_type):
                answer = self.password_token(expect=400, content_type=content_type)
                self.assertIn(FORM, answer.error_message())

    def test_the_content_type_may_have_parameters(self):
        self.password_token(content_type=FORM + "; charset=utf-8")

    def test_an_unknown_or_missing_grant_type_is_400_and_named(self):
        for grant_type in ("authorization_code", "client_credentials", "", "PASSWORD"):
            with self.subTest(grant_type=grant_type):
                answer = self.post_token(400, grant_type=grant_type, username=USER, password=PASSWORD)
                self.assertIn(f'"{grant_type}"', answer.error_message())
        self.assertTrue(self.post_token(400, username=USER).error_message())

    def test_malformed_forms_are_no_server_error(self):
        for body in (b"", b"&&&", b"=", b"grant_type=password&username=%ff", b"%zz=%", b"\xff\xfe",
                     b"grant_type=password&username=a%00b&password=c", b"x" * 40_000,
                     b"grant_type=refresh_token&refresh_token=" + b"y" * 20_000,
                     b"grant_type=refresh_token&refresh_token=%00"):  # fmt: skip
            with self.subTest(body=body[:40]):
                answer = self.anonymous.post("/token", body, {"Content-Type": FORM}, expect=None)
                self.assertIn(answer.status, (400, 401, 413), answer)

    # Refresh tokens.

    def test_a_refresh_token_comes_only_when_asked_for(self):
        self.assertNotIn("refresh_token", self.password_token(access_type="online").json())
        self.assertNotIn("refresh_token", self.token())
        self.assertNotIn("refresh_token", self.token(offline_token="false"))
        self.assertTrue(self.refresh_token())

    def test_offline_token_on_get_gives_a_refresh_token_too(self):
        reply = self.token(offline_token="true", client_id="docker", account=USER)
        self.assertEqual(reply["token"], reply["access_token"])
        token = self.refreshed(reply["refresh_token"], scope=SCOPE).json()["access_token"]
        self.bearer(token).push_image("team/app", "v1")

    def test_a_refresh_token_gets_tokens_again_and_again(self):
        refresh_token = self.refresh_token()
        for repository in ("team/a", "team/b", "team/a"):
            scope = f"repository:{repository}:pull,push"
            reply = self.refreshed(refresh_token, scope=scope).json()
            self.assertEqual(reply["scope"], scope)
            self.assertEqual(reply.get("refresh_token", refresh_token), refresh_token)
            client = self.bearer(reply["access_token"])
            client.push_image(repository, "v1")
            client.get("/v2/team/other/tags/list", expect=401)

    def test_a_wrong_refresh_token_is_401(self):
        refresh_token = self.refresh_token()
        for wrong in ("nonsense", "", refresh_token[:-1], refresh_token + "x", refresh_token.swapcase(),
                      self.token()["token"]):  # fmt: skip
            with self.subTest(wrong=wrong[:20]):
                self.expect_error(self.refreshed(wrong, expect=401), 401, "UNAUTHORIZED")
        self.expect_error(self.post_token(401, grant_type="refresh_token"), 401, "UNAUTHORIZED")

    def test_a_refresh_token_opens_nothing_by_itself(self):
        refresh_token = self.refresh_token()
        for path in ("/v2/", "/v2/_catalog", "/token"):
            for authorization in (f"Bearer {refresh_token}", basic(USER, refresh_token)):
                client = self.registry.client(authorization)
                self.expect_error(client.get(path, expect=401), 401, "UNAUTHORIZED")
                client.close()

    def test_a_token_is_no_refresh_token_and_gets_no_other_token(self):
        token = self.token()["token"]
        answer = self.bearer(token).get(f"/token?scope={SCOPE}", expect=401)
        self.expect_error(answer, 401, "UNAUTHORIZED")

    def test_an_anonymous_client_gets_no_refresh_token(self):
        reply = self.token(authorization=None, offline_token="true")
        self.assertNotIn("refresh_token", reply)

    def test_of_very_many_refresh_tokens_the_newest_100_are_kept(self):
        tokens = [self.token(offline_token="true")["refresh_token"] for _ in range(MAX_REFRESH_TOKENS + 2)]
        for token in (tokens[2], tokens[-1]):
            self.refreshed(token)
        self.refreshed(tokens[0], expect=401)

    def test_refresh_tokens_are_not_kept_as_they_are(self):
        refresh_token = self.refresh_token().encode()
        self.registry.stop()
        for path in self.registry.datadir.rglob("*"):
            if path.is_file():
                self.assertNotIn(refresh_token, path.read_bytes(), path)


class RefreshTokensAndRestarts(TokenFormsCase):
    start_at_once = False

    def start_with_hash_of(self, password):
        digest = run_binary("genhash", stdin=password.encode()).stdout
        file = self.folder / "pwd.txt"
        file.write_bytes(digest)
        return self.start_with_file(file)

    def start_with_file(self, file):
        self.registry = self.start_registry("-adminpwdfile", file, password=None)
        return file

    def test_a_refresh_token_outlives_a_restart_where_the_password_is_kept_as_hash(self):
        file = self.start_with_hash_of(PASSWORD)
        refresh_token = self.refresh_token()
        self.registry.stop()
        self.start_with_file(file)
        token = self.refreshed(refresh_token, scope=SCOPE).json()["access_token"]
        self.bearer(token).push_image("team/app", "v1")

    def test_a_token_outlives_a_restart_where_the_password_is_kept_as_hash(self):
        file = self.start_with_hash_of(PASSWORD)
        token = self.password_token(scope=SCOPE).json()["access_token"]
        self.registry.stop()
        self.start_with_file(file)
        self.bearer(token).push_image("team/app", "v1")

    def test_a_refresh_token_ends_with_the_password(self):
        self.start_with_hash_of(PASSWORD)
        refresh_token = self.refresh_token()
        self.registry.stop()
        self.start_with_hash_of("another password")
        self.expect_error(self.refreshed(refresh_token, expect=401), 401, "UNAUTHORIZED")

    def test_a_refresh_token_outlives_a_restart_with_the_same_plain_password_only(self):
        self.registry = self.start_registry()
        refresh_token = self.refresh_token()
        self.registry.restart()
        self.refreshed(refresh_token)
        self.registry.stop()
        self.registry = self.start_registry(password="another password")
        self.expect_error(self.refreshed(refresh_token, expect=401), 401, "UNAUTHORIZED")


if __name__ == "__main__":
    unittest.main()
