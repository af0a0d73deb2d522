"""Users, groups, roles and tokens of YAML files (-cfgdir): the files of docs/examples, at work."""

import base64
import json
import pathlib
import shutil
import signal
import unittest

from registry import PASSWORD, Registry, RegistryTestCase, basic, digest_of, run_binary, wait_for

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "examples"
TOKEN = "example-0d3f6ac2b1e84f57-replace-me"
PUBLIC = "mirror/busybox"
SHOP = "web/shop"

EXTRA_USER = """
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {name: late}
spec: {groups: [admins], passwordHash: PASSWORD_HASH}
"""


class PolicyTestCase(RegistryTestCase):
    start_at_once = False

    def setUp(self):
        super().setUp()
        self.cfgdir = self.folder / "cfg"
        self.cfgdir.mkdir()
        for name in ("users", "roles", "rolebindings", "tokens"):
            shutil.copy(EXAMPLES / f"{name}.yaml", self.cfgdir)

    def start(self, *flags, password=None, **options):
        self.registry = self.start_registry("-cfgdir", self.cfgdir, *flags, password=password, **options)
        self.admin = self.as_user("admin")
        return self.registry

    def as_user(self, name, password=None):
        """A client with that user's credentials, or anonymous without a name."""
        authorization = basic(name, password or f"{name}-example") if name else None
        client = self.registry.client(authorization)
        self.addCleanup(client.close)
        return client

    def edit(self, name, old, new):
        path = self.cfgdir / name
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new))

    def reload(self, message="the policy was reloaded"):
        """Sends SIGHUP and waits for the log line."""
        before = len(self.registry.log(message=message))
        self.registry.process.send_signal(signal.SIGHUP)
        return wait_for(lambda: self.registry.log(message=message)[before:], message)[0]


