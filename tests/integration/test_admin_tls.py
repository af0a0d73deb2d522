"""The admin API over TCP: mutual TLS, and nothing without it."""

import shutil
import socket
import ssl
import unittest

import grpc
from admin_api import AdminApi, AdminError
from certificates import Authority
from registry import RegistryTestCase, run_binary


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class AdminTlsTestCase(RegistryTestCase):
    start_at_once = False

    def setUp(self):
        super().setUp()
        self.ca = Authority(self.folder, "ca")
        self.server = self.ca.issue("server", "/CN=registry.test")
        self.alice = self.ca.issue("alice", "/O=example/OU=ops/CN=alice")

    def grpc_flags(self, **changed):
        files = {"grpccertfile": self.server[0], "grpckeyfile": self.server[1], "grpccafile": self.ca.certificate,
                 "grpcaddr": "127.0.0.1:0", **changed}  # fmt: skip
        return [text for flag, value in files.items() if value is not None for text in (f"-{flag}", value)]

    def start(self, **options):
        self.registry = self.start_registry(*self.grpc_flags(), **options)
        [line] = self.registry.logged(message="the admin API is listening")
        self.address = line["address"]
        return self.address

    def api(self, identity=None, ca=None):
        """A client with that certificate and key; without them it only sees the server's certificate."""
        certificate, key = (path.read_bytes() for path in identity) if identity else (None, None)
        roots = (ca or self.ca).certificate.read_bytes()
        api = AdminApi(self.address, grpc.ssl_channel_credentials(roots, key, certificate))
        self.addCleanup(api.close)
        return api

    def admin(self, *arguments, identity=None, ca=None):
        certificate, key = identity or self.alice
        return run_binary("admin", "-server", self.address, "-clientcertfile", certificate, "-clientkeyfile", key,
                          "-servercafile", (ca or self.ca).certificate, *arguments)  # fmt: skip


class Clients(AdminTlsTestCase):
    def setUp(self):
        super().setUp()
        self.start()

    def test_a_certificate_of_the_ca_may_do_everything_and_is_named_in_the_audit_log(self):
        api = self.api(self.alice)
        api.CreateUser(user_id="bob", user={})
        event = api.ListAuditEvents(page_size=1).audit_events[0]
        self.assertEqual((event.principal, event.method), ("CN=alice,OU=ops,O=example", "CreateUser"))
        self.assertRegex(event.peer, r"^ipv4:127\.0\.0\.1:\d+$")
        [line] = self.registry.logged(message="the access policy was changed", method="CreateUser")
        self.assertEqual(line["principal"], event.principal)

    def test_the_command_works_from_elsewhere(self):
        done = self.admin("users", "create", "bob", "-nopassword")
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        self.assertIn(b"CN=alice,OU=ops,O=example", self.admin("audit", "-limit", "1").stdout)

    def test_a_subject_without_text_is_no_way_to_choose_a_name(self):
        api = self.api(self.ca.issue("nameless", "/"))
        api.metadata = [("x-local-user", "root")]
        api.CreateUser(user_id="bob", user={})
        self.assertEqual(api.ListAuditEvents(page_size=1).audit_events[0].principal,
                         "a certificate without a subject")  # fmt: skip

    def test_subjects_with_other_letters_are_escaped(self):
        api = self.api(self.ca.issue("zoe", "/O=a,b/CN=Zo\u00eb"))
        api.CreateUser(user_id="bob", user={})
        self.assertEqual(api.ListAuditEvents(page_size=1).audit_events[0].principal, r"CN=Zo\C3\AB,O=a\,b")

    def refused(self, api):
        with self.assertRaises(AdminError) as caught:
            api.ListUsers()
        self.assertEqual(caught.exception.code, grpc.StatusCode.UNAVAILABLE, caught.exception)

    def test_all_other_clients_are_refused(self):
        stranger = Authority(self.folder, "stranger")
        self.refused(self.api())
        self.refused(self.api(stranger.issue("mallory", "/CN=alice")))
        self.refused(self.api(self.ca.issue("late", "/CN=late", days=-1)))
        self.refused(self.api(self.alice, ca=stranger))
        plaintext = AdminApi(self.address)
        self.addCleanup(plaintext.close)
        self.refused(plaintext)
        self.assertEqual(len(self.api(self.alice).ListUsers().users), 1)

    def test_what_the_registry_logs_of_them_is_json(self):
        self.refused(self.api())
        lines = self.registry.raw_log().splitlines()
        self.assertEqual([line for line in lines if not line.startswith("{")], [])

    def test_the_command_says_in_one_sentence_that_it_is_refused(self):
        stranger = Authority(self.folder, "stranger")
        for options in ({"identity": stranger.issue("mallory", "/CN=alice")}, {"ca": stranger}):
            done = self.admin("users", "list", **options)
            self.assertEqual((done.returncode, done.stdout), (1, b""), done)
            self.assertRegex(done.stderr.decode(), rf'\Asimple-registry: the registry at "{self.address}" [^\n]+\n\Z')

    def handshake(self, version):
        context = ssl.create_default_context(cafile=self.ca.certificate)
        context.load_cert_chain(*self.alice)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.set_alpn_protocols(["h2"])
        context.minimum_version = context.maximum_version = version
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port)), 30) as plain:
            with context.wrap_socket(plain, server_hostname=host) as secure:
                return secure.version()

    def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(self):
        self.assertEqual(self.handshake(ssl.TLSVersion.TLSv1_2), "TLSv1.2")
        self.assertEqual(self.handshake(ssl.TLSVersion.TLSv1_3), "TLSv1.3")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.handshake(version)

    def test_nothing_is_served_but_admin_reflection_and_health(self):
        api = self.api(self.alice)
        answer = api.raw(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", b"\x3a\x01*", streams=True
        )
        for service in (b"registry.v1.AdminService", b"grpc.reflection.v1alpha.ServerReflection",
                        b"grpc.health.v1.Health"):  # fmt: skip
            self.assertIn(service, answer)
        self.assertEqual(answer.count(b"registry.v1."), 1)
        # HealthCheckResponse{status: SERVING}
        self.assertEqual(api.raw("/grpc.health.v1.Health/Check", b""), b"\x08\x01")
        for method in ("AccessService/Authorize", "MetadataService/ListCatalog", "StorageService/Read"):
            with self.assertRaises(AdminError) as caught:
                api.raw(f"/registry.v1.{method}", b"")
            self.assertEqual(caught.exception.code, grpc.StatusCode.UNIMPLEMENTED)


