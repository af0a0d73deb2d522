"""SIGTERM: not ready but serving, then draining, then cut off."""

import signal
import socket
import time
import unittest

from registry import RegistryTestCase, digest_of, wait_for, with_query

REPOSITORY = "team/app"
# More than socket buffers take.
BIG = b"0123456789abcdef" * 2_000_000


def close_and_wait(sock):
    """Returns once the registry has closed the connection too: it counts those that are open."""
    with sock:
        try:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass


class Shutdown(RegistryTestCase):
    start_at_once = False

    def start(self, *flags, **options):
        self.registry = self.start_registry(*flags, **options)
        self.client = self.registry.client()
        self.addCleanup(self.client.close)

    def terminate(self):
        self.registry.process.send_signal(signal.SIGTERM)

    def ready_status(self):
        client = self.registry.client(None)
        try:
            return client.get("/readyz", expect=None).status
        finally:
            client.close()

    def expect_no_new_connections(self):
        def refused():
            try:
                close_and_wait(self.registry.connect(5).sock)
                return False
            except (ConnectionRefusedError, ConnectionResetError):
                return True

        wait_for(refused, "new connections to be refused")

    def slow_download(self):
        """A connection that has begun to read a large blob, and does not go on."""
        digest = self.client.push_blob(REPOSITORY, BIG)
        connection = self.registry.connect()
        self.addCleanup(connection.close)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
        connection.sock.recv(1000)
        # So that the download is the only connection.
        close_and_wait(self.client.connection.sock)
        return connection

    def test_while_the_delay_lasts_readyz_says_503_and_all_else_is_served(self):
        self.start("-shutdowndelay", "1h")
        digest = self.client.push_blob(REPOSITORY, b"before")
        self.terminate()
        wait_for(lambda: self.ready_status() == 503, "/readyz to say 503")
        # On new connections and old ones, reading and writing.
        client = self.registry.client()
        self.addCleanup(client.close)
        for each in (self.client, client):
            each.get("/healthz")
            self.assertEqual(each.get(f"/v2/{REPOSITORY}/blobs/{digest}").body, b"before")
            each.push_image(REPOSITORY, "v1", [b"during"])
        answer = client.get("/readyz", expect=503)
        self.assertIn("shutting down", answer.error_message())
        # Another signal ends the delay.
        self.terminate()
        self.registry.wait_ended()

    def test_after_the_delay_the_listener_closes_and_the_process_ends(self):
        self.start(env={"SIMPLE_REGISTRY_SHUTDOWNDELAY": "1s"})
        begun = time.monotonic()
        self.terminate()
        self.registry.wait_ended()
        self.assertGreaterEqual(time.monotonic() - begun, 1)
        [line] = self.registry.log(signal="Terminated", seconds=1)
        self.assertIn("/readyz", line["message"])

    def test_without_a_delay_the_listener_closes_at_once(self):
        self.start()
        self.terminate()
        self.registry.wait_ended()
        self.assertEqual(len(self.registry.log(signal="Terminated")), 1)

    def test_transfers_that_outlast_the_drain_timeout_are_cut_off(self):
        self.start("-draintimeout", "1s")
        connection = self.slow_download()
        self.terminate()
        self.expect_no_new_connections()
        self.registry.wait_ended()
        [line] = self.registry.log(message="requests cut off")
        self.assertEqual(line["connections"], 1)
        self.assertLess(len(connection.file.read()), len(BIG))

    def test_transfers_may_take_as_long_as_the_drain_timeout(self):
        self.start("-draintimeout", "1h")
        path = with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(BIG))
        with self.registry.connect() as connection:
            connection.request("PUT", path, {"Content-Length": len(BIG), "Expect": "100-continue"})
            self.assertEqual(connection.response().status, 100)
            self.terminate()
            self.expect_no_new_connections()
            connection.send(BIG)
            self.assertEqual(connection.response().status, 201)
        self.registry.wait_ended()
        self.assertEqual(self.registry.log(message="requests cut off"), [])

    def test_another_signal_cuts_transfers_off_at_once(self):
        self.start("-draintimeout", "1h")
        self.slow_download()
        self.terminate()
        self.expect_no_new_connections()
        self.registry.process.send_signal(signal.SIGHUP)
        self.registry.process.send_signal(signal.SIGINT)
        self.registry.wait_ended()
        [line] = self.registry.log(message="requests cut off")
        self.assertEqual(line["connections"], 1)

    def test_the_files_of_cfgdir_may_say_both(self):
        folder = self.folder / "config"
        folder.mkdir()
        (folder / "a.yaml").write_text(
            "apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: Configuration\n"
            "spec:\n  web: {shutdownDelay: 2s, drainTimeout: 7s}\n"
        )
        self.registry = self.start_registry("-cfgdir", folder, password=None)
        self.terminate()
        self.registry.wait_ended()
        self.assertEqual([line["seconds"] for line in self.registry.log(signal="Terminated")], [2, 7])


if __name__ == "__main__":
    unittest.main()
