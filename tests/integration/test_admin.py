"""The admin API: access changes while the registry serves."""

import os
import random
import shutil
import stat
import threading
import time

import grpc
from admin_api import AdminApi, AdminError
from registry import PASSWORD, RegistryTestCase, basic, run_binary, wait_for
from test_policy import PolicyTestCase

# Time after a change until all gateways must apply it.
LIVE_S = 2
ALL_RESOURCES = ["RESOURCE_BLOBS", "RESOURCE_MANIFESTS", "RESOURCE_TAGS", "RESOURCE_CATALOG"]
PUSH_VERBS = ["VERB_GET", "VERB_POST", "VERB_PUT", "VERB_PATCH"]


class AdminTestCase(RegistryTestCase):
    def admin_api(self, registry=None, **options):
        api = AdminApi(f"unix:{(registry or self.registry).datadir}/admin.sock", **options)
        self.addCleanup(api.close)
        return api

    def setUp(self):
        super().setUp()
        if self.start_at_once:
            self.api = self.admin_api()

    def expect(self, code, reason, call, *arguments, **fields):
        """The call must fail with these; returns the error."""
        with self.assertRaises(AdminError) as caught:
            call(*arguments, **fields)
        self.assertEqual(caught.exception.code, code, caught.exception)
        if reason:
            self.assertEqual(caught.exception.reason, reason, caught.exception)
        return caught.exception

    def client_of(self, authorization):
        client = self.registry.client(authorization)
        self.addCleanup(client.close)
        return client

    def status(self, authorization, path="/v2/", method="GET"):
        return self.client_of(authorization).request(method, path).status

    def token(self, authorization, scope="repository:team/app:pull,push", **parameters):
        query = "&".join(f"{k}={v}" for k, v in {"scope": scope, **parameters}.items())
        return self.client_of(authorization).get(f"/token?service=simple-registry&{query}").json()

    def soon(self, expected, authorization, path="/v2/"):
        """Within the time that a change may take, a request gets this answer, and keeps getting it."""
        deadline = time.monotonic() + LIVE_S
        while (status := self.status(authorization, path)) != expected:
            self.assertLess(time.monotonic(), deadline, f"{path}: {status} instead of {expected}")
        for _ in range(3):
            self.assertEqual(self.status(authorization, path), expected)

    def make_team(self, user="bob", password="bob's password"):
        """`user` may push to and pull from team/…; returns the user's basic credential."""
        self.api.CreateUser(user_id=user, user={"password": password})
        self.api.CreateGroup(group_id="team", group={"members": [f"users/{user}"]})
        self.api.CreateRole(role_id="push", role={"resources": ALL_RESOURCES, "verbs": PUSH_VERBS})
        self.api.CreateRoleBinding(
            role_binding_id="team-push",
            role_binding={"role": "roles/push", "subjects": ["groups/team"], "scopes": ["^team/", "^$"]},
        )
        return basic(user, password)


