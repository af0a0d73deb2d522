"""PostgreSQL fails while clients push: nothing acknowledged is lost, nothing is done twice.

The registry reaches the server through a proxy that breaks connections, most of all while a COMMIT is
under way: before it reaches the server, or before its answer reaches the registry. Meanwhile the
server is killed and started again. A seed decides when; a failure prints it.
"""

import json
import os
import pathlib
import random
import secrets
import select
import shutil
import socket
import tempfile
import threading
import time

import postgres
import registry
from registry import RegistryTestCase, digest_of

SEED = int(os.environ.get("REGISTRY_TEST_SEED", secrets.randbits(32)))
# `./dev test -all` gives more.
SECONDS = int(os.environ.get("REGISTRY_TEST_FAULT_SECONDS", "15"))


class BreakingProxy:
    """Listens on TCP and forwards to the server's socket, until it breaks a connection."""

    def __init__(self, target, chance, seed):
        self.target = str(target)
        self.chance = chance
        self.random = random.Random(seed)
        self.lost_before = 0
        self.lost_after = 0
        self.lost_elsewhere = 0
        self.closing = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.closing = True
        self.listener.close()

    def _accept(self):
        while not self.closing:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.target)
            self._forward(client, server)
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def _forward(self, client, server):
        break_at_answer = False
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65536)
                if not data:
                    return
                if source is server:
                    if break_at_answer:
                        self.lost_after += 1
                        return
                    client.sendall(data)
                    continue
                if self.random.random() < self.chance and b"COMMIT\0" in data:
                    if self.random.random() < 0.5:
                        self.lost_before += 1
                        return
                    break_at_answer = True
                elif self.random.random() < self.chance / 20:
                    self.lost_elsewhere += 1
                    return
                server.sendall(data)


class Pusher(threading.Thread):
    """Moves its own tag from manifest to manifest, and remembers what was acknowledged."""

    def __init__(self, test, number, end):
        super().__init__(daemon=True)
        self.test = test
        self.tag = f"tag-{number}"
        self.number = number
        self.end = end
        self.blobs = []
        self.manifests = []
        self.refused = 0
        self.error = None

    def run(self):
        try:
            client = self.test.registry.client()
            while time.monotonic() < self.end:
                self._push(client, len(self.manifests))
            client.close()
        except BaseException as error:  # noqa: BLE001 – the test reports it
            self.error = error

    def _push(self, client, count):
        content = f"blob {self.number} {count}".encode()
        digest = digest_of(content)
        self._until_acknowledged(lambda: self._push_blob(client, content, digest))
        self.blobs.append(digest)
        manifest = json.dumps(registry.image_manifest(content, [])).encode()
        self._until_acknowledged(
            lambda: client.put(
                f"/v2/team/app/manifests/{self.tag}",
                manifest,
                {"Content-Type": registry.OCI_MANIFEST},
                expect=None,
            )
        )
        self.manifests.append(digest_of(manifest))

    @staticmethod
    def _push_blob(client, content, digest):
        begun = client.post("/v2/team/app/blobs/uploads/", expect=None)
        if begun.status != 202:
            return begun
        location = registry.with_query(begun.headers["Location"], digest=digest)
        return client.put(location, content, expect=None)

    def _until_acknowledged(self, attempt):
        while True:
            answer = attempt()
            if answer.status == 201:
                return
            # 404: the upload was begun without waiting for the disk, and the server lost it.
            self.test.assertIn(answer.status, (404, 503, 504), answer)
            self.refused += 1
            time.sleep(0.02)


