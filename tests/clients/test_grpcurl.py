"""grpcurl, which needs no copy of the contract: it asks the registry by reflection."""

import json
import unittest

from go_programs import GRPCURL, GoClientTestCase, install
from test_admin_examples import ExamplesTestCase

SERVICE = "registry.v1.AdminService"


class Grpcurl(GoClientTestCase):
    # The first test builds grpcurl; the others wait for it.
    ctest = {"TIMEOUT": 600}
    go_program = GRPCURL

    def grpcurl(self, *arguments, data=None, **options):
        flags = ("-d", json.dumps(data)) if data is not None else ()
        socket = self.registry.datadir / "admin.sock"
        return self.run_client("-plaintext", "-unix", *flags, socket, *arguments, **options)

    def call(self, method, data=None):
        return json.loads(self.grpcurl(f"{SERVICE}/{method}", data=data))

    def test_services_and_messages_are_described(self):
        self.assertEqual(
            self.grpcurl("list").split(),
            ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", SERVICE],
        )
        self.assertIn(f"{SERVICE}.CreateRoleBinding", self.grpcurl("list", SERVICE).split())
        self.assertIn("rpc ListUsers ( .registry.v1.ListUsersRequest )", self.grpcurl("describe", SERVICE))
        self.assertIn("repeated string groups = 5;", self.grpcurl("describe", "registry.v1.User"))

    def test_methods_are_called_with_json(self):
        made = self.call("CreateUser", {"user_id": "bob", "user": {"password": "bob's password"}})
        self.assertEqual((made["name"], made["password_set"]), ("users/bob", True))
        self.assertEqual([u["name"] for u in self.call("ListUsers")["users"]], ["users/admin", "users/bob"])
        self.call("CreateGroup", {"group_id": "devs", "group": {"members": ["users/bob"]}})
        changed = self.call("UpdateUser", {"user": {"name": "users/bob", "groups": []}, "update_mask": {"paths": ["groups"]}})
        self.assertNotIn("groups", changed)
        explained = self.call("Explain", {"subject": "users/admin", "action": "pull", "repository": "team/app:v1"})
        self.assertIs(explained["allowed"], True)
        self.assertEqual(explained["role_binding"], "roleBindings/administrator")
        events = self.call("ListAuditEvents")["audit_events"]
        self.assertEqual([e["method"] for e in events], ["UpdateUser", "CreateGroup", "CreateUser", "Start"])
        self.assertEqual(events[0]["principal"], "local")

    def test_details_of_errors_are_decoded(self):
        said = self.grpcurl(f"{SERVICE}/GetUser", data={"name": "bob"}, succeeds=False)
        self.assertIn("Code: InvalidArgument", said)
        self.assertIn('Message: name has "bob"; write users/NAME', said)
        self.assertIn('"@type": "type.googleapis.com/google.rpc.BadRequest"', said)
        self.assertRegex(said, r'"field": "name"')
        self.assertRegex(said, r'"reason": "INVALID_FIELD"')
        said = self.grpcurl(f"{SERVICE}/GetUser", data={"name": "users/bob"}, succeeds=False)
        self.assertIn("Code: NotFound", said)
        self.assertRegex(said, r'"resource_name": "users/bob"')


class Examples(ExamplesTestCase):
    ctest = {"TIMEOUT": 600}

    def setUp(self):
        program = install(GRPCURL)
        super().setUp()
        self.environment["PATH"] += f":{program.parent}"

    def test_the_examples_of_the_page_print_what_is_shown(self):
        self.run_blocks("console grpcurl")


if __name__ == "__main__":
    unittest.main()
