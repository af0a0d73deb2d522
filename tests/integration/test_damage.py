"""Stored files that vanished, were cut off or altered: the registry never claims them, and a push repairs them."""

import os
import socket
import unittest

from registry import (
    RawConnection,
    RegistryTestCase,
    basic,
    digest_of,
    image_manifest,
    wait_for,
    with_query,
    USER,
    PASSWORD,
)

HERE = "team/app"
THERE = "other/app"
NEW = "new/app"
# base::kMaxSuspects.
MAX_SUSPECTS = 100


def empty(path):
    path.write_bytes(b"")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def lengthen(path):
    with path.open("ab") as file:
        file.write(b"more")


DAMAGES = {"deleted": os.unlink, "emptied": empty, "cut off": cut, "lengthened": lengthen}


class Damage(RegistryTestCase):
    def blobs_folder(self):
        return self.registry.datadir / "storage" / "blobs"

    def file_of(self, digest):
        """The stored file of the newest copy."""
        files = list(self.blobs_folder().rglob(f"*{digest.partition(':')[2]}"))
        self.assertTrue(files, digest)
        # A name begins with the UUIDv7 of the upload.
        return max(files, key=lambda path: path.name)

    def expect_there(self, data, *repositories):
        digest = digest_of(data)
        for repository in repositories:
            path = f"/v2/{repository}/blobs/{digest}"
            self.assertEqual(self.client.head(path).headers["Content-Length"], str(len(data)))
            self.assertEqual(self.client.get(path).body, data)

    def mount(self, repository, digest, source=None):
        query = {"mount": digest, **({"from": source} if source else {})}
        return self.client.post(
            with_query(f"/v2/{repository}/blobs/uploads/", **query), expect=(201, 202)
        ).status

    def test_a_damaged_blob_is_404_for_head_and_the_next_push_heals_it_in_every_repository(self):
        for number, (name, damage) in enumerate(DAMAGES.items()):
            with self.subTest(name):
                data = b"layer %d " % number + os.urandom(50_000)
                digest = self.client.push_blob(HERE, data)
                self.assertEqual(self.mount(THERE, digest, HERE), 201)
                damage(self.file_of(digest))
                self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=404)
                self.client.head(f"/v2/{THERE}/blobs/{digest}", expect=404)
                self.client.get(f"/v2/{HERE}/blobs/{digest}", expect=500)
                self.client.push_blob(THERE, data)
                self.expect_there(data, HERE, THERE)

    def test_a_damaged_blob_is_not_mounted(self):
        for number, (name, damage) in enumerate(DAMAGES.items()):
            for source in (HERE, None):
                with self.subTest(f"{name}, from {source}"):
                    data = b"layer %d %r" % (number, source) + bytes(1000)
                    digest = self.client.push_blob(HERE, data)
                    self.assertEqual(self.mount(THERE, digest, source), 201)
                    damage(self.file_of(digest))
                    self.assertEqual(self.mount(NEW, digest, source), 202)
                    self.client.head(f"/v2/{NEW}/blobs/{digest}", expect=404)
                    self.client.push_blob(NEW, data)
                    self.expect_there(data, HERE, THERE, NEW)

    def test_every_way_of_pushing_heals(self):
        def monolithic(digest, data):
            path = with_query(f"/v2/{HERE}/blobs/uploads/", digest=digest)
            self.client.post(path, data, expect=201)

        def chunked(digest, data):
            location = self.client.begin_upload(HERE)
            self.client.patch(location, data[:500], {"Content-Range": "0-499"})
            self.client.patch(location, data[500:], {"Content-Range": f"500-{len(data) - 1}"})
            self.client.put(with_query(location, digest=digest))

        def streamed(digest, data):
            location = self.client.begin_upload(HERE)
            self.client.patch(location, iter([data]))
            self.client.put(with_query(location, digest=digest))

        for push in (monolithic, chunked, streamed):
            with self.subTest(push.__name__):
                data = push.__name__.encode() + os.urandom(5_000)
                digest = self.client.push_blob(HERE, data)
                os.unlink(self.file_of(digest))
                self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=404)
                push(digest, data)
                self.expect_there(data, HERE)

    def test_bytes_altered_at_equal_size_are_replaced_by_the_next_push(self):
        data = os.urandom(100_000)
        digest = self.client.push_blob(HERE, data)
        self.assertEqual(self.mount(THERE, digest, HERE), 201)
        self.file_of(digest).write_bytes(bytes(len(data)))
        self.client.push_blob(HERE, data)
        self.expect_there(data, HERE, THERE)
        self.registry.restart()
        self.expect_there(data, HERE, THERE)

    def test_a_get_that_finds_damage_says_500_and_tells_the_log_once(self):
        for number, (name, damage) in enumerate(DAMAGES.items()):
            with self.subTest(name):
                digest = self.client.push_blob(HERE, b"layer %d" % number + bytes(1000))
                damage(self.file_of(digest))
                for _ in range(3):
                    self.client.get(f"/v2/{HERE}/blobs/{digest}", expect=500)
                    self.client.get(f"/v2/{HERE}/blobs/{digest}", {"Range": "bytes=0-0"}, expect=500)
                self.assertEqual(len(self.registry.logged(level="error", digest=digest)), 1)

    def test_a_file_that_is_cut_off_while_it_is_sent_is_found_damaged(self):
        data = os.urandom(32 << 20)
        digest = self.client.push_blob(HERE, data)
        path = self.file_of(digest)
        with self.slow_reader(f"/v2/{HERE}/blobs/{digest}") as reader:
            os.truncate(path, 1 << 20)
            received = reader.file.read()
        self.assertLess(len(received), len(data))
        self.registry.logged(level="error", digest=digest)
        self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=404)

    def test_a_blob_that_is_replaced_while_it_is_read_arrives_whole(self):
        data = os.urandom(32 << 20)
        digest = self.client.push_blob(HERE, data)
        with self.slow_reader(f"/v2/{HERE}/blobs/{digest}") as reader:
            self.client.push_blob(THERE, data)
            reader.file.readline()
            while reader.file.readline() != b"\r\n":
                pass
            self.assertEqual(reader.file.read(len(data)), data)
        self.expect_there(data, HERE, THERE)

    def slow_reader(self, path):
        """A connection that has asked for `path` and takes no more than some KiB of the answer."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", self.registry.port))
        reader = RawConnection(sock)
        reader.request("GET", path, {"Connection": "close"}, authorization=basic(USER, PASSWORD))
        sock.recv(1, socket.MSG_PEEK)
        return reader

    def test_a_manifest_is_not_stored_while_a_blob_of_it_is_known_to_be_damaged(self):
        image = self.client.push_image(HERE, "v1", [b"a layer"])
        digest = digest_of(b"a layer")
        os.unlink(self.file_of(digest))
        self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=404)
        answer = self.client.put_manifest(HERE, "v2", image, expect=404)
        self.expect_error(answer, 404, "MANIFEST_BLOB_UNKNOWN")
        self.assertIn(digest, answer.error_message())
        self.assertEqual(self.client.get(f"/v2/{HERE}/manifests/v1").body, image)
        self.client.push_image(HERE, "v2", [b"a layer"])
        self.expect_there(b"a layer", HERE)

    def test_closing_again_an_upload_whose_bytes_are_gone_is_404(self):
        data = b"once more"
        location = self.client.begin_upload(HERE)
        closing = with_query(location, digest=digest_of(data))
        self.client.put(closing, data)
        self.client.put(closing)
        os.unlink(self.file_of(digest_of(data)))
        self.expect_error(self.client.put(closing, expect=404), 404, "BLOB_UPLOAD_UNKNOWN")

    def test_a_file_that_is_put_back_is_served_again(self):
        for method in ("HEAD", "GET"):
            data = method.encode() * 100
            digest = self.client.push_blob(HERE, data)
            path = self.file_of(digest)
            away = path.with_name("away")
            path.rename(away)
            self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=404)
            away.rename(path)
            self.client.request(method, f"/v2/{HERE}/blobs/{digest}", expect=200)
            self.expect_there(data, HERE)

    def test_a_store_that_cannot_be_read_condemns_nothing(self):
        storage = self.registry.datadir / "storage"
        data = b"on an unmounted disk"
        digest = self.client.push_blob(HERE, data)
        path = self.file_of(digest)
        for away in ([path, storage / "node-id"], [storage / "blobs"]):
            for part in away:
                part.rename(part.with_name("away." + part.name))
            self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=503)
            answer = self.client.get(f"/v2/{HERE}/blobs/{digest}", expect=503)
            self.assertIn("mounted", answer.error_message())
            self.assertEqual(self.mount(THERE, digest, HERE), 202)
            self.assertEqual(self.mount(THERE, digest), 202)
            for part in away:
                part.with_name("away." + part.name).rename(part)
            self.expect_there(data, HERE)
            self.assertEqual(self.mount(NEW, digest, HERE), 201)

    def test_a_store_that_is_moved_while_it_is_open_is_still_served(self):
        data = b"moved"
        digest = self.client.push_blob(HERE, data)
        storage = self.registry.datadir / "storage"
        storage.rename(self.folder / "moved")
        self.expect_there(data, HERE)
        (self.folder / "moved").rename(storage)
        self.assertTrue(self.file_of(digest).exists())

    def test_a_store_that_loses_many_files_is_unhealthy_and_its_blobs_stay(self):
        blobs = [b"blob %d" % number for number in range(MAX_SUSPECTS + 20)]
        for data in blobs:
            self.client.put(
                with_query(self.client.begin_upload(HERE), digest=digest_of(data)), data
            )
        for path in self.blobs_folder().rglob("*~sha256~*"):
            path.rename(path.with_name("away." + path.name))
        statuses = [
            self.client.request("HEAD", f"/v2/{HERE}/blobs/{digest_of(data)}").status for data in blobs
        ]
        self.assertEqual(statuses, [404] * MAX_SUSPECTS + [503] * 20)
        answer = self.client.get(f"/v2/{HERE}/blobs/{digest_of(blobs[-1])}", expect=503)
        self.assertIn("the store itself", answer.error_message())
        warnings = wait_for(
            lambda: [line for line in self.registry.log(level="error") if "the store itself" in line["message"]],
            "the error of the store",
        )
        self.assertEqual(len(warnings), 1)
        for path in self.blobs_folder().rglob("away.*"):
            path.rename(path.with_name(path.name.removeprefix("away.")))
        self.expect_there(blobs[0], HERE)
        self.expect_there(blobs[-1], HERE)

    def test_a_whole_image_heals_by_pushing_it_again_with_mounts(self):
        layers = [b"layer one", b"layer two"]
        config = b"{}"
        for repository in (HERE, THERE):
            for data in (config, *layers):
                self.client.push_blob(repository, data)
            self.client.put_manifest(repository, "v1", image_manifest(config, layers))
        for path in self.blobs_folder().rglob("*~sha256~*"):
            empty(path)
        # As clients do: HEAD, else mount, else upload.
        for data in (config, *layers):
            digest = digest_of(data)
            self.client.head(f"/v2/{HERE}/blobs/{digest}", expect=404)
            self.assertEqual(self.mount(HERE, digest, THERE), 202)
            self.client.push_blob(HERE, data)
        self.client.put_manifest(HERE, "v1", image_manifest(config, layers))
        for data in (config, *layers):
            self.expect_there(data, HERE, THERE)


if __name__ == "__main__":
    unittest.main()
