"""Full disk, read-only folder, damaged database, port taken: a clear error, and nothing stored is lost."""

import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import unittest

from registry import BINARY, OCI_MANIFEST, RegistryTestCase, digest_of, run_binary, wait_for, with_query
from test_tls import make_certificate

REPOSITORY = "team/app"
TMPFS_BYTES = 48 << 20


class Failures(RegistryTestCase):
    engines = ("sqlite",)
    start_at_once = False

    def mount(self, *arguments):
        """Mounts a file system on self.folder / "data" until the test ends; needs root."""
        target = self.folder / "data"
        target.mkdir(exist_ok=True)
        command = ["mount", *arguments, str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"mounting a file system needs root: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(target)], check=True)

    def expect_refusal(self, registry, *words):
        """The process must exit with status 1 and an error that contains the words."""
        registry.launch()
        status = registry.process.wait(30)
        log = registry.raw_log()
        self.assertEqual(status, 1, log)
        for word in words:
            self.assertIn(str(word).lower(), log.lower())
        return log

    def expect_all_there(self, client, digests):
        for digest in digests:
            self.assertEqual(digest_of(client.get(f"/v2/{REPOSITORY}/blobs/{digest}").body), digest)

    def database(self, registry):
        files = [
            path
            for path in registry.datadir.rglob("*")
            if path.is_file() and path.open("rb").read(15) == b"SQLite format 3"
        ]
        self.assertEqual(len(files), 1, files)
        return files[0]

    # Disk full.

    def push_until_full(self, client, size):
        """Pushes blobs until the registry refuses one. Returns the stored digests and the refusal."""
        stored = []
        for _ in range(TMPFS_BYTES // size + 2):
            data = os.urandom(size)
            digest = digest_of(data)
            begun = client.post(f"/v2/{REPOSITORY}/blobs/uploads/", expect=None)
            answer = begun
            if begun.status == 202:
                path = with_query(begun.headers["Location"], digest=digest)
                answer = client.put(path, data, expect=None)
            if answer.status not in (201, 202):
                return stored, answer
            stored.append(digest)
        raise AssertionError("the disk never filled up")

    def test_a_full_disk_is_507_and_what_was_stored_stays(self):
        self.mount("-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs")
        ballast = self.folder / "data" / "ballast"
        ballast.write_bytes(bytes(16 << 20))
        registry = self.start_registry()
        client = registry.client()
        manifest = client.push_image(REPOSITORY, "v1", [os.urandom(1 << 20)])
        stored, refusal = self.push_until_full(client, 4 << 20)
        self.assertGreater(len(stored), 1)
        self.assertEqual(refusal.status, 507, refusal)
        self.assertEqual(refusal.error_codes(), ["INSUFFICIENT_STORAGE"])
        self.expect_all_there(client, stored)
        client.get("/healthz")
        # Fill the disk to the last byte, so that the database has no space either.
        more, refusal = self.push_until_full(client, 4096)
        self.assertEqual(refusal.status, 507, refusal)
        self.expect_all_there(client, stored + more)
        self.assertEqual(client.get(f"/v2/{REPOSITORY}/manifests/v1").body, manifest)
        answer = client.put_manifest(REPOSITORY, "v2", manifest, OCI_MANIFEST, expect=None)
        self.assertIn(answer.status, (201, 507), answer)
        # With free space, the registry works again, and has everything after a restart.
        ballast.unlink()
        digest = client.push_blob(REPOSITORY, b"there is room again")
        registry.restart()
        self.expect_all_there(client, [*stored, *more, digest])
        client.close()

    # Read-only.

    def test_a_read_only_data_folder_ends_the_start_with_a_clear_error(self):
        registry = self.start_registry()
        digest = registry.client().push_blob(REPOSITORY, b"kept")
        registry.stop()
        self.mount("--bind", str(registry.datadir))
        subprocess.run(["mount", "-o", "remount,ro,bind", str(registry.datadir)], check=True)
        self.expect_refusal(registry, registry.datadir, "read-only")
        subprocess.run(["mount", "-o", "remount,rw,bind", str(registry.datadir)], check=True)
        registry.start()
        self.expect_all_there(registry.client(), [digest])

    def test_a_data_folder_that_cannot_be_made_ends_the_start(self):
        blocker = self.folder / "file"
        blocker.write_text("no folder")
        registry = self.new_registry()
        registry.datadir = blocker / "data"
        self.expect_refusal(registry, blocker)
        registry.datadir = blocker
        self.expect_refusal(registry, blocker)

    # One process per folder.

    def test_a_folder_in_use_by_another_process_is_refused(self):
        first = self.start_registry()
        second = self.new_registry()
        second.datadir = first.datadir
        second.folder = self.folder / "second"
        second.folder.mkdir()
        self.expect_refusal(second, first.datadir, "another process")
        first.client().push_blob(REPOSITORY, b"undisturbed")

    def test_the_lock_ends_with_its_process(self):
        registry = self.start_registry()
        registry.kill()
        registry.start()
        registry.client().get("/v2/")

    # The database.

    def test_a_file_that_is_not_a_database_ends_the_start_and_is_left_alone(self):
        registry = self.start_registry()
        digest = registry.client().push_blob(REPOSITORY, b"kept")
        registry.stop()
        database = self.database(registry)
        saved = database.read_bytes()
        damaged = b"garbage! " * (len(saved) // 9 + 1)
        database.write_bytes(damaged)
        log = self.expect_refusal(registry, database.name)
        self.assertRegex(log.lower(), "corrupt|damaged|malformed|not a database")
        self.assertEqual(database.read_bytes(), damaged)
        # A backup of that file restores everything: the damage did not touch blobs.
        database.write_bytes(saved)
        for leftover in database.parent.glob(database.name + "-*"):
            leftover.unlink()
        registry.start()
        self.expect_all_there(registry.client(), [digest])

    def test_a_database_with_damaged_pages_gives_errors_and_never_wrong_bytes(self):
        registry = self.start_registry()
        digests = [registry.client().push_blob(REPOSITORY, b"%d" % i) for i in range(50)]
        registry.stop()
        database = self.database(registry)
        content = bytearray(database.read_bytes())
        content[4096:] = os.urandom(len(content) - 4096)
        database.write_bytes(content)
        registry.launch()
        try:
            line = None
            while line is None and registry.process.poll() is None:
                line = next(iter(registry.log(message="listening")), None)
            if line is None:
                self.assertEqual(registry.process.returncode, 1, registry.raw_log())
                self.assertIn(database.name, registry.raw_log())
                return
            registry.port = int(line["address"].rpartition(":")[2])
            for digest in digests:
                answer = registry.client().get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=None)
                self.assertIn(answer.status, (401, 500, 503), answer)
            registry.logged(level="error")
        finally:
            if registry.running():
                registry.kill()

    def test_a_database_from_a_newer_version_is_refused(self):
        registry = self.start_registry()
        registry.stop()
        database = self.database(registry)
        connection = sqlite3.connect(database)
        versions = [
            table
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if "version" in table or "migration" in table
        ]
        user_version = connection.execute("PRAGMA user_version").fetchone()[0]
        if user_version > 0:
            connection.execute("PRAGMA user_version = 9999")
        else:
            (column, *_), = connection.execute(f"SELECT name FROM pragma_table_info('{versions[0]}') LIMIT 1")
            connection.execute(
                f"UPDATE {versions[0]} SET {column} = 9999 WHERE {column} = "
                f"(SELECT max({column}) FROM {versions[0]})"
            )
        connection.commit()
        connection.close()
        self.expect_refusal(registry, "9999")

    def test_another_program_that_looks_at_the_database_harms_nothing(self):
        registry = self.start_registry()
        client = registry.client()
        client.push_image(REPOSITORY, "before")
        looking = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM tags').fetchall()"
        subprocess.run([sys.executable, "-c", looking, self.database(registry)], check=True)
        image = client.push_image(REPOSITORY, "after")
        client.close()
        registry.kill()
        client = registry.start().client()
        self.assertEqual(client.get(f"/v2/{REPOSITORY}/manifests/after").body, image)
        client.close()

    # The log.

    def test_a_log_that_nobody_reads_does_not_hold_up_the_end(self):
        registry = self.new_registry()
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.set_blocking(writing, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
        process = subprocess.Popen(
            [BINARY, "serve", "-addr", f"127.0.0.1:{address[1]}", "-datadir", registry.datadir, *registry.flags],
            stdin=subprocess.DEVNULL, stdout=writing, stderr=writing,
        )  # fmt: skip
        self.addCleanup(process.kill)

        def listening():
            try:
                socket.create_connection(address).close()
                return True
            except ConnectionRefusedError:
                return False

        wait_for(listening, "the registry to listen")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    # Blobs.

    def test_a_blob_file_that_vanished_is_a_server_error_never_wrong_bytes(self):
        registry = self.start_registry()
        client = registry.client()
        digest = client.push_blob(REPOSITORY, b"x" * 100_000)
        other = client.push_blob(REPOSITORY, b"y" * 100_000)
        files = list(registry.datadir.rglob(f"*{digest.partition(':')[2]}*"))
        self.assertEqual(len(files), 1)
        files[0].unlink()
        answer = client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=None)
        self.assertIn(answer.status, (404, 500), answer)
        self.expect_all_there(client, [other])

    # The address and the certificate.

    def test_a_port_that_is_taken_ends_the_start_and_names_it(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = self.serve_on(f"127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"127.0.0.1:{port}".encode(), done.stderr)
        self.assertIn(b"in use", done.stderr.lower())

    def serve_on(self, address):
        return run_binary(
            "serve", "-addr", address, "-datadir", self.folder / "data", "-adminpwd", "x", timeout_s=30
        )

    def test_an_address_of_another_machine_ends_the_start(self):
        done = self.serve_on("192.0.2.1:5000")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"192.0.2.1:5000", done.stderr)

    def test_a_missing_or_bad_certificate_ends_the_start_and_names_it(self):
        missing = self.folder / "missing.crt"
        nonsense = self.folder / "nonsense.crt"
        nonsense.write_text("no certificate")
        for certificate in (missing, nonsense):
            registry = self.new_registry("-cert", certificate, "-key", certificate)
            self.expect_refusal(registry, certificate)

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_a_key_of_another_certificate_ends_the_start(self):
        certificate, _ = make_certificate(self.folder, "one")
        _, key = make_certificate(self.folder, "two")
        registry = self.new_registry("-cert", certificate, "-key", key)
        self.expect_refusal(registry, key)

    def test_a_missing_password_file_ends_the_start_and_names_it(self):
        missing = self.folder / "missing.txt"
        registry = self.new_registry("-adminpwdfile", missing, password=None)
        registry.launch()
        self.assertIn(registry.process.wait(30), (1, 2))
        self.assertIn(str(missing), registry.raw_log())
        self.assertFalse(pathlib.Path(missing).exists())


if __name__ == "__main__":
    unittest.main()