class Decisions(PolicyTestCase):
    def setUp(self):
        super().setUp()
        self.start()

    def test_anonymous_clients_pull_what_is_public_and_are_asked_to_log_in_for_the_rest(self):
        image = self.admin.push_image(PUBLIC, "v1")
        self.admin.push_image(SHOP, "v1")
        anonymous = self.as_user(None)
        self.assertEqual(anonymous.get(f"/v2/{PUBLIC}/manifests/v1").body, image)
        anonymous.head(f"/v2/{PUBLIC}/manifests/{digest_of(image)}")
        anonymous.get(f"/v2/{PUBLIC}/tags/list")
        for answer in (
            anonymous.get(f"/v2/{SHOP}/manifests/v1", expect=None),
            anonymous.get(f"/v2/{SHOP}/tags/list", expect=None),
            anonymous.post(f"/v2/{PUBLIC}/blobs/uploads/", expect=None),
            anonymous.get("/v2/_catalog", expect=None),
            # The answer does not reveal if something exists.
            anonymous.get("/v2/no/such/manifests/v1", expect=None),
        ):
            self.expect_error(answer, 401, "UNAUTHORIZED")
            self.assertIn("scope=", answer.headers["WWW-Authenticate"])

    def test_the_base_route_asks_for_a_credential_also_where_anonymous_may_read(self):
        answer = self.as_user(None).get("/v2/", expect=401)
        self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer "))

    def test_a_missing_tag_of_a_readable_repository_is_404(self):
        self.admin.push_image(PUBLIC, "v1")
        self.as_user(None).get(f"/v2/{PUBLIC}/manifests/none", expect=404)

    def test_a_named_user_is_denied_with_403_and_the_reason(self):
        self.admin.push_image(SHOP, "v1")
        answer = self.as_user("dan").post(f"/v2/{SHOP}/blobs/uploads/", expect=None)
        self.expect_error(answer, 403, "DENIED")
        message = answer.json()["errors"][0]["message"]
        for word in ("dan", SHOP, "push", "web-guests", "pull"):
            self.assertIn(word, message)

    def test_the_detail_of_a_denial_says_for_programs_what_was_refused(self):
        digest = digest_of(b"{}")
        for user, method, path, detail in (
            ("dan", "POST", f"/v2/{SHOP}/blobs/uploads/",
             {"name": SHOP, "principal": "dan", "resource": "blobs", "verb": "POST"}),
            ("dan", "PUT", f"/v2/{SHOP}/manifests/v1",
             {"name": SHOP, "reference": "v1", "principal": "dan", "resource": "manifests", "verb": "PUT",
              "tag": "v1"}),
            ("web-ci", "PUT", f"/v2/{SHOP}/manifests/{digest}?tag=build-1&tag=v1",
             {"name": SHOP, "reference": digest, "principal": "web-ci", "resource": "manifests", "verb": "PUT",
              "tag": "v1"}),
            (None, "GET", "/v2/_catalog", {"resource": "catalog", "verb": "GET"}),
            (None, "DELETE", f"/v2/{SHOP}/manifests/v1",
             {"name": SHOP, "reference": "v1", "resource": "manifests", "verb": "DELETE", "tag": "v1"}),
        ):  # fmt: skip
            with self.subTest(user=user, method=method, path=path):
                for _ in range(2):  # The second answer comes from the cache.
                    client = self.as_user(user, TOKEN if user == "web-ci" else None)
                    answer = client.request(method, path, expect=None)
                    self.assertEqual(answer.json()["errors"][0]["detail"], detail, answer)

    def test_a_team_pushes_into_its_folder_and_does_not_delete(self):
        wendy = self.as_user("wendy")
        image = wendy.push_image(SHOP, "v1")
        self.assertEqual(wendy.get(f"/v2/{SHOP}/manifests/v1").body, image)
        for path in (f"/v2/{SHOP}/manifests/v1", f"/v2/{SHOP}/manifests/{digest_of(image)}",
                     f"/v2/{SHOP}/blobs/{digest_of(b'a layer')}"):  # fmt: skip
            self.expect_error(wendy.delete(path, expect=None), 403, "DENIED")
        wendy.post("/v2/data/lake/blobs/uploads/", expect=403)

    def test_an_upload_is_cancelled_without_the_right_to_delete(self):
        wendy = self.as_user("wendy")
        wendy.delete(wendy.begin_upload(SHOP), expect=204)

    def test_a_guest_pulls_by_tag_and_by_digest_from_one_repository_only(self):
        image = self.admin.push_image(SHOP, "v1")
        self.admin.push_image("web/other", "v1")
        dan = self.as_user("dan")
        for reference in ("v1", digest_of(image)):
            self.assertEqual(dan.get(f"/v2/{SHOP}/manifests/{reference}").body, image)
        dan.get("/v2/web/other/manifests/v1", expect=403)

    def test_only_tags_that_a_scope_names_can_be_set(self):
        ci = self.as_user("web-ci", TOKEN)
        image = ci.push_image(SHOP, "build-7")
        self.expect_error(ci.put_manifest(SHOP, "v1", image, expect=None), 403, "DENIED")
        by_digest = f"/v2/{SHOP}/manifests/{digest_of(image)}"
        content = {"Content-Type": json.loads(image)["mediaType"]}
        ci.put(f"{by_digest}?tag=latest&tag=build-8", image, content)
        ci.put(f"{by_digest}?tag=latest&tag=v1", image, content, expect=403)
        self.assertEqual(self.admin.get(f"/v2/{SHOP}/tags/list").json()["tags"], ["build-7", "build-8", "latest"])

    def test_a_mount_from_what_the_caller_may_not_read_is_a_plain_upload(self):
        digest = self.admin.push_blob("secret/thing", b"a blob")
        wendy = self.as_user("wendy")
        wendy.post(f"/v2/{SHOP}/blobs/uploads/?mount={digest}&from=secret/thing", expect=202)
        wendy.post(f"/v2/{SHOP}/blobs/uploads/?mount={digest}", expect=202)
        self.admin.push_blob("web/other", b"a blob")
        wendy.post(f"/v2/{SHOP}/blobs/uploads/?mount={digest}", expect=201)

    def test_tags_that_the_caller_may_not_list_are_not_listed(self):
        for tag in ("build-1", "build-2", "latest", "v1", "v2"):
            self.admin.push_image(SHOP, tag)
        ci = self.as_user("web-ci", TOKEN)
        self.assertEqual(ci.get(f"/v2/{SHOP}/tags/list").json()["tags"], ["build-1", "build-2", "latest"])
        answer = ci.get(f"/v2/{SHOP}/tags/list?n=2")
        self.assertEqual(answer.json()["tags"], ["build-1", "build-2"])
        self.assertIn("last=build-2", answer.headers["Link"])
        self.assertIsNone(ci.get(f"/v2/{SHOP}/tags/list?n=3").headers["Link"])

    def test_the_catalog_shows_what_the_caller_may_read(self):
        for name in ("data/lake", PUBLIC, SHOP, "web/blog", "zoo/secret"):
            self.admin.push_image(name, "v1")
        names = lambda client: client.get("/v2/_catalog").json()["repositories"]  # noqa: E731
        self.assertEqual(names(self.admin), ["data/lake", PUBLIC, "web/blog", SHOP, "zoo/secret"])
        self.assertEqual(names(self.as_user("wendy")), ["web/blog", SHOP])
        self.assertEqual(names(self.as_user("dan")), ["data/lake", SHOP])
        page = self.as_user("dan").get("/v2/_catalog?n=1")
        self.assertEqual(page.json()["repositories"], ["data/lake"])
        link = page.headers["Link"].partition(">")[0].removeprefix("<")
        self.assertEqual(self.as_user("dan").get(link).json()["repositories"], [SHOP])

    def test_a_user_without_a_password_cannot_log_in_with_any(self):
        for password in ("", "web-ci-example", " "):
            self.as_user("web-ci", password).get("/v2/", expect=401)
        self.as_user("anonymous").get("/v2/", expect=401)

    def test_a_token_is_a_bearer_token_and_its_users_password(self):
        self.as_user("web-ci", TOKEN).get("/v2/")
        bearer = self.registry.client(f"Bearer {TOKEN}")
        self.addCleanup(bearer.close)
        bearer.push_image(SHOP, "build-1")
        # It does not work as another user's password.
        self.as_user("wendy", TOKEN).get("/v2/", expect=401)

    def test_the_token_service_grants_what_the_user_could_have(self):
        def granted(client, scope):
            token = client.get(f"/token?scope={scope}").json()["token"]

            def decode(text):
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

            # Nine bytes for each scope: a hash of its name, then a bit for each action.
            entries = decode(json.loads(decode(token.split(".")[1]))["access"])
            self.assertEqual(len(entries) % 9, 0)
            actions = ("pull", "push", "delete", "*")
            return [[a for bit, a in enumerate(actions) if bits >> bit & 1] for bits in entries[8::9]]

        self.assertEqual(
            granted(self.as_user("wendy"), f"repository:{SHOP}:pull,push,delete"), [["pull", "push"]]
        )
        self.assertEqual(granted(self.as_user("dan"), f"repository:{SHOP}:pull,push"), [["pull"]])
        self.assertEqual(granted(self.as_user(None), f"repository:{PUBLIC}:pull,push"), [["pull"]])
        self.assertEqual(granted(self.as_user(None), f"repository:{SHOP}:pull"), [])

    def test_a_bearer_token_does_not_outlive_its_right(self):
        self.admin.push_image(SHOP, "v1")
        token = self.as_user("dan").get(f"/token?scope=repository:{SHOP}:pull").json()["token"]
        client = self.registry.client(f"Bearer {token}")
        self.addCleanup(client.close)
        client.get(f"/v2/{SHOP}/manifests/v1")
        self.edit("users.yaml", "groups: [data, web-guests]", "groups: [data]")
        self.reload()
        wait_for(lambda: client.get(f"/v2/{SHOP}/manifests/v1", expect=None).status == 403, "403", timeout_s=2)


