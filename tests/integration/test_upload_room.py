"""Unfinished uploads do not keep the disk full, and leave no bytes that no row names."""

import os
import subprocess
import time
import unittest
import uuid

from registry import RegistryTestCase, basic, digest_of, wait_for, with_query

REPOSITORY = "team/app"
UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"
PART = bytes(1 << 20)
BOB_AND_CAROL = """
kind: User
metadata: {name: %s}
---
kind: Token
metadata: {name: %s-token}
spec: {value: %s-has-this-token, username: %s, expiresAt: "2100-01-01T00:00:00Z"}
---
"""
MAY_ALL = """
kind: Role
metadata: {name: all}
spec: {resources: ["*"], verbs: ["*"]}
---
kind: RoleBinding
metadata: {name: all}
spec:
  subjects: [{kind: User, name: bob}, {kind: User, name: carol}]
  roleRef: {name: all}
  scopes: [".*"]
"""


def id_of(location):
    return location.partition("?")[0].rpartition("/")[2]


class UploadRoomTestCase(RegistryTestCase):
    start_at_once = False

    def start_for_two(self, *flags):
        """A registry with two users. Returns it and their clients."""
        folder = self.folder / "cfg"
        folder.mkdir()
        users = "".join(BOB_AND_CAROL % ((name,) * 4) for name in ("bob", "carol"))
        (folder / "policy.yaml").write_text(users + MAY_ALL)
        registry = self.start_registry("-cfgdir", folder, *flags, password=None)
        clients = [
            registry.client(basic(name, f"{name}-has-this-token")) for name in ("bob", "carol")
        ]
        for client in clients:
            self.addCleanup(client.close)
        return registry, *clients

    def files(self, registry):
        return {path.name for path in (registry.datadir / "storage" / "uploads").iterdir()}

    def make_idle(self, registry, minutes):
        """Lets all sessions look as if nobody had used them for so long."""
        registry.stop()
        registry.sql(f"UPDATE uploads SET touched_at_ms = touched_at_ms - {minutes * 60_000}")
        registry.start()


class FullDisk(UploadRoomTestCase):
    def setUp(self):
        super().setUp()
        target = self.folder / "data"
        target.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"mounting a file system needs root: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(target)], check=True)

    def test_half_an_upload_leaves_its_room_to_others_at_once(self):
        registry, bob, carol = self.start_for_two()
        for headers in ({}, {"Content-Length": str(60 << 20)}):
            location = bob.begin_upload(REPOSITORY)
            answer = bob.patch(location, iter([PART] * 60), headers, expect=None)
            self.assertEqual(answer.status, 507, answer)
            self.assertEqual(answer.error_codes(), ["INSUFFICIENT_STORAGE"])
            # At once, by another and by the same one.
            data = os.urandom(20 << 20)
            digest = carol.push_blob(REPOSITORY, data)
            self.assertEqual(digest_of(carol.get(f"/v2/{REPOSITORY}/blobs/{digest}").body), digest)
            self.expect_error(bob.get(location, expect=None), 404, "BLOB_UPLOAD_UNKNOWN")
            self.expect_error(bob.patch(location, b"more", expect=None), 404, "BLOB_UPLOAD_UNKNOWN")
            self.assertEqual(self.files(registry), set())
            carol.delete(f"/v2/{REPOSITORY}/blobs/{digest}")
            for path in (registry.datadir / "storage" / "blobs").rglob(f"*{digest[7:]}"):
                path.unlink()

    def test_a_closing_put_and_a_single_post_leave_their_room_too(self):
        registry, bob, carol = self.start_for_two()
        digest = digest_of(b"never mind")
        location = bob.begin_upload(REPOSITORY)
        bob.patch(location, iter([PART] * 20))
        put = bob.put(with_query(location, digest=digest), iter([PART] * 30), expect=None)
        self.assertEqual(put.status, 507, put)
        self.assertEqual(self.files(registry), set())
        self.expect_error(bob.get(location, expect=None), 404, "BLOB_UPLOAD_UNKNOWN")
        post = bob.post(f"{UPLOADS}?digest={digest}", iter([PART] * 60), expect=None)
        self.assertEqual(post.status, 507, post)
        self.assertEqual(self.files(registry), set())
        carol.push_blob(REPOSITORY, os.urandom(30 << 20))

    def test_idle_uploads_make_room_ones_own_first(self):
        registry, bob, carol = self.start_for_two()
        of_bob = id_of(bob.begin_upload(REPOSITORY))
        bob.patch(UPLOADS + of_bob, iter([PART] * 18))
        of_carol = id_of(carol.begin_upload(REPOSITORY))
        carol.patch(UPLOADS + of_carol, iter([PART] * 18))
        self.assertEqual(self.files(registry), {of_bob, of_carol})

        def push_until(client, size):
            """Once the disk is found full, room is made soon."""
            data = os.urandom(size)
            path = f"{UPLOADS}?digest={digest_of(data)}"
            self.assertEqual(client.post(path, data, expect=None).status, 507)
            wait_for(lambda: client.post(path, data, expect=(201, 507)).status == 201, "room")

        # Nobody was idle for long enough.
        self.make_idle(registry, 9)
        data = os.urandom(8 << 20)
        path = f"{UPLOADS}?digest={digest_of(data)}"
        for _ in range(3):
            self.assertEqual(carol.post(path, data, expect=None).status, 507)
        self.assertEqual(self.files(registry), {of_bob, of_carol})
        self.make_idle(registry, 2)
        push_until(carol, 8 << 20)
        self.assertEqual(self.files(registry), {of_bob})
        push_until(carol, 20 << 20)
        self.assertEqual(self.files(registry), set())


