"""Certificates, keys, CAs, passwords and secrets that are renewed while the registry serves."""

import os
import shutil
import signal
import socket
import ssl
import threading
import unittest

import grpc
from admin_api import AdminApi
from certificates import Authority
from registry import PASSWORD, USER, RegistryTestCase, basic, run_binary, wait_for

HTTPS = "the certificate of HTTPS"
ADMIN_API = "the certificates of the admin API"
TOKEN_SECRET = "the token secret"
# A change is noticed after 10 s.
NOTICED_S = 60


class RenewalCase(RegistryTestCase):
    """Not a test of its own."""

    start_at_once = False

    def replace(self, path, content):
        """As careful programs write files: nobody sees half of it."""
        new = path.with_name(path.name + ".new")
        new.write_bytes(content)
        new.rename(path)

    def hang_up(self):
        self.registry.process.send_signal(signal.SIGHUP)

    def renewed(self, what):
        return self.registry.log(message=f"{what} was renewed")

    def expect_renewed(self, what, times=1):
        wait_for(lambda: len(self.renewed(what)) >= times, f"{what} to be renewed", NOTICED_S)

    def expect_not_renewed(self, what, *words):
        [line] = wait_for(
            lambda: self.registry.log(message=f"{what} was not renewed, and the old one stays"),
            f"{what} to be refused", NOTICED_S,
        )  # fmt: skip
        self.assertEqual(line["level"], "error")
        for word in words:
            self.assertIn(str(word), line["error"])


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class HttpsRenewal(RenewalCase):
    def setUp(self):
        super().setUp()
        self.ca = Authority(self.folder, "ca")
        self.folder_of_files = self.folder / "tls"
        self.folder_of_files.mkdir()
        self.certificate, self.key = self.folder_of_files / "tls.crt", self.folder_of_files / "tls.key"

    def issue(self, name):
        """The contents of a certificate for that name and of its key."""
        return [path.read_bytes() for path in self.ca.issue(name, f"/CN={name}")]

    def start(self):
        self.registry = self.start_registry(
            "-cert", self.certificate, "-key", self.key, scheme="https", ca=str(self.ca.certificate)
        )

    def connect_tls(self):
        context = ssl.create_default_context(cafile=self.ca.certificate)
        plain = socket.create_connection(("127.0.0.1", self.registry.port), 30)
        secure = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.addCleanup(secure.close)
        return secure

    def name_of(self, connection):
        return dict(part[0] for part in connection.getpeercert()["subject"])["commonName"]

    def served(self):
        return self.name_of(self.connect_tls())

    def answers(self, connection):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection.recv(1000).startswith(b"HTTP/1.1 200")

    def write(self, name):
        certificate, key = self.issue(name)
        self.replace(self.certificate, certificate)
        self.replace(self.key, key)

    def test_a_renewed_certificate_is_used_after_a_signal_and_open_connections_go_on(self):
        self.write("first.test")
        self.start()
        old = self.connect_tls()
        self.assertTrue(self.answers(old))
        self.write("second.test")
        self.hang_up()
        self.expect_renewed(HTTPS)
        self.assertEqual(self.served(), "second.test")
        self.assertEqual(self.name_of(old), "first.test")
        self.assertTrue(self.answers(old))

    def test_a_renewed_certificate_is_noticed_without_a_signal(self):
        self.write("first.test")
        self.start()
        self.write("second.test")
        wait_for(lambda: self.served() == "second.test", "the new certificate", NOTICED_S)

    def test_a_certificate_that_is_wrong_leaves_the_old_one(self):
        self.write("first.test")
        self.start()
        self.replace(self.certificate, b"no certificate")
        self.hang_up()
        self.expect_not_renewed(HTTPS, self.certificate, "PEM")
        self.assertEqual(self.served(), "first.test")
        # Nor does half of a renewal: the certificate is there, its key is not yet.
        certificate, key = self.issue("second.test")
        self.replace(self.certificate, certificate)
        self.hang_up()
        failures = f"{HTTPS} was not renewed, and the old one stays"
        wait_for(lambda: len(self.registry.log(message=failures)) == 2, "another refusal", NOTICED_S)
        self.assertIn("mismatch", self.registry.log(message=failures)[1]["error"])
        self.assertEqual(self.served(), "first.test")
        self.replace(self.key, key)
        self.hang_up()
        self.expect_renewed(HTTPS)
        self.assertEqual(self.served(), "second.test")

    def test_files_that_are_gone_leave_the_old_ones(self):
        self.write("first.test")
        self.start()
        self.key.unlink()
        self.hang_up()
        self.expect_not_renewed(HTTPS, self.key, "No such file")
        self.assertEqual(self.served(), "first.test")

    def test_a_link_that_is_switched_is_noticed(self):
        # As Kubernetes mounts Secrets and ConfigMaps.
        for name in ("first.test", "second.test"):
            folder = self.folder_of_files / f"..{name}"
            folder.mkdir()
            certificate, key = self.issue(name)
            (folder / "tls.crt").write_bytes(certificate)
            (folder / "tls.key").write_bytes(key)
        data = self.folder_of_files / "..data"
        data.symlink_to("..first.test")
        for path in (self.certificate, self.key):
            path.symlink_to(f"..data/{path.name}")
        self.start()
        self.assertEqual(self.served(), "first.test")
        switched = self.folder_of_files / "..data_tmp"
        switched.symlink_to("..second.test")
        switched.rename(data)
        wait_for(lambda: self.served() == "second.test", "the new certificate", NOTICED_S)
        self.assertEqual(self.registry.log(level="error"), [])

    def test_a_signal_without_new_files_changes_nothing(self):
        self.write("first.test")
        self.start()
        self.hang_up()
        self.hang_up()
        wait_for(lambda: self.served() == "first.test", "an answer")
        self.registry.stop()
        self.assertEqual(self.renewed(HTTPS), [])
        self.assertEqual(self.registry.log(level="error"), [])


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class AdminApiRenewal(RenewalCase):
    def setUp(self):
        super().setUp()
        self.ca = Authority(self.folder, "ca")
        self.server = self.ca.issue("server", "/CN=registry.test")
        self.alice = self.ca.issue("alice", "/CN=alice")
        self.ca_file = self.folder / "clients.crt"
        self.ca_file.write_bytes(self.ca.certificate.read_bytes())
        self.registry = self.start_registry(
            "-grpcaddr", "127.0.0.1:0", "-grpccertfile", self.server[0], "-grpckeyfile", self.server[1],
            "-grpccafile", self.ca_file,
        )  # fmt: skip
        [line] = self.registry.logged(message="the admin API is listening")
        self.address = line["address"]

    def api(self, identity, server_ca):
        certificate, key = (path.read_bytes() for path in identity)
        api = AdminApi(self.address, grpc.ssl_channel_credentials(server_ca.certificate.read_bytes(), key, certificate))
        self.addCleanup(api.close)
        return api

    def lists_users(self, identity, server_ca):
        certificate, key = identity
        done = run_binary("admin", "-server", self.address, "-clientcertfile", certificate, "-clientkeyfile", key,
                          "-servercafile", server_ca.certificate, "users", "list")  # fmt: skip
        return done.returncode == 0

    def test_certificate_key_and_ca_are_renewed_together_and_open_connections_go_on(self):
        old = self.api(self.alice, self.ca)
        old.ListUsers()
        new_ca = Authority(self.folder, "newca")
        bob = new_ca.issue("bob", "/CN=bob")
        self.assertFalse(self.lists_users(bob, self.ca))
        certificate, key = new_ca.issue("server2", "/CN=registry.test")
        self.replace(self.server[0], certificate.read_bytes())
        self.replace(self.server[1], key.read_bytes())
        self.replace(self.ca_file, new_ca.certificate.read_bytes())
        self.hang_up()
        self.expect_renewed(ADMIN_API)
        self.assertTrue(self.lists_users(bob, new_ca))
        self.assertFalse(self.lists_users(bob, self.ca))
        self.assertFalse(self.lists_users(self.alice, new_ca))
        old.ListUsers()

    def test_files_that_are_wrong_leave_the_old_ones(self):
        self.replace(self.ca_file, b"no certificate")
        self.hang_up()
        self.expect_not_renewed(ADMIN_API, "-grpccafile", self.ca_file)
        self.assertTrue(self.lists_users(self.alice, self.ca))