class PostgresFaults(RegistryTestCase):
    engines = ("sqlite",)
    ctest = {"TIMEOUT": 600}
    long = {"REGISTRY_TEST_FAULT_SECONDS": "120"}
    start_at_once = False

    def setUp(self):
        super().setUp()
        # Outside the test's folder, which only its user may enter.
        folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-pg-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.server = postgres.Server(folder / "server", durable=True)
        folder.chmod(0o755)
        self.server.create()
        self.server.start()
        self.addCleanup(self.server.kill)
        self.server.sql("CREATE DATABASE registry")

    def start_behind_proxy(self, chance):
        print(f"seed {SEED}", flush=True)
        proxy = BreakingProxy(self.server.folder / ".s.PGSQL.5432", chance, SEED)
        self.addCleanup(proxy.close)
        url = f"postgresql://registry@127.0.0.1:{proxy.port}/registry"
        self.registry = self.new_registry("-database", url)
        self.registry.start()
        return proxy

    def push_while(self, disturb, pushers=4):
        """Pushes until `disturb()` has returned."""
        threads = [Pusher(self, number, time.monotonic() + SECONDS) for number in range(pushers)]
        for thread in threads:
            thread.start()
        disturb(threads)
        for thread in threads:
            thread.join(SECONDS + 120)
            self.assertFalse(thread.is_alive(), f"seed {SEED}: a pusher hangs")
            if thread.error is not None:
                raise AssertionError(f"seed {SEED}") from thread.error
        return threads

    def check_everything(self, pushers):
        client = self.registry.client()
        for pusher in pushers:
            self.assertTrue(pusher.manifests, f"seed {SEED}")
            for digest in pusher.blobs:
                client.head(f"/v2/team/app/blobs/{digest}")
            for digest in pusher.manifests:
                client.get(f"/v2/team/app/manifests/{digest}")
            head = client.head(f"/v2/team/app/manifests/{pusher.tag}")
            self.assertEqual(head.headers["Docker-Content-Digest"], pusher.manifests[-1])
            history = self.server.sql(
                f"SELECT digest FROM tag_history WHERE tag = '{pusher.tag}' ORDER BY id", "registry"
            ).split()
            self.assertEqual(history, pusher.manifests, f"seed {SEED}: {pusher.tag}")
        client.close()

    def test_connections_that_break_in_mid_commit_lose_nothing_and_repeat_nothing(self):
        proxy = self.start_behind_proxy(chance=0.05)
        pushers = self.push_while(lambda _: None)
        proxy.chance = 0
        self.check_everything(pushers)
        self.assertGreater(proxy.lost_before, 3)
        self.assertGreater(proxy.lost_after, 3)
        print(
            f"seed {SEED}: {sum(len(p.manifests) for p in pushers)} pushes; connections lost before "
            f"COMMIT {proxy.lost_before}, after it {proxy.lost_after}, elsewhere "
            f"{proxy.lost_elsewhere}; answers 404, 503 or 504: {sum(p.refused for p in pushers)}"
        )

    def test_a_server_that_is_killed_and_started_again_loses_nothing_acknowledged(self):
        self.start_behind_proxy(chance=0)
        chance = random.Random(SEED)
        kills = 0

        def kill_and_start(threads):
            nonlocal kills
            end = threads[0].end
            while time.monotonic() < end - 2:
                time.sleep(chance.uniform(0.5, 2.5))
                self.server.kill()
                kills += 1
                time.sleep(chance.uniform(0, 0.5))
                self.server.start()

        pushers = self.push_while(kill_and_start)
        self.check_everything(pushers)
        self.assertGreaterEqual(kills, 2)
        print(
            f"seed {SEED}: {sum(len(p.manifests) for p in pushers)} pushes, {kills} kills; answers "
            f"404, 503 or 504: {sum(p.refused for p in pushers)}"
        )

    def test_a_server_that_stays_away_is_503_and_named_in_the_log(self):
        proxy = self.start_behind_proxy(chance=0)
        client = self.registry.client()
        client.push_blob("team/app", b"hello")
        self.server.stop("immediate")
        began = time.monotonic()
        answer = client.request("GET", "/v2/team/app/tags/list")
        self.assertEqual(answer.status, 503, answer)
        self.assertLess(time.monotonic() - began, 30)
        # It could not connect, or lost the connection at once: the proxy still listens.
        named = f"the database postgresql://registry@127.0.0.1:{proxy.port}/registry"
        registry.wait_for(lambda: named in self.registry.raw_log(), "the database's name in the log")
        self.server.start()
        client.head(f"/v2/team/app/blobs/{digest_of(b'hello')}")
        client.close()