class Files(PolicyTestCase):
    def test_without_the_user_anonymous_the_registry_is_private(self):
        text = (self.cfgdir / "users.yaml").read_text()
        (self.cfgdir / "users.yaml").write_text(text.replace("name: anonymous", "name: somebody"))
        self.start()
        self.admin.push_image(PUBLIC, "v1")
        self.as_user(None).get(f"/v2/{PUBLIC}/manifests/v1", expect=401)

    def test_folders_may_come_from_the_environment(self):
        other = self.folder / "other"
        other.mkdir()
        (self.cfgdir / "roles.yaml").rename(other / "roles.yaml")
        environment = {"SIMPLE_REGISTRY_CFGDIR": f"{self.cfgdir}, {other}"}
        done = run_binary("check", env=environment)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_short_token_secret_is_warned_of(self):
        self.start("-tokensecret", "short")
        warnings = [line["message"] for line in self.registry.logged(level="warning")]
        self.assertTrue(any("the token secret is shorter than 16 bytes" in text for text in warnings), warnings)

    def test_admin_flags_have_no_effect_with_files_and_are_warned_of(self):
        self.start(password=PASSWORD)
        warnings = [line["message"] for line in self.registry.logged(level="warning")]
        self.assertTrue(any("-adminpwd has no effect" in text for text in warnings), warnings)
        self.as_user("admin", PASSWORD).get("/v2/", expect=401)
        self.admin.get("/v2/")

    def test_a_change_is_live_after_sighup_and_a_bad_one_changes_nothing(self):
        self.start()
        self.as_user("late").get("/v2/", expect=401)
        hash_ = run_binary("genhash", stdin=b"late-example").stdout.decode().strip()
        with open(self.cfgdir / "users.yaml", "a") as users:
            users.write(EXTRA_USER.replace("PASSWORD_HASH", hash_))
        self.reload()
        self.as_user("late").get("/v2/_catalog")
        self.edit("rolebindings.yaml", "name: everything", "name: evrything")
        line = self.reload("cannot reload the policy: it stays unchanged")
        self.assertIn("rolebindings.yaml:", line["error"])
        self.assertIn("evrything", line["error"])
        self.as_user("late").get("/v2/_catalog")

    def test_files_that_are_emptied_change_nothing(self):
        self.start()
        refused = "cannot reload the policy: it stays unchanged"
        users = self.cfgdir / "users.yaml"
        users.rename(self.folder / "kept")
        users.touch()
        self.assertIn("users.yaml:1: is empty", self.reload(refused)["error"])
        for path in self.cfgdir.iterdir():
            path.unlink()
        self.assertIn("no *.yaml or *.yml files in", self.reload(refused)["error"])
        self.as_user("web-ci", TOKEN).get("/v2/")
        status, _, _ = Check.check(self, "-cfgdir", self.cfgdir)
        self.assertEqual(status, 1)

    def test_what_is_not_in_this_version_is_said_once(self):
        shutil.copy(EXAMPLES / "pull-through-cache.yaml", self.cfgdir)
        self.start("-ui=true")
        self.reload()
        for what in ("PullThroughCache", "ui"):
            message = f"{what} has no effect: this version does not support it"
            self.assertEqual(len(self.registry.logged(message=message)), 1, message)

    def test_what_configuration_says_is_read_at_the_start_only_and_a_reload_says_so(self):
        shutil.copy(EXAMPLES / "configuration.yaml", self.cfgdir)
        self.start()
        warning = "the Configuration has changed: restart the registry to apply it"
        self.reload()
        self.assertEqual(self.registry.log(message=warning), [])
        self.edit("configuration.yaml", "tokenTimeout: 5m", "tokenTimeout: 10m")
        self.reload()
        self.registry.logged(message=warning)
        self.assertEqual(self.admin.get("/token").json()["expires_in"], 300)

    def test_a_changed_password_ends_the_tokens_of_its_user(self):
        self.start()
        token = self.as_user("wendy").get(f"/token?scope=repository:{SHOP}:push").json()["token"]
        client = self.registry.client(f"Bearer {token}")
        self.addCleanup(client.close)
        client.get("/v2/")
        hash_ = run_binary("genhash", stdin=b"another").stdout.decode().strip()
        self.edit("users.yaml", "$2b$10$Gr1cSPeI6OtorGeRgQNpA.xz44G7CI.U9cpkNoTNgU3Fl2u/gvJzu", hash_)
        self.reload()
        wait_for(lambda: client.get("/v2/", expect=None).status == 401, "401", timeout_s=2)
        self.as_user("wendy", "another").get("/v2/")

    def test_registries_with_the_same_token_secret_take_each_others_tokens(self):
        self.start("-tokensecret", "a secret that both know")
        token = self.admin.get("/token?scope=registry:catalog:*").json()["token"]
        for secret, status in (("a secret that both know", 200), ("another secret", 401)):
            with self.subTest(secret=secret):
                other = Registry(self.folder / secret.replace(" ", "-"), "-cfgdir", self.cfgdir,
                                 "-tokensecret", secret, password=None)  # fmt: skip
                other.folder.mkdir()
                other.start()
                self.addCleanup(other.stop)
                client = other.client(f"Bearer {token}")
                self.addCleanup(client.close)
                client.get("/v2/_catalog", expect=status)

    def test_the_token_timeout_is_at_least_60_seconds(self):
        self.start("-tokentimeout", "2m")
        self.assertEqual(self.admin.get("/token").json()["expires_in"], 120)
        self.registry.stop()
        self.start("-tokentimeout", "5")
        self.assertEqual(self.admin.get("/token").json()["expires_in"], 60)

    def test_a_flag_wins_over_the_same_in_a_file(self):
        shutil.copy(EXAMPLES / "configuration.yaml", self.cfgdir)
        # Every test passes the flags -addr and -datadir.
        self.start()
        self.assertEqual(self.admin.get("/token").json()["expires_in"], 300)
        self.assertTrue((self.registry.datadir / "storage" / "node-id").exists())


