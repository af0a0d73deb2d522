"""Files that serve reads at its start: passwords and secrets as editors and htpasswd write them, keys
with a passphrase; and clients that speak TLS where there is none, or not where there is."""

import os
import pty
import select
import shutil
import socket
import ssl
import time
import unittest

from certificates import Authority, openssl
from registry import BINARY, PASSWORD, USER, RegistryTestCase, basic, clean_environment, run_binary

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class StartupFiles(RegistryTestCase):
    start_at_once = False

    def setUp(self):
        super().setUp()
        # htpasswd calls the same algorithm 2y.
        self.hash = run_binary("genhash", stdin=b"right").stdout.decode().strip().replace("$2b$", "$2y$")

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def refused(self, *flags):
        """Starts a registry that must not start, and returns its error."""
        done = run_binary("serve", "-addr", "127.0.0.1:0", "-datadir", self.folder / "refused", *flags, timeout_s=30)
        self.assertEqual(done.returncode, 1, done)
        return done.stderr.decode()

    def expect_password(self, content, password):
        registry = self.start_registry("-adminpwdfile", self.file("pwd.txt", content), password=None)
        registry.client(basic(USER, password)).get("/v2/")
        # Not the text of the file as it is.
        registry.client(basic(USER, content.decode(errors="replace").strip())).get("/v2/", expect=401)
        registry.stop()

    def test_a_byte_order_mark_is_no_part_of_a_password_or_hash(self):
        self.expect_password(BYTE_ORDER_MARK + PASSWORD.encode() + b"\r\n", PASSWORD)
        self.expect_password(BYTE_ORDER_MARK + self.hash.encode() + b"\r\n", "right")

    def test_a_byte_order_mark_is_no_part_of_a_token_secret(self):
        secret = b"a secret of more than sixteen bytes"
        registry = self.start_registry("-tokensecretfile", self.file("secret", BYTE_ORDER_MARK + secret))
        token = registry.client().get("/token").json()["token"]
        registry.stop()
        registry = self.start_registry("-tokensecretfile", self.file("secret", secret + b"\n"))
        registry.client(f"Bearer {token}").get("/v2/")

    def test_a_byte_order_mark_is_no_part_of_what_genhash_reads(self):
        done = run_binary("genhash", stdin=BYTE_ORDER_MARK + PASSWORD.encode() + b"\n")
        self.expect_password(done.stdout, PASSWORD)

    def test_utf_16_is_refused_with_the_remedy(self):
        for encoding in ("utf-16-le", "utf-16-be"):
            path = self.file("pwd.txt", ("\ufeff" + PASSWORD + "\r\n").encode(encoding))
            error = self.refused("-adminpwdfile", path)
            self.assertIn(str(path), error)
            self.assertIn("UTF-16", error)
            self.assertIn("save it as UTF-8", error)

    def test_a_line_of_htpasswd_is_understood(self):
        # htpasswd -nB prints an empty line, too.
        self.expect_password(f"{USER}:{self.hash}\n\n".encode(), "right")
        self.expect_password(f"{USER}:{self.hash}".encode(), "right")

    def test_a_line_of_htpasswd_for_another_user_is_refused(self):
        error = self.refused("-adminpwdfile", self.file("pwd.txt", f"bob:{self.hash}\n".encode()))
        for word in ("pwd.txt", "htpasswd", '"bob"', f'"{USER}"', "-adminname bob"):
            self.assertIn(word, error)
        self.assertNotIn(self.hash, error)
        registry = self.start_registry("-adminname", "bob", "-adminpwdfile", self.folder / "pwd.txt", password=None)
        registry.client(basic("bob", "right")).get("/v2/")

    def test_a_line_of_htpasswd_without_bcrypt_is_refused(self):
        for other in ("$apr1$abcdefgh$CI/5wQUJl6iCJIdEPu2N3.", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="):
            error = self.refused("-adminpwdfile", self.file("pwd.txt", f"{USER}:{other}\n".encode()))
            self.assertIn("htpasswd -nB", error)
            self.assertNotIn(other, error)

    def test_a_password_with_a_colon_is_a_password(self):
        self.expect_password(b"a:b$2c \n", "a:b$2c ")


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class EncryptedKeys(RegistryTestCase):
    start_at_once = False

    def setUp(self):
        super().setUp()
        self.ca = Authority(self.folder, "ca")
        self.certificate, self.key = self.ca.issue("server", "/CN=registry.test")
        self.encrypted = [self.folder / "pkcs8.key", self.folder / "traditional.key"]
        openssl("pkey", "-in", self.key, "-aes256", "-passout", "pass:sesame", "-out", self.encrypted[0])
        openssl("ec", "-in", self.key, "-aes256", "-passout", "pass:sesame", "-out", self.encrypted[1])

    def run_at_terminal(self, *arguments):
        """Runs a command whose controlling terminal nobody types at. Returns its status and output."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(BINARY, [BINARY, *map(str, arguments)], clean_environment())
        output, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    output += os.read(terminal, 10_000)
                except OSError:  # The process has ended.
                    break
        else:
            os.kill(pid, 9)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode()

    def expect_named(self, done, key):
        status, output = done
        self.assertEqual(status, 1, output)
        self.assertIn(str(key), output)
        self.assertIn("encrypted", output)
        self.assertIn("openssl pkey -in", output)
        self.assertNotIn("Enter", output)

    def test_an_encrypted_key_is_an_error_and_never_a_prompt(self):
        serve = ("serve", "-addr", "127.0.0.1:0", "-datadir", self.folder / "data", "-adminpwd", PASSWORD)
        for key in self.encrypted:
            self.expect_named(self.run_at_terminal(*serve, "-cert", self.certificate, "-key", key), key)
            self.expect_named(
                self.run_at_terminal(*serve, "-grpcaddr", "127.0.0.1:0", "-grpccertfile", self.certificate,
                                     "-grpckeyfile", key, "-grpccafile", self.ca.certificate),
                key,
            )  # fmt: skip

    def test_an_administrator_s_encrypted_key_is_an_error_and_never_a_prompt(self):
        for key in self.encrypted:
            self.expect_named(
                self.run_at_terminal("admin", "-server", "127.0.0.1:1", "-clientcertfile", self.certificate,
                                     "-clientkeyfile", key, "-servercafile", self.ca.certificate, "users", "list"),
                key,
            )  # fmt: skip

    def test_files_that_are_swapped_or_do_not_belong_together_are_named(self):
        other = self.ca.issue("other", "/CN=other.test")[1]
        for certificate, key, wrong in ((self.key, self.certificate, self.key), (self.certificate, other, other),
                                        (self.certificate, self.folder / "none.key", self.folder / "none.key")):  # fmt: skip
            done = run_binary("serve", "-addr", "127.0.0.1:0", "-datadir", self.folder / "data", "-adminpwd", PASSWORD,
                              "-cert", certificate, "-key", key)  # fmt: skip
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(str(wrong), done.stderr.decode())

    def test_certificate_chain_and_key_may_stand_in_one_file(self):
        both = self.folder / "both.pem"
        both.write_bytes(self.certificate.read_bytes() + self.ca.certificate.read_bytes() + self.key.read_bytes())
        registry = self.start_registry("-cert", both, "-key", both, scheme="https", ca=str(self.ca.certificate))
        registry.client().get("/v2/")


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class WrongProtocol(RegistryTestCase):
    start_at_once = False

    def test_plain_http_on_the_https_port_is_a_400_that_says_so(self):
        certificate, key = Authority(self.folder, "ca").issue("server", "/CN=registry.test")
        self.registry = self.start_registry("-cert", certificate, "-key", key, scheme="https", ca=str(certificate))
        for method in ("GET", "POST"):
            with self.registry.connect() as connection:
                connection.request(method, "/v2/", {"Content-Length": 5}, b"hello")
                answer = connection.response()
                self.expect_error(answer, 400, "UNSUPPORTED")
                self.assertIn("HTTPS", answer.error_message())
                self.assertIn("https://", answer.error_message())
                self.assertEqual(answer.headers["Connection"], "close")
                self.assertTrue(connection.closed_by_peer())

    def test_tls_on_the_http_port_is_answered_at_once_so_that_clients_can_tell(self):
        self.registry = self.start_registry()
        with socket.create_connection(("127.0.0.1", self.registry.port), 10) as plain:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            begun = time.monotonic()
            with self.assertRaises(ssl.SSLError) as raised:
                context.wrap_socket(plain)
            # Not only after the 15 s that a request's header may take.
            self.assertLess(time.monotonic() - begun, 9)
        self.assertIn(raised.exception.reason, ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"))
        with self.registry.connect() as connection:
            connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            answer = connection.response()
            self.expect_error(answer, 400, "UNSUPPORTED")
            self.assertIn("http://", answer.error_message())
        self.registry.client().get("/v2/")


if __name__ == "__main__":
    unittest.main()
