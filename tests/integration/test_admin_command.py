"""`simple-registry admin` against a running registry, over the socket in its data folder."""

import collections
import json
import os
import pathlib
import pty
import select
import subprocess
import time

from admin_api import AdminApi
from registry import BINARY, RegistryTestCase, basic, clean_environment, run_binary, wait_for
from test_policy import PolicyTestCase

TOKEN_VALUE = "chosen-0123456789abcdef"

# For output that fits its columns.
Table = collections.namedtuple("Table", "header rows")


def read_table(text):
    """Cells by the columns of the header: each begins where its header does."""
    lines = text.splitlines()
    starts = [i for i in range(len(lines[0])) if lines[0][i] != " " and (i == 0 or lines[0][i - 2 : i] == "  ")]
    cut = [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None])] for line in lines]
    for line in lines[1:]:
        for start in starts[1:]:
            assert line[start - 2 : start] == "  ", f"columns are not aligned:\n{text}"
    return Table(cut[0], cut[1:])


class CommandTestCase(RegistryTestCase):
    def run_admin(self, *arguments, stdin=b"", env=None, **options):
        where = () if env else ("-datadir", self.registry.datadir)
        return run_binary("admin", *where, *arguments, stdin=stdin, env=env, **options)

    def output(self, *arguments, stdin=b""):
        """The command's output; it must succeed, and print no errors."""
        done = self.run_admin(*arguments, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return done.stdout.decode()

    def json(self, *arguments, **options):
        return json.loads(self.output(*arguments, "-o", "json", **options))

    def table(self, *arguments, **options):
        return read_table(self.output(*arguments, **options))

    def fails(self, *arguments, status=1, **options):
        """It must fail with that status and print one sentence, which is returned."""
        done = self.run_admin(*arguments, **options)
        self.assertEqual(done.returncode, status, done)
        self.assertEqual(done.stdout, b"", done)
        message = done.stderr.decode()
        self.assertRegex(message, r"\Asimple-registry: [^\n]+\n\Z")
        return message

    def status(self, authorization, path="/v2/"):
        client = self.registry.client(authorization)
        self.addCleanup(client.close)
        return client.request("GET", path).status

    def soon(self, expected, authorization):
        wait_for(lambda: self.status(authorization) == expected, f"status {expected}", timeout_s=2)


class Resources(CommandTestCase):
    def test_users_are_created_with_a_password_from_standard_input(self):
        self.output("groups", "create", "devs")
        shown = self.table("users", "create", "bob", "-groups", "devs", stdin=b"bob's password\n")
        self.assertEqual(shown, (["NAME", "PASSWORD", "GROUPS", "ORIGIN"], [["bob", "yes", "devs", "-"]]))
        self.assertEqual(self.status(basic("bob", "bob's password")), 200)

    def test_users_without_a_password_do_not_ask_for_one(self):
        self.assertEqual(self.table("users", "create", "ci", "-nopassword").rows, [["ci", "no", "-", "-"]])

    def test_tables_have_aligned_columns_in_the_order_of_names(self):
        for name in ("a-user-with-a-long-name", "zoë", "b"):
            self.output("users", "create", name, "-nopassword")
        header, rows = self.table("users", "list")
        self.assertEqual(header, ["NAME", "PASSWORD", "GROUPS", "ORIGIN"])
        self.assertEqual([row[0] for row in rows], ["a-user-with-a-long-name", "admin", "b", "zoë"])
        self.assertEqual(rows[1], ["admin", "yes", "-", "the admin flags of serve"])

    def test_lists_of_many_pages_are_shown_whole(self):
        api = AdminApi(f"unix:{self.registry.datadir}/admin.sock")
        self.addCleanup(api.close)
        for i in range(1005):
            api.CreateGroup(group_id=f"g{i:04}", group={})
        self.assertEqual([g["name"] for g in self.json("groups", "list")["groups"]],
                         [f"groups/g{i:04}" for i in range(1005)])  # fmt: skip

    def test_json_has_the_messages_of_the_api(self):
        self.output("users", "create", "bob", "-nopassword")
        one = self.json("users", "get", "bob")
        self.assertEqual(one.pop("etag"), self.json("users", "get", "bob")["etag"])
        self.assertEqual(one, {"name": "users/bob", "passwordSet": False, "groups": [], "origin": ""})
        both = self.json("users", "get", "bob", "admin")
        self.assertEqual([user["name"] for user in both["users"]], ["users/bob", "users/admin"])

    def test_memberships_change_from_both_sides(self):
        for name in ("bob", "eve", "dan"):
            self.output("users", "create", name, "-nopassword")
        self.output("groups", "create", "devs", "-members", "bob,eve")
        self.output("groups", "create", "ops")
        self.assertEqual(self.table("groups", "update", "devs", "-addmembers", "users/dan", "-removemembers",
                                    "eve").rows, [["devs", "bob, dan", "-"]])  # fmt: skip
        self.assertEqual(self.table("users", "update", "bob", "-addgroups", "ops").rows[0][2], "devs, ops")
        self.assertEqual(self.table("users", "update", "bob", "-removegroups", "devs,ops").rows[0][2], "-")
        self.assertEqual(self.table("users", "update", "bob", "-groups", "devs, ops").rows[0][2], "devs, ops")
        self.assertEqual(self.table("users", "update", "bob", "-groups", "").rows[0][2], "-")
        self.assertEqual(self.table("groups", "get", "devs", "ops").rows, [["devs", "dan", "-"], ["ops", "-", "-"]])

    def test_passwords_are_changed_and_taken_away(self):
        self.output("users", "create", "bob", stdin=b"first\n")
        self.output("users", "update", "bob", "-password", stdin=b"second")
        self.soon(401, basic("bob", "first"))
        self.assertEqual(self.status(basic("bob", "second")), 200)
        self.assertEqual(self.table("users", "update", "bob", "-nopassword").rows, [["bob", "no", "-", "-"]])
        self.soon(401, basic("bob", "second"))

    def test_roles_and_bindings_give_rights_and_take_them(self):
        self.output("users", "create", "bob", stdin=b"bob's password")
        self.assertEqual(
            self.table("roles", "create", "pull", "-resources", "blobs,manifests", "-verbs", "get").rows,
            [["pull", "blobs, manifests", "GET", "-"]],
        )
        self.assertEqual(
            self.table("bindings", "create", "bob-pull", "-role", "pull", "-subjects", "bob", "-scopes",
                       "^team/.{1,5}$", "-scopes", "^x").rows,
            [["bob-pull", "pull", "users/bob", "^team/.{1,5}$, ^x", "-"]],
        )  # fmt: skip
        bob = basic("bob", "bob's password")
        self.assertEqual(self.status(bob, "/v2/team/app/manifests/v1"), 403)
        self.assertEqual(self.status(bob, "/v2/xy/manifests/v1"), 404)
        self.output("roles", "update", "pull", "-addresources", "tags", "-addverbs", "PUT,DELETE",
                   "-removeresources", "manifests", "-removeverbs", "DELETE")  # fmt: skip
        self.assertEqual(self.table("roles", "get", "pull").rows, [["pull", "blobs, tags", "GET, PUT", "-"]])
        self.assertEqual(self.table("roles", "update", "pull", "-verbs", "*", "-resources", "*").rows,
                         [["pull", "*", "*", "-"]])  # fmt: skip
        self.output("groups", "create", "devs")
        self.output("bindings", "update", "bob-pull", "-addsubjects", "groups/devs", "-removescopes", "^x")
        self.assertEqual(self.table("bindings", "get", "bob-pull").rows,
                         [["bob-pull", "pull", "users/bob, groups/devs", "^team/.{1,5}$", "-"]])  # fmt: skip
        self.assertEqual(self.output("bindings", "delete", "bob-pull"), "deleted roleBindings/bob-pull\n")
        self.assertEqual(self.output("roles", "delete", "roles/pull"), "deleted roles/pull\n")
        self.assertEqual([row[0] for row in self.table("bindings", "list").rows], ["administrator"])

    def test_a_tokens_value_is_printed_once_and_works(self):
        self.output("users", "create", "ci", "-nopassword")
        header, [row] = self.table("tokens", "create", "build", "-user", "ci", "-expires", "2h")
        self.assertEqual(header, ["NAME", "USER", "EXPIRES", "ORIGIN", "VALUE"])
        self.assertEqual((row[0], row[1], row[3]), ("build", "ci", "-"))
        expires = time.mktime(time.strptime(row[2], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        self.assertLess(abs(expires - time.time() - 7200), 120)
        self.assertEqual(self.status(f"Bearer {row[4]}"), 200)
        self.assertEqual(self.status(basic("ci", row[4])), 200)
        for arguments in (("get", "build"), ("list",), ("update", "build", "-expires", "never")):
            self.assertNotIn(row[4], self.output("tokens", *arguments))
            self.assertNotIn(row[4], self.output("tokens", *arguments, "-o", "json"))
        self.assertEqual(self.table("tokens", "list").rows, [["build", "ci", "-", "-"]])
        self.output("tokens", "update", "build", "-expires", "2020-01-31T12:00:00Z")
        self.assertEqual(self.table("tokens", "get", "build").rows, [["build", "ci", "2020-01-31T12:00:00Z", "-"]])
        self.soon(401, f"Bearer {row[4]}")

    def test_a_tokens_value_may_be_chosen(self):
        self.output("users", "create", "ci", "-nopassword")
        made = self.json("tokens", "create", "build", "-user", "ci", "-valuestdin", stdin=TOKEN_VALUE.encode())
        self.assertEqual((made["value"], made["user"]), (TOKEN_VALUE, "users/ci"))
        self.assertEqual(self.status(f"Bearer {TOKEN_VALUE}"), 200)
        self.output("tokens", "delete", "build")
        self.soon(401, f"Bearer {TOKEN_VALUE}")
        self.assertIn("15 bytes", self.fails("tokens", "create", "t", "-user", "ci", "-valuestdin", stdin=b"x" * 15))
        self.assertIn("empty", self.fails("tokens", "create", "t", "-user", "ci", "-valuestdin"))

    def test_names_may_be_those_of_resources(self):
        self.output("users", "create", "users/bob", "-nopassword")
        self.assertEqual(self.json("users", "get", "bob"), self.json("users", "get", "users/bob"))
        self.assertEqual(self.output("users", "delete", "users/bob"), "deleted users/bob\n")

    def test_several_are_deleted_up_to_the_first_that_cannot_be(self):
        for name in ("a", "b", "c"):
            self.output("users", "create", name, "-nopassword")
        done = self.run_admin("users", "delete", "a", "nobody", "b")
        self.assertEqual((done.returncode, done.stdout), (1, b"deleted users/a\n"))
        self.assertEqual(done.stderr, b'simple-registry: "users/nobody" does not exist\n')
        self.assertEqual([row[0] for row in self.table("users", "list").rows], ["admin", "b", "c"])

    def test_revoking_ends_what_was_issued(self):
        token = self.client.get("/token?service=simple-registry").json()["token"]
        self.assertEqual(self.status(f"Bearer {token}"), 200)
        self.assertEqual(self.output("users", "revoke", "admin"), "revoked the tokens of users/admin\n")
        self.soon(401, f"Bearer {token}")

    def test_control_characters_do_not_reach_the_terminal(self):
        self.output("bindings", "create", "odd", "-role", "administrator", "-subjects", "admin", "-scopes",
                    "a\x1b\\[2Jb\nc")  # fmt: skip
        self.assertEqual(self.table("bindings", "get", "odd").rows[0][3], r"a\033\[2Jb\nc")

    def test_updates_of_several_processes_lose_nothing(self):
        self.output("users", "create", "bob", "-nopassword")
        groups = [f"g{i}" for i in range(12)]
        for group in groups:
            self.output("groups", "create", group)
        command = [BINARY, "admin", "-datadir", self.registry.datadir, "users", "update", "bob", "-addgroups"]
        processes = [
            subprocess.Popen([*command, group], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=clean_environment())
            for group in groups
        ]  # fmt: skip
        for process in processes:
            _, errors = process.communicate(timeout=60)
            self.assertEqual((process.returncode, errors), (0, b""))
        self.assertEqual(sorted(self.json("users", "get", "bob")["groups"]), sorted(f"groups/{g}" for g in groups))


class Others(CommandTestCase):
    def setUp(self):
        super().setUp()
        self.output("users", "create", "bob", "-nopassword")
        self.output("roles", "create", "pull", "-resources", "blobs,manifests", "-verbs", "GET")
        self.output("bindings", "create", "bob-pull", "-role", "pull", "-subjects", "bob", "-scopes", "^team/")

    def test_explain_says_what_allows_it(self):
        shown = self.output("explain", "bob", "pull", "team/app:v1")
        sentence, _, rest = shown.partition("\n\n")
        self.assertIn('users/bob may pull from repository "team/app"', sentence)
        self.assertIn('role binding "bob-pull"', sentence)
        self.assertEqual(
            read_table(rest),
            (["ASKS", "ALLOWED", "BINDING", "ROLE", "NEAREST MISS"],
             [["GET manifests", "yes", "bob-pull", "pull", "-"], ["GET blobs", "yes", "bob-pull", "pull", "-"]]),
        )  # fmt: skip

    def test_explain_says_what_comes_nearest(self):
        denied = self.json("explain", "users/bob", "push", "team/app:v1")
        self.assertIs(denied["allowed"], False)
        self.assertIn('has no POST on blobs', denied["nearestMiss"])
        self.assertEqual([check["allowed"] for check in denied["checks"]], [True, False, False, False, False])
        self.assertIn("none of its scopes matches", self.output("explain", "bob", "GET blobs", "other/app"))
        self.assertIs(self.json("explain", "anonymous", "catalog")["allowed"], False)

    def test_reload_without_files_says_that_there_are_none(self):
        self.assertIn("nothing to reload", self.fails("reload"))

    def test_audit_shows_the_last_changes_first(self):
        header, rows = self.table("audit")
        self.assertEqual(header, ["TIME", "WHO", "FROM", "METHOD", "RESOURCE", "DETAIL"])
        self.assertEqual([row[3:5] for row in rows],
                         [["CreateRoleBinding", "roleBindings/bob-pull"], ["CreateRole", "roles/pull"],
                          ["CreateUser", "users/bob"], ["Start", "-"]])  # fmt: skip
        self.assertRegex(rows[0][1], r"^local:\w+$")
        self.assertEqual(rows[0][2], "unix:")
        self.assertEqual([row[3] for row in self.table("audit", "-limit", "1").rows], ["CreateRoleBinding"])
        events = self.json("audit", "-limit", "2")["auditEvents"]
        self.assertEqual([event["method"] for event in events], ["CreateRoleBinding", "CreateRole"])


class Reload(CommandTestCase, PolicyTestCase):
    start_at_once = False

    def test_reload_reads_the_files_again(self):
        self.start()
        self.assertRegex(self.output("reload"), r"^reloaded: the policy has revision \d+\n$")
        before = self.json("reload")["revision"]
        self.edit("rolebindings.yaml", "name: everything", "name: missing")
        self.assertIn("rolebindings.yaml:", self.fails("reload"))
        self.edit("rolebindings.yaml", "name: missing", "name: pull")
        self.assertGreater(int(self.json("reload")["revision"]), int(before))

    def test_warnings_of_a_reload_are_shown(self):
        self.start()
        self.edit("rolebindings.yaml", '"^.*$"', '"^only/names$"')
        done = self.run_admin("reload")
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stderr.decode(), r"(?m)\Awarning: .*rolebindings\.yaml:\d+: .*\n")

    def test_what_files_say_is_read_only(self):
        self.start()
        origin = self.table("users", "get", "admin").rows[0][3]
        self.assertRegex(origin, r"users\.yaml:\d+$")
        self.assertIn("read-only", self.fails("users", "delete", "admin"))
        self.assertIn("read-only", self.fails("users", "update", "admin", "-nopassword"))


class Secrets(CommandTestCase):
    def test_secrets_are_in_no_log_and_no_arguments(self):
        before = self.registry.raw_log()
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [BINARY, "admin", "-datadir", self.registry.datadir, "users", "create", "bob"],
            stdin=terminal, stdout=terminal, stderr=terminal, env=clean_environment(), start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        shown = self.until(controller, b"Password: ")
        os.write(controller, b"a secret of bob\n")
        shown += self.until(controller, b"Repeat password: ")
        arguments = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        os.write(controller, b"a secret of bob\n")
        self.assertEqual(process.wait(60), 0)
        shown += self.rest(controller)
        value = self.json("tokens", "create", "t", "-user", "bob")["value"]
        said = arguments + shown + self.registry.raw_log().removeprefix(before).encode()
        said += self.output("audit", "-o", "json").encode()
        for secret in (b"a secret of bob", value.encode(), b"$2b$"):
            self.assertNotIn(secret, said)
        self.assertEqual(self.status(basic("bob", "a secret of bob")), 200)

    def test_passwords_that_differ_change_nothing(self):
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [BINARY, "admin", "-datadir", self.registry.datadir, "users", "create", "bob"],
            stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal, env=clean_environment(),
            start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self.until(controller, b"Password: ")
        os.write(controller, b"one\n")
        self.until(controller, b"Repeat password: ")
        os.write(controller, b"two\n")
        self.assertEqual(process.wait(60), 1)
        self.assertIn(b"simple-registry: the two passwords differ", self.rest(controller))
        self.assertIn("users/bob", self.fails("users", "get", "bob"))

    def until(self, controller, text):
        """The terminal's output up to that text."""
        shown = b""
        while text not in shown:
            self.assertTrue(select.select([controller], [], [], 60)[0], shown)
            shown += os.read(controller, 1000)
        return shown

    def rest(self, controller):
        shown = b""
        try:
            while chunk := os.read(controller, 1000):
                shown += chunk
        except OSError:
            pass  # All processes have closed the terminal.
        os.close(controller)
        return shown

    def test_what_is_no_password_is_refused(self):
        for text, word in ((b"", "empty"), (b"x" * 73, "73 bytes"), (b"two\nlines\n", "line")):
            self.assertIn(word, self.fails("users", "create", "bob", stdin=text))


class Failures(CommandTestCase):
    def test_wrong_arguments_are_named_with_status_2(self):
        for arguments, words in (
            ((), ("users", "explain")),
            (("frob",), ('"frob"',)),
            (("users",), ("list, get, create",)),
            (("users", "lst"), ('"users lst"',)),
            (("groups", "revoke", "x"), ('"groups revoke"',)),
            (("users", "list", "x"), ('"x"',)),
            (("users", "get"), ("NAME...",)),
            (("users", "get", ""), ("empty",)),
            (("users", "create", "a", "b"), ("NAME", "2 words")),
            (("users", "list", "-groups", "x"), ("users list takes no -groups",)),
            (("users", "list", "-frob"), ('"-frob"',)),
            (("users", "update", "bob"), ("nothing to change",)),
            (("users", "update", "bob", "-password", "-nopassword"), ("exclude",)),
            (("users", "update", "bob", "-groups"), ("no value",)),
            (("tokens", "create", "t"), ("tokens create needs -user",)),
            (("tokens", "update", "t", "-user", "x"), ("takes no -user",)),
            (("tokens", "update", "t", "-expires", "soon"), ('-expires: "soon"', "never")),
            (("tokens", "update", "t", "-expires", "inf"), ('-expires: "inf"',)),
            (("roles", "create", "r", "-verbs", "GET"), ("needs -resources",)),
            (("roles", "create", "r", "-resources", "blobs", "-verbs", "FETCH"), ('-verbs: "FETCH" is unknown',)),
            (("bindings", "create", "b", "-role", "r", "-subjects", "u"), ("needs -scopes",)),
            (("explain", "bob"), ("SUBJECT ACTION",)),
            (("reload", "x"), ('"x"',)),
            (("audit", "-limit", "0"), ("-limit",)),
            (("audit", "-o", "yaml"), ('"yaml"',)),
            (("users", "list", "-server", "h:1"), ("exclude",)),
            (("users", "list", "-clientkeyfile", "k"), ("-clientkeyfile", "-server")),
        ):
            with self.subTest(arguments=arguments):
                message = self.fails(*arguments, status=2)
                for word in (*words, "help admin"):
                    self.assertIn(word, message)

    def test_failures_are_sentences_that_name_the_resource(self):
        self.output("users", "create", "bob", "-nopassword")
        self.output("roles", "create", "pull", "-resources", "blobs", "-verbs", "GET")
        self.output("bindings", "create", "b", "-role", "pull", "-subjects", "bob", "-scopes", ".")
        for arguments, words in (
            (("users", "get", "nobody"), ('"users/nobody" does not exist',)),
            (("users", "create", "bob", "-nopassword"), ('"users/bob" already exists',)),
            (("users", "create", "a:b", "-nopassword"), ("user_id", "colon")),
            (("users", "delete", "admin"), ('"users/admin"', "read-only", "the admin flags of serve")),
            (("users", "update", "bob", "-groups", "no"), ('"groups/no"', "create it first")),
            (("roles", "delete", "pull"), ('"roles/pull" is in use by "roleBindings/b"',)),
            (("bindings", "update", "b", "-scopes", "("), ("role_binding.scopes", '"("')),
            (("explain", "bob", "fetch", "x"), ('"fetch"', "pull, push, delete")),
            (("explain", "bob", "pull"), ("repository",)),
        ):
            with self.subTest(arguments=arguments):
                message = self.fails(*arguments)
                for word in words:
                    self.assertIn(word, message)

    def test_without_a_registry_the_socket_is_named(self):
        socket = self.registry.datadir / "admin.sock"
        self.registry.kill()
        self.assertIn(f'"{socket}" does not answer', self.fails("users", "list"))
        socket.unlink()
        self.assertIn(f'"{socket}" does not exist', self.fails("users", "list"))
        self.assertIn("-datadir", self.fails("users", "list"))

    def test_the_data_folder_comes_from_the_environment(self):
        env = {"SIMPLE_REGISTRY_DATADIR": str(self.registry.datadir)}
        done = self.run_admin("users", "list", env=env)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"admin", done.stdout)
        done = run_binary("admin", "users", "list", "-datadir", self.folder, env=env)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.folder / "admin.sock").encode(), done.stderr)

    def test_help_names_every_flag_that_there_is(self):
        text = run_binary("help", "admin").stdout.decode()
        for flag in ("groups", "addgroups", "removegroups", "members", "resources", "verbs", "role", "subjects",
                     "scopes", "user", "expires", "password", "nopassword", "valuestdin", "limit", "datadir",
                     "server", "clientcertfile", "clientkeyfile", "servercafile", "o", "output"):  # fmt: skip
            self.assertRegex(text, rf"-{flag}\b")