class Limits(UploadRoomTestCase):
    def test_each_user_may_hold_the_limit_of_unfinished_bytes(self):
        _, bob, carol = self.start_for_two("-uploadlimituser", "8M")
        first = bob.begin_upload(REPOSITORY)
        bob.patch(first, PART * 5)
        for body in (PART * 4, iter([PART] * 4)):
            second = bob.begin_upload(REPOSITORY)
            answer = bob.patch(second, body, expect=None)
            self.expect_error(answer, 429, "TOOMANYREQUESTS")
            self.assertIn('"bob"', answer.error_message())
            self.assertIn("-uploadlimituser", answer.error_message())
            self.assertEqual(answer.headers["Retry-After"], "30")
            self.expect_error(bob.get(second, expect=None), 404, "BLOB_UPLOAD_UNKNOWN")
        # Within the limit, whatever others do; and again when the first one has ended.
        carol.patch(carol.begin_upload(REPOSITORY), PART * 8)
        bob.push_blob(REPOSITORY, b"small")
        data = os.urandom(7 << 20)
        bob.put(with_query(first, digest=digest_of(PART * 5)), b"")
        bob.push_blob(REPOSITORY, data)

    def test_chunked_bodies_may_fill_the_limit_and_no_more(self):
        _, bob, carol = self.start_for_two("-uploadlimituser", "8M")
        location = bob.begin_upload(REPOSITORY)
        bob.patch(location, iter([PART] * 4))
        bob.patch(location, iter([PART] * 4))
        answer = bob.put(with_query(location, digest=digest_of(PART * 8)), b"")
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest_of(PART * 8))
        self.expect_error(
            carol.patch(carol.begin_upload(REPOSITORY), iter([PART] * 8 + [b"x"]), expect=None),
            429, "TOOMANYREQUESTS",
        )  # fmt: skip

    def test_all_together_may_hold_the_limit_of_unfinished_bytes(self):
        registry, bob, carol = self.start_for_two("-uploadlimit", "8M")
        location = bob.begin_upload(REPOSITORY)
        bob.patch(location, PART * 7)
        answer = carol.patch(carol.begin_upload(REPOSITORY), PART * 2, expect=None)
        self.assertEqual(answer.status, 507, answer)
        self.assertIn("-uploadlimit", answer.error_message())
        self.assertEqual(self.files(registry), {id_of(location)})
        # An idle upload makes room, without a refusal first.
        self.make_idle(registry, 11)
        carol.patch(carol.begin_upload(REPOSITORY), PART * 2)
        self.expect_error(bob.get(location, expect=None), 404, "BLOB_UPLOAD_UNKNOWN")

    def test_the_limits_can_stand_in_the_configuration(self):
        (self.folder / "cfg").mkdir()
        (self.folder / "cfg" / "limits.yaml").write_text(
            "kind: Configuration\nspec: {registry: {uploadLimitUser: 1M, uploadLimit: 1T}}\n"
            "---\n" + BOB_AND_CAROL % (("bob",) * 4) + MAY_ALL.replace(", {kind: User, name: carol}", "")
        )
        registry = self.start_registry("-cfgdir", self.folder / "cfg", password=None)
        client = registry.client(basic("bob", "bob-has-this-token"))
        answer = client.post(f"{UPLOADS}?digest={digest_of(b'')}", PART + b"x", expect=None)
        self.expect_error(answer, 429, "TOOMANYREQUESTS")
        client.close()