class Check(PolicyTestCase):
    def check(self, *arguments):
        done = run_binary("check", *arguments)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_good_files_are_counted(self):
        status, output, errors = self.check("-cfgdir", self.cfgdir)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output, "ok: 5 users, 3 roles, 6 role bindings, 1 tokens\n")

    def test_everything_that_is_wrong_is_named_with_file_line_and_field(self):
        self.edit("roles.yaml", "verbs: [GET, POST, PUT, PATCH]", "verbs: [GET, PUSH]")
        self.edit("users.yaml", "kind: User\nmetadata:\n  name: wendy", "kind: Usr\nmetadata:\n  name: wendy")
        self.edit("rolebindings.yaml", '["^mirror/.+$"]', '["^mirror/(.+$"]')
        status, _, errors = self.check("-cfgdir", self.cfgdir)
        self.assertEqual(status, 1)
        for word in ("roles.yaml:", "spec.verbs[1]", "PUSH", "users.yaml:", "Usr", "rolebindings.yaml:", "spec.scopes[0]"):
            self.assertIn(word, errors)

    def test_a_scope_that_never_matches_a_tag_is_warned_of(self):
        self.edit("rolebindings.yaml", '["^web/shop(:.+)?$"]', '["^web/shop$"]')
        status, _, errors = self.check("-cfgdir", self.cfgdir)
        self.assertEqual(status, 0)
        self.assertIn("warning: ", errors)
        self.assertIn("rolebindings.yaml:", errors)
        self.assertIn("matches no tag", errors)

    def test_a_configuration_that_serve_refuses_is_told(self):
        configuration = self.cfgdir / "configuration.yaml"
        head = "apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: Configuration\n"
        for setting, status, told in (
            ("addr: nonsense", 1, 'configuration.yaml:3: spec.web.addr: invalid address "nonsense": '),
            ("addr: ':70000'", 1, "configuration.yaml:3: spec.web.addr: invalid address"),
            ("publicUrl: r.example", 1,
             'configuration.yaml:3: spec.web.publicUrl: "r.example" is not an absolute URL; expected https://'),
            ("publicUrl: 'https://r.example/x'", 1, "configuration.yaml:3: spec.web.publicUrl: "),
            ("keyfile: /x", 0, "configuration.yaml:3: spec.web.keyfile: needs certfile too"),
            ("certfile: /x", 0, "configuration.yaml:3: spec.web.certfile: needs keyfile too"),
        ):  # fmt: skip
            with self.subTest(setting=setting):
                configuration.write_text(f"{head}spec: {{web: {{{setting}}}}}\n")
                got, _, errors = self.check("-cfgdir", self.cfgdir)
                self.assertEqual(got, status)
                self.assertIn(told, errors)
                done = run_binary("serve", "-cfgdir", self.cfgdir, "-datadir", self.folder / "d")
                self.assertEqual(done.returncode, 1)

    def test_wrong_flags_are_status_2(self):
        for arguments in ((), ("-cfgdir",), ("-addr", ":1"), ("-cfgdir", "x", "-datadir", "y"), ("-nope",)):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.check(*arguments)[0], 2)

    def test_a_missing_folder_is_named(self):
        status, _, errors = self.check("-cfgdir", self.folder / "nowhere")
        self.assertEqual(status, 1)
        self.assertIn("nowhere", errors)

    def test_serve_ends_with_the_same_errors(self):
        self.edit("roles.yaml", "verbs: [GET, POST, PUT, PATCH]", "verbs: [GET, PUSH]")
        registry = self.new_registry("-cfgdir", self.cfgdir, password=None).launch()
        self.assertEqual(registry.process.wait(30), 1)
        self.assertIn("roles.yaml:", registry.raw_log())


if __name__ == "__main__":
    unittest.main()