class Live(AdminTestCase):
    TAG = "/v2/team/app/manifests/v1"

    def setUp(self):
        super().setUp()
        self.bob = self.make_team()
        self.soon(200, self.bob)
        self.client_of(self.bob).push_image("team/app", "v1")

    def test_a_new_user_of_a_group_works_at_once(self):
        self.assertEqual(self.status(self.bob, self.TAG), 200)
        self.assertEqual(self.status(self.bob, "/v2/other/app/manifests/v1"), 403)

    def test_a_deleted_user_is_out_with_all_tokens(self):
        issued = self.token(self.bob, offline_token="true")
        bearer = f"Bearer {issued['token']}"
        self.assertEqual(self.status(bearer, self.TAG), 200)
        self.api.DeleteUser(name="users/bob")
        self.soon(401, bearer, self.TAG)
        self.soon(401, self.bob)
        # Not even for a new user of that name.
        self.api.CreateUser(user_id="bob", user={"password": "bob's password", "groups": ["groups/team"]})
        self.soon(200, self.bob, self.TAG)
        self.assertEqual(self.status(bearer, self.TAG), 401)
        self.assertEqual(self.refresh(issued["refresh_token"]), 401)

    def refresh(self, refresh_token):
        body = f"grant_type=refresh_token&service=simple-registry&refresh_token={refresh_token}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client_of(None).request("POST", "/token", body.encode(), headers).status

    def test_a_changed_password_ends_tokens(self):
        issued = self.token(self.bob, offline_token="true")
        self.assertEqual(self.refresh(issued["refresh_token"]), 200)
        self.api.UpdateUser(user={"name": "users/bob", "password": "another one"})
        self.soon(401, f"Bearer {issued['token']}", self.TAG)
        self.soon(401, self.bob)
        self.assertEqual(self.refresh(issued["refresh_token"]), 401)
        self.assertEqual(self.status(basic("bob", "another one"), self.TAG), 200)

    def test_revoking_ends_what_was_issued_and_nothing_else(self):
        issued = self.token(self.bob, offline_token="true")
        admin = self.token(basic("admin", PASSWORD))
        self.api.RevokeUserTokens(name="users/bob")
        self.soon(401, f"Bearer {issued['token']}", self.TAG)
        self.assertEqual(self.refresh(issued["refresh_token"]), 401)
        self.assertEqual(self.status(self.bob, self.TAG), 200)
        self.assertEqual(self.status(f"Bearer {self.token(self.bob)['token']}", self.TAG), 200)
        self.assertEqual(self.status(f"Bearer {admin['token']}", self.TAG), 200)

    def test_tokens_of_configured_users_are_revoked_too(self):
        bearer = f"Bearer {self.token(basic('admin', PASSWORD))['token']}"
        self.assertEqual(self.status(bearer, self.TAG), 200)
        self.api.RevokeUserTokens(name="users/admin")
        self.soon(401, bearer, self.TAG)

    def test_a_shrunken_right_ends_for_tokens_already_issued(self):
        bearer = f"Bearer {self.token(self.bob)['token']}"
        self.assertEqual(self.status(bearer, "/v2/team/app/blobs/uploads/", "POST"), 202)
        self.api.UpdateRole(role={"name": "roles/push", "verbs": ["VERB_GET"]})
        deadline = time.monotonic() + LIVE_S
        while self.status(bearer, "/v2/team/app/blobs/uploads/", "POST") != 403:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.status(bearer, self.TAG), 200)
        self.api.UpdateGroup(group={"name": "groups/team"}, update_mask="members")
        self.soon(403, bearer, self.TAG)

    def test_a_token_works_as_bearer_and_password_until_it_is_deleted(self):
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob"}).value
        self.assertGreaterEqual(len(value), 32)
        for authorization in (f"Bearer {value}", basic("bob", value)):
            self.soon(200, authorization, self.TAG)
        self.assertEqual(self.api.GetToken(name="tokens/ci").value, "")
        self.api.DeleteToken(name="tokens/ci")
        for authorization in (f"Bearer {value}", basic("bob", value)):
            self.soon(401, authorization, self.TAG)

    def test_a_token_ends_when_it_expires(self):
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob"}).value
        self.soon(200, f"Bearer {value}", self.TAG)
        self.api.UpdateToken(token={"name": "tokens/ci", "expire_time": "2020-01-01T00:00:00Z"})
        self.soon(401, f"Bearer {value}", self.TAG)
        self.api.UpdateToken(token={"name": "tokens/ci"}, update_mask="expireTime")
        self.soon(200, f"Bearer {value}", self.TAG)

    def test_what_a_token_got_ends_with_the_token_and_nothing_else_does(self):
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob"}).value
        self.soon(200, basic("bob", value))
        by_token = self.token(basic("bob", value), offline_token="true")
        by_password = self.token(self.bob, offline_token="true")
        for issued in (by_token, by_password):
            self.assertEqual(self.status(f"Bearer {issued['token']}", self.TAG), 200)
            self.assertEqual(self.refresh(issued["refresh_token"]), 200)
        self.api.DeleteToken(name="tokens/ci")
        self.soon(401, f"Bearer {by_token['token']}", self.TAG)
        self.assertEqual(self.refresh(by_token["refresh_token"]), 401)
        self.assertEqual(self.status(f"Bearer {by_password['token']}", self.TAG), 200)
        self.assertEqual(self.refresh(by_password["refresh_token"]), 200)

    def test_a_password_change_leaves_what_a_token_got(self):
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob"}).value
        self.soon(200, basic("bob", value))
        bearer = f"Bearer {self.token(basic('bob', value))['token']}"
        self.api.UpdateUser(user={"name": "users/bob", "password": "another one"})
        self.soon(401, self.bob, self.TAG)
        self.assertEqual(self.status(bearer, self.TAG), 200)
        self.api.RevokeUserTokens(name="users/bob")
        self.soon(401, bearer, self.TAG)

    def test_a_token_that_expires_is_not_remembered_in_any_form(self):
        expires = time.time() + 4
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob", "expire_time": text}).value
        forms = [f"Bearer {value}", basic("bob", value)]
        self.soon(200, forms[1], self.TAG)
        issued = self.token(forms[1], offline_token="true")
        forms.append(f"Bearer {issued['token']}")
        clients = [self.client_of(form) for form in forms]
        while time.time() < int(expires) - 1:
            for client in clients:
                client.get(self.TAG)
        wait_for(lambda: time.time() >= expires, "the end of the token")
        for client in clients:
            client.get(self.TAG, expect=401)
        self.assertEqual(self.refresh(issued["refresh_token"]), 401)

    def test_anonymous_clients_get_rights_like_anybody(self):
        self.assertEqual(self.status(None, self.TAG), 401)
        self.api.CreateUser(user_id="anonymous", user={})
        self.api.CreateRole(role_id="pull", role={"resources": ALL_RESOURCES, "verbs": ["VERB_GET"]})
        self.api.CreateRoleBinding(
            role_binding_id="public",
            role_binding={"role": "roles/pull", "subjects": ["users/anonymous"], "scopes": ["^team/app"]},
        )
        self.soon(200, None, self.TAG)
        self.api.DeleteUser(name="users/anonymous")
        self.soon(401, None, self.TAG)

    def test_explain_says_what_requests_meet(self):
        explained = self.api.Explain(subject="users/bob", action="pull", repository="team/app:v1")
        self.assertTrue(explained.allowed)
        self.assertEqual((explained.role_binding, explained.role), ("roleBindings/team-push", "roles/push"))
        explained = self.api.Explain(subject="users/bob", action="delete", repository="team/app:v1")
        self.assertFalse(explained.allowed)
        answer = self.client_of(self.bob).request("DELETE", self.TAG)
        self.expect_error(answer, 403, "DENIED")
        self.assertIn(explained.nearest_miss, answer.error_message())
        self.assertIn('"team-push"', explained.nearest_miss)

    def test_changes_are_there_after_kill_9(self):
        self.registry.kill()
        self.registry.start()
        self.assertEqual(self.status(self.bob, self.TAG), 200)
        self.assertEqual([u.name for u in self.admin_api().ListUsers().users], ["users/admin", "users/bob"])