class PasswordRenewal(RenewalCase):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "pwd.txt"
        self.file.write_bytes(PASSWORD.encode() + b"\n")

    def start(self, *flags, path=None):
        self.registry = self.start_registry("-adminpwdfile", path or self.file, *flags, password=None)

    def status(self, authorization):
        client = self.registry.client(authorization)
        try:
            return client.get("/v2/", expect=None).status
        finally:
            client.close()

    def accepts(self, password):
        return self.status(basic(USER, password)) == 200

    def token(self):
        client = self.registry.client()
        self.addCleanup(client.close)
        return "Bearer " + client.get("/token").json()["token"]

    def test_a_new_password_lets_in_and_the_old_one_and_its_tokens_do_not(self):
        self.start()
        self.assertTrue(self.accepts(PASSWORD))
        token = self.token()
        self.assertEqual(self.status(token), 200)
        self.replace(self.file, b"another password\n")
        self.hang_up()
        wait_for(lambda: self.registry.log(message="the policy was reloaded"), "a reload")
        self.assertTrue(self.accepts("another password"))
        # The gateway learns of it within a second.
        wait_for(lambda: not self.accepts(PASSWORD), "the old password to end")
        wait_for(lambda: self.status(token) == 401, "the old token to end")

    def test_a_new_hash_is_noticed_without_a_signal(self):
        self.start()
        self.replace(self.file, run_binary("genhash", stdin=b"another password").stdout)
        # Not by logging in again and again: after ten failures nobody may.
        wait_for(lambda: self.registry.log(message="the policy was reloaded"), "a reload", NOTICED_S)
        self.assertTrue(self.accepts("another password"))
        wait_for(lambda: not self.accepts(PASSWORD), "the old password to end")

    def test_a_file_that_is_wrong_leaves_the_old_password(self):
        self.start()
        for content, word in ((b"", "empty"), (b"a\nb\n", "several lines"), (b"x" * 80, "80 bytes")):
            self.replace(self.file, content)
            self.hang_up()
            [line] = wait_for(
                lambda word=word: [line for line in self.registry.log(level="error") if word in line["error"]],
                "an error", NOTICED_S,
            )  # fmt: skip
            self.assertIn(str(self.file), line["error"])
            self.assertTrue(self.accepts(PASSWORD))
        self.assertFalse(self.accepts(""))

    def test_the_same_password_written_again_ends_no_token(self):
        self.start()
        token = self.token()
        self.replace(self.file, PASSWORD.encode() + b"\r\n")
        self.hang_up()
        wait_for(lambda: self.registry.log(message="the policy was reloaded"), "a reload")
        self.assertTrue(self.accepts(PASSWORD))
        self.assertEqual(self.status(token), 200)

    def test_a_pipe_is_read_once(self):
        # As in: serve -adminpwdfile <(vault read …)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(PASSWORD.encode(),))
        writer.start()
        self.start(path=pipe)
        writer.join()
        self.hang_up()
        wait_for(lambda: self.registry.log(level="warning"), "a line about the signal")
        self.assertTrue(self.accepts(PASSWORD))
        self.assertEqual(self.registry.log(level="error"), [])

    def test_a_new_token_secret_ends_the_tokens_of_the_old_one_at_once(self):
        secret = self.folder / "secret"
        secret.write_bytes(b"the first secret of this registry\n")
        self.start("-tokensecretfile", secret)
        token = self.token()
        self.assertEqual(self.status(token), 200)
        self.replace(secret, b"")
        self.hang_up()
        self.expect_not_renewed(TOKEN_SECRET, secret, "empty")
        self.assertEqual(self.status(token), 200)
        self.assertEqual(self.status(self.token()), 200)
        self.replace(secret, b"the second secret of this registry\n")
        self.hang_up()
        self.expect_renewed(TOKEN_SECRET)
        # The gateway has the old token in its cache.
        wait_for(lambda: self.status(token) == 401, "the old token to end")
        self.assertEqual(self.status(self.token()), 200)
        self.assertTrue(self.accepts(PASSWORD))


if __name__ == "__main__":
    unittest.main()