class NamelessBytes(UploadRoomTestCase):
    def late_body(self, registry, method, path, while_waiting, body=b"late"):
        """Sends a request's header, then its body after `while_waiting()`. Returns the answer."""
        with registry.connect() as connection:
            connection.request(method, path, {"Content-Length": len(body), "Expect": "100-continue"})
            # By now the session was found.
            self.assertEqual(connection.response().status, 100)
            while_waiting()
            connection.send(body)
            return connection.response(method)

    def test_a_body_that_begins_after_its_session_was_cancelled_is_refused_and_leaves_nothing(self):
        registry = self.start_registry()
        client = registry.client()
        digest = digest_of(b"late")
        for method, query in (("PATCH", {}), ("PUT", {"digest": digest})):
            location = client.begin_upload(REPOSITORY)
            path = with_query(location, **query) if query else location
            answer = self.late_body(
                registry, method, path, lambda: client.delete(location, expect=204)
            )
            self.expect_error(answer, 404, "BLOB_UPLOAD_UNKNOWN")
            self.assertEqual(self.files(registry), set())
        client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=404)
        client.close()

    def test_cancelling_a_session_ends_the_request_that_writes_to_it(self):
        registry = self.start_registry()
        client = registry.client()
        location = client.begin_upload(REPOSITORY)
        name = id_of(location)
        with registry.connect() as connection:
            connection.request("PATCH", location, {"Content-Length": 1_000_000}, bytes(100_000))
            wait_for(lambda: name in self.files(registry), "the first bytes")
            client.delete(location, expect=204)
            wait_for(lambda: name not in self.files(registry), "the deletion")
            connection.send(bytes(900_000))
            self.expect_error(connection.response("PATCH"), 404, "BLOB_UPLOAD_UNKNOWN")
        self.assertEqual(self.files(registry), set())
        client.close()

    def test_bytes_that_came_after_the_deletion_are_deleted_once_more(self):
        registry = self.start_registry()
        client = registry.client()
        location = client.begin_upload(REPOSITORY)
        name = id_of(location)
        client.patch(location, b"bytes")
        client.delete(location, expect=204)
        client.close()
        wait_for(lambda: name not in self.files(registry), "the deletion")
        registry.stop()
        # As a request does that found the session just before it was cancelled.
        late = registry.datadir / "storage" / "uploads" / name
        late.write_bytes(b"late")
        self.assertEqual(registry.sql("SELECT count(*) FROM blob_replicas"), "1")
        registry.sql("UPDATE trash SET not_before_ms = not_before_ms - 600000")
        registry.start()
        wait_for(lambda: not late.exists(), "the second deletion")
        registry.stop()
        self.assertEqual(registry.sql("SELECT count(*) FROM blob_replicas"), "0")
        self.assertEqual(registry.sql("SELECT count(*) FROM trash"), "0")

    def test_a_start_deletes_old_unfinished_files_that_no_row_names(self):
        registry = self.start_registry()
        client = registry.client()
        kept = client.push_blob(REPOSITORY, b"kept")
        location = client.begin_upload(REPOSITORY)
        client.patch(location, b"a session that is open")
        registry.stop()
        uploads = registry.datadir / "storage" / "uploads"
        nameless = uploads / str(uuid.uuid4())
        young = uploads / str(uuid.uuid4())
        for path in (nameless, young):
            path.write_bytes(b"12345")
        two_hours_ago = time.time() - 7200
        for path in (nameless, uploads / id_of(location)):
            os.utime(path, (two_hours_ago, two_hours_ago))
        registry.start()
        wait_for(lambda: not nameless.exists(), "the sweep")
        [line] = registry.logged(incarnation=nameless.name)
        self.assertEqual((line["level"], line["bytes"]), ("warning", 5))
        self.assertEqual(self.files(registry), {young.name, id_of(location)})
        client.patch(location, b", and goes on")
        self.assertEqual(client.get(f"/v2/{REPOSITORY}/blobs/{kept}").body, b"kept")
        client.close()


if __name__ == "__main__":
    unittest.main()