class Conventions(AdminTestCase):
    def test_a_resource_is_made_read_listed_changed_and_deleted(self):
        made = self.api.CreateUser(user_id="bob", user={"password": "secret"})
        self.assertEqual((made.name, made.password_set, made.password), ("users/bob", True, ""))
        self.assertEqual(self.api.GetUser(name="users/bob"), made)
        self.api.CreateGroup(group_id="devs", group={})
        changed = self.api.UpdateUser(user={"name": "users/bob", "groups": ["groups/devs"]})
        self.assertEqual(list(changed.groups), ["groups/devs"])
        self.assertTrue(changed.password_set)
        self.assertNotEqual(changed.etag, made.etag)
        self.assertEqual(list(self.api.GetGroup(name="groups/devs").members), ["users/bob"])
        self.api.DeleteUser(name="users/bob", etag=changed.etag)
        self.expect(grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND", self.api.GetUser, name="users/bob")
        self.api.DeleteUser(name="users/bob", allow_missing=True)

    def test_errors_have_codes_and_details(self):
        self.api.CreateUser(user_id="bob", user={})
        error = self.expect(
            grpc.StatusCode.ALREADY_EXISTS, "RESOURCE_EXISTS", self.api.CreateUser, user_id="bob", user={}
        )
        self.assertEqual(error.details["ResourceInfo"].resource_name, "users/bob")
        self.assertEqual(error.details["ResourceInfo"].resource_type, "registry.v1.User")
        error = self.expect(
            grpc.StatusCode.ABORTED, "ETAG_MISMATCH", self.api.DeleteUser, name="users/bob", etag="old"
        )
        error = self.expect(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", self.api.CreateUser,
            user_id="eve", user={"password": "x" * 73},
        )  # fmt: skip
        self.assertEqual(error.details["BadRequest"].field_violations[0].field, "user.password")
        self.expect(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", self.api.UpdateUser,
            user={"name": "users/bob"}, update_mask="origin",
        )  # fmt: skip
        self.expect(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", self.api.GetUser, name="bob")
        self.expect(
            grpc.StatusCode.FAILED_PRECONDITION, "RESOURCE_NOT_FOUND", self.api.CreateToken,
            token_id="t", token={"user": "users/none"},
        )  # fmt: skip

    def test_what_the_flags_say_is_read_only(self):
        admin = self.api.GetUser(name="users/admin")
        self.assertEqual(admin.origin, "the admin flags of serve")
        error = self.expect(
            grpc.StatusCode.FAILED_PRECONDITION, "READ_ONLY", self.api.UpdateUser,
            user={"name": "users/admin", "password": "mine"},
        )  # fmt: skip
        self.assertIn("the admin flags of serve", error.message)
        self.expect(
            grpc.StatusCode.FAILED_PRECONDITION, "READ_ONLY", self.api.DeleteUser, name="users/admin"
        )

    def test_a_password_is_taken_away_by_name_only(self):
        self.api.CreateUser(user_id="bob", user={"password": "secret"})
        self.assertTrue(self.api.UpdateUser(user={"name": "users/bob"}).password_set)
        gone = self.api.UpdateUser(user={"name": "users/bob"}, update_mask="password")
        self.assertFalse(gone.password_set)
        self.assertEqual(self.status(basic("bob", "secret")), 401)

    def test_pages_hold_everything_once(self):
        names = [f"u{i:03}" for i in range(23)]
        for name in random.sample(names, len(names)):
            self.api.CreateUser(user_id=name, user={})
        seen, token, pages = [], "", 0
        while True:
            page = self.api.ListUsers(page_size=5, page_token=token)
            seen += [user.name for user in page.users]
            pages += 1
            token = page.next_page_token
            if not token:
                break
            self.assertEqual(len(page.users), 5)
        self.assertEqual(seen, ["users/admin"] + [f"users/{name}" for name in names])
        self.assertEqual(pages, 5)
        self.expect(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", self.api.ListUsers, page_token="nonsense"
        )
        self.expect(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", self.api.ListUsers, page_size=-1)

    def test_no_update_is_lost(self):
        self.api.CreateGroup(group_id="all", group={})
        names = [f"users/u{i}" for i in range(24)]
        for name in names:
            self.api.CreateUser(user_id=name.removeprefix("users/"), user={})

        def join(mine):
            for name in mine:
                while True:
                    group = self.api.GetGroup(name="groups/all")
                    try:
                        self.api.UpdateGroup(
                            group={"name": group.name, "etag": group.etag, "members": [*group.members, name]}
                        )
                        break
                    except AdminError as error:
                        self.assertEqual(error.reason, "ETAG_MISMATCH")

        threads = [threading.Thread(target=join, args=(names[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(self.api.GetGroup(name="groups/all").members), sorted(names))

    def test_every_change_is_in_the_audit_log(self):
        self.api.CreateUser(user_id="bob", user={"password": "a secret of bob"})
        self.api.UpdateUser(user={"name": "users/bob", "password": "another secret"})
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob"}).value
        self.admin_api(user="carol").DeleteUser(name="users/bob")
        self.expect(grpc.StatusCode.NOT_FOUND, None, self.api.DeleteUser, name="users/bob")
        events = self.api.ListAuditEvents().audit_events
        self.assertEqual(
            [(e.principal, e.method, e.resource) for e in events],
            [
                ("local:carol", "DeleteUser", "users/bob"),
                ("local:tester", "CreateToken", "tokens/ci"),
                ("local:tester", "UpdateUser", "users/bob"),
                ("local:tester", "CreateUser", "users/bob"),
                ("process", "Start", ""),
            ],
        )
        self.assertTrue(all(e.peer.startswith("unix:") for e in events[:4]), events)
        self.assertLess(abs(events[0].time.seconds - time.time()), 600)
        self.assertEqual([e.revision for e in events], list(range(events[0].revision, events[0].revision - 5, -1)))
        shown = str(events) + self.registry.raw_log()
        for secret in ("a secret of bob", "another secret", value, "$2b$"):
            self.assertNotIn(secret, shown)
        lines = self.registry.logged(message="the access policy was changed", method="DeleteUser")
        self.assertEqual([line["principal"] for line in lines], ["local:carol"])
        page = self.api.ListAuditEvents(page_size=2)
        rest = self.api.ListAuditEvents(page_size=100, page_token=page.next_page_token)
        self.assertEqual(list(page.audit_events) + list(rest.audit_events), list(events))

    def test_no_secret_is_stored_in_plain_text(self):
        self.api.CreateUser(user_id="bob", user={"password": "a secret of bob"})
        value = self.api.CreateToken(token_id="ci", token={"user": "users/bob"}).value
        for path in self.registry.datadir.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                self.assertNotIn(b"a secret of bob", content, path)
                self.assertNotIn(value.encode(), content, path)


class Server(AdminTestCase):
    def test_only_the_owner_may_use_the_socket(self):
        mode = os.stat(self.registry.datadir / "admin.sock").st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_a_socket_that_was_left_is_replaced(self):
        self.registry.kill()
        self.assertTrue((self.registry.datadir / "admin.sock").exists())
        self.registry.start()
        self.assertEqual(len(self.admin_api().ListUsers().users), 1)
        self.registry.stop()
        self.assertFalse((self.registry.datadir / "admin.sock").exists())

    def test_reflection_tells_generic_clients_what_there_is(self):
        # ServerReflectionRequest{list_services: "*"}
        answer = self.api.raw(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", b"\x3a\x01*", streams=True
        )
        self.assertIn(b"registry.v1.AdminService", answer)

    def test_services_for_gateways_are_not_there(self):
        for method in ("AccessService/Authorize", "MetadataService/ListCatalog", "StorageService/Read"):
            error = self.expect(
                grpc.StatusCode.UNIMPLEMENTED, None, self.api.raw, f"/registry.v1.{method}", b""
            )
            self.assertEqual(error.message, "")

    def test_malformed_messages_are_errors_and_nothing_else(self):
        bodies = [b"\xff" * 10, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xfe", random.randbytes(1000),
                  b"\x0a\x80\x80\x80\x01" + b"a" * 2_097_152]  # fmt: skip
        for method in ("GetUser", "CreateUser", "UpdateRoleBinding", "Explain", "ListTokens", "DeleteGroup"):
            for body in bodies:
                try:
                    self.api.raw(f"/registry.v1.AdminService/{method}", body)
                except AdminError as error:
                    self.assertIn(
                        error.code,
                        # UNIMPLEMENTED is gRPC's own answer to bytes that are not a message.
                        {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT,
                         grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED},
                        error,
                    )  # fmt: skip
        self.assertEqual(len(self.api.ListUsers().users), 1)

    def test_odd_names_are_kept_or_refused_but_break_nothing(self):
        for name in ("ü", "a/b", "..", "' OR 1=1 --", '"', "x" * 255, "\\", "%00", "{}", "a b"):
            self.api.CreateUser(user_id=name, user={})
            self.assertEqual(self.api.GetUser(name=f"users/{name}").name, f"users/{name}")
        for name in ("", "a:b", "a\nb", "\0", "x" * 256):
            self.expect(
                grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", self.api.CreateUser, user_id=name, user={}
            )
        self.assertEqual(len(self.api.ListUsers().users), 11)


class Start(AdminTestCase):
    start_at_once = False

    def test_a_path_too_long_for_a_socket_is_an_error_that_names_the_flag(self):
        datadir = self.folder / ("long-" * 20)
        done = run_binary("serve", "-addr", "127.0.0.1:0", "-datadir", datadir, "-adminpwd", "x")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"too long for a socket", done.stderr)
        self.assertIn(b"-grpcaddr", done.stderr)
        self.assertIn(bytes(datadir / "admin.sock"), done.stderr)

    def test_a_folder_whose_name_is_no_uri_has_its_socket_too(self):
        folder = self.folder / "p%41 q?x#y"
        folder.mkdir()
        self.registry = self.start_registry(folder=folder)
        listed = run_binary("admin", "-datadir", self.registry.datadir, "users", "list")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn(b"admin", listed.stdout)

    def test_something_else_in_the_sockets_place_is_named(self):
        (self.folder / "data" / "admin.sock").mkdir(parents=True)
        done = run_binary("serve", "-addr", "127.0.0.1:0", "-datadir", self.folder / "data", "-adminpwd", "x")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"admin.sock", done.stderr)
        self.assertIn(b"remove the file or folder there", done.stderr)


class Files(AdminTestCase, PolicyTestCase):
    start_at_once = False

    def start(self, *flags, **options):
        super().start(*flags, **options)
        self.api = self.admin_api()

    def test_what_files_say_is_read_only_and_says_where_it_stands(self):
        self.start()
        self.assertRegex(self.api.GetUser(name="users/admin").origin, r"users\.yaml:\d+$")
        self.assertRegex(self.api.GetGroup(name="groups/admins").origin, r"users\.yaml:\d+$")
        calls = [
            (self.api.UpdateUser, {"user": {"name": "users/admin", "groups": []}}),
            (self.api.DeleteUser, {"name": "users/admin"}),
            (self.api.DeleteGroup, {"name": "groups/admins"}),
            (self.api.UpdateRole, {"role": {"name": "roles/pull", "verbs": ["VERB_PUT"]}}),
            (self.api.DeleteRoleBinding, {"name": "roleBindings/public-mirror"}),
        ]
        for call, fields in calls:
            error = self.expect(grpc.StatusCode.FAILED_PRECONDITION, "READ_ONLY", call, **fields)
            self.assertIn(".yaml:", error.message)
        error = self.expect(
            grpc.StatusCode.FAILED_PRECONDITION, None, self.api.DeleteRole, name="roles/pull"
        )

    def test_configured_groups_get_more_members(self):
        self.start()
        self.api.CreateUser(user_id="late", user={"password": "late-example", "groups": ["groups/admins"]})
        self.assertIn("users/late", self.api.GetGroup(name="groups/admins").members)
        self.soon(200, basic("late", "late-example"), "/v2/_catalog")

    def test_files_are_reloaded_by_the_api_and_a_bad_one_changes_nothing(self):
        self.start()
        before = self.api.ReloadFiles().revision
        self.edit("rolebindings.yaml", "name: everything", "name: missing")
        error = self.expect(grpc.StatusCode.INVALID_ARGUMENT, None, self.api.ReloadFiles)
        self.assertIn("rolebindings.yaml:", error.message)
        self.assertIn("missing", error.message)
        self.assertEqual(self.status(basic("admin", "admin-example"), "/v2/_catalog"), 200)
        self.assertEqual(
            len(self.registry.logged(message="cannot reload the policy: it stays unchanged")), 1
        )
        self.edit("rolebindings.yaml", "name: missing", "name: pull")
        reloaded = self.api.ReloadFiles()
        self.assertGreater(reloaded.revision, before)
        self.soon(403, basic("admin", "admin-example"), "/v2/web/shop/blobs/uploads/nothing")
        event = self.api.ListAuditEvents(page_size=1).audit_events[0]
        self.assertEqual((event.principal, event.method), ("local:tester", "ReloadFiles"))
        self.assertIn("admins-everything", event.detail)

    def test_very_many_errors_in_files_are_answered_with_the_first_ones(self):
        self.start()
        text = "".join(
            "---\napiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: RoleBinding\n"
            f"metadata:\n  name: bad{i}\nspec:\n  subjects: [{{kind: Group, name: admins}}]\n"
            f"  roleRef:\n    name: missing-{'x' * 200}-{i}\n  scopes: ['^a$']\n"
            for i in range(50)
        )
        (self.cfgdir / "bad.yaml").write_text(text)
        error = self.expect(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FILES", self.api.ReloadFiles)
        self.assertIn("bad.yaml:9: spec.roleRef.name", error.message)
        self.assertTrue(error.message.endswith("and more: see the log, or run simple-registry check"), error)

    def test_a_reload_by_signal_is_in_the_audit_log_too(self):
        self.start()
        self.edit("users.yaml", "name: admin", "name: boss")
        self.reload()
        event = self.api.ListAuditEvents(page_size=1).audit_events[0]
        self.assertEqual((event.principal, event.method), ("process", "ReloadFiles"))
        self.assertEqual(self.status(basic("admin", "admin-example")), 401)

    def test_without_files_there_is_nothing_to_reload(self):
        self.registry = self.start_registry()
        self.api = self.admin_api()
        self.expect(grpc.StatusCode.FAILED_PRECONDITION, "NO_FILES", self.api.ReloadFiles)

    def test_a_file_may_define_the_name_of_a_made_resource(self):
        self.start()
        self.api.CreateUser(user_id="late", user={"password": "made-by-hand"})
        shutil.copy(self.cfgdir / "users.yaml", self.cfgdir / "more.yaml")
        text = (self.cfgdir / "users.yaml").read_text()
        document = next(d for d in text.split("---\n") if "name: admin\n" in d)
        (self.cfgdir / "more.yaml").write_text(document.replace("name: admin", "name: late"))
        self.reload()
        self.soon(401, basic("late", "made-by-hand"))
        self.assertEqual(self.status(basic("late", "admin-example")), 200)
        self.assertIn("more.yaml", self.api.GetUser(name="users/late").origin)
        wait_for(
            lambda: any('"late" of the admin API is replaced' in line["message"] for line in self.registry.log()),
            "the warning",
        )