class Start(AdminTlsTestCase):
    def fails(self, status, *flags, datadir="data"):
        done = run_binary("serve", "-addr", "127.0.0.1:0", "-datadir", self.folder / datadir, "-adminpwd", "x", *flags)
        self.assertEqual(done.returncode, status, done)
        self.assertRegex(done.stderr.decode(), r"\Asimple-registry: [^\n]+\n\Z")
        return done.stderr.decode()

    def test_address_and_files_belong_together(self):
        for missing in ("grpccertfile", "grpckeyfile", "grpccafile"):
            message = self.fails(2, *self.grpc_flags(**{missing: None}))
            self.assertIn(f"-{missing} is missing", message)
        message = self.fails(2, *self.grpc_flags(grpcaddr=None))
        self.assertIn("give -grpcaddr", message)
        self.assertIn("-grpcaddr", self.fails(2, *self.grpc_flags(grpcaddr="nonsense")))

    def test_files_that_cannot_be_used_are_named_with_their_flag(self):
        other = self.ca.issue("other", "/CN=other")
        text = self.folder / "text"
        text.write_text("no PEM\n")
        for flag, path, word in (
            ("grpccertfile", self.folder / "none.crt", "No such file"),
            ("grpckeyfile", self.folder / "none.key", "No such file"),
            ("grpccafile", self.folder / "none.crt", "No such file"),
            ("grpccertfile", text, "PEM"),
            ("grpckeyfile", text, "PEM"),
            ("grpccafile", text, "PEM"),
            ("grpckeyfile", other[1], "mismatch"),
            ("grpccafile", self.folder, ""),
        ):
            with self.subTest(flag=flag, path=path):
                message = self.fails(1, *self.grpc_flags(**{flag: path}))
                self.assertIn(f"-{flag}", message)
                self.assertIn(str(path), message)
                self.assertIn(word, message)

    def test_an_address_in_use_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = run_binary("serve", "-addr", "127.0.0.1:0", "-datadir", self.folder / "data", "-adminpwd", "x",
                              *self.grpc_flags(grpcaddr=address))  # fmt: skip
        self.assertEqual(done.returncode, 1, done)
        # gRPC's message is a line of the log.
        *log, message = done.stderr.decode().splitlines()
        self.assertTrue(all(line.startswith("{") for line in log), log)
        self.assertRegex(message, rf'^simple-registry: the admin API cannot listen on "{address}": it is in use')

    def test_with_a_path_too_long_for_a_socket_it_is_served_over_tcp_with_a_warning(self):
        folder = self.folder / ("long-" * 20)
        folder.mkdir()
        self.start(folder=folder)
        self.assertEqual(len(self.api(self.alice).ListUsers().users), 1)
        self.assertFalse((self.registry.datadir / "admin.sock").exists())
        [line] = self.registry.logged(level="warning")
        self.assertIn("no socket", line["message"])




if __name__ == "__main__":
    unittest.main()
