"""While something else holds the database's writer, clients still read: GET and HEAD do not wait for it."""

import concurrent.futures
import sqlite3
import time

from registry import RegistryTestCase, digest_of, wait_for

REPOSITORY = "team/app"
HOUR_MS = 3_600_000
LAYER = b"a layer"


class BusyWriter(RegistryTestCase):
    engines = ("sqlite",)

    def setUp(self):
        super().setUp()
        self.manifest = self.client.push_image(REPOSITORY, "v1", [LAYER])
        self.blob = f"/v2/{REPOSITORY}/blobs/{digest_of(LAYER)}"
        self.by_digest = f"/v2/{REPOSITORY}/manifests/{digest_of(self.manifest)}"
        self.by_tag = f"/v2/{REPOSITORY}/manifests/v1"
        self.session = self.client.begin_upload(REPOSITORY)
        self.database = sqlite3.connect(self.registry.datadir / "metadata.db", isolation_level=None, timeout=60)
        self.addCleanup(self.database.close)

    def age(self, table, hours):
        """Makes rows look as if they were last used that long ago. Returns that time."""
        then = int(time.time() * 1000) - int(hours * HOUR_MS)
        self.database.execute(f"UPDATE {table} SET touched_at_ms = ?", (then,))
        return then

    def newest(self, table):
        return self.database.execute(f"SELECT max(touched_at_ms) FROM {table}").fetchone()[0]

    def ask(self, method, path, statuses):
        client = self.registry.client()
        try:
            answer = client.request(method, path)
            self.assertIn(answer.status, statuses, f"{method} {path}: {answer}")
            return answer
        finally:
            client.close()

    def test_pulls_and_heads_are_answered_and_recorded_later(self):
        tables = ("blobs", "manifests", "uploads")
        then = {table: self.age(table, 2) for table in tables}
        questions = [
            ("HEAD", self.blob, (200,)),
            ("HEAD", self.by_tag, (200,)),
            ("HEAD", self.by_digest, (200,)),
            ("GET", self.session, (204,)),
            ("GET", self.blob, (200,)),
            ("GET", self.by_tag, (200,)),
        ] * 5
        with concurrent.futures.ThreadPoolExecutor(len(questions) + 1) as pool:
            self.database.execute("BEGIN IMMEDIATE")
            try:
                waiting = pool.submit(self.ask, "POST", f"/v2/{REPOSITORY}/blobs/uploads/", (202, 503))
                for answered in [pool.submit(self.ask, *question) for question in questions]:
                    answered.result()
                for table in tables:
                    self.assertEqual(self.newest(table), then[table], table)
            finally:
                self.database.execute("ROLLBACK")
            waiting.result()
        for table in tables:
            wait_for(lambda table=table: self.newest(table) > then[table], f"{table} to be touched")

    def test_a_head_that_must_be_recorded_first_is_503_and_pulls_go_on(self):
        self.age("blobs", 13)
        self.age("manifests", 13)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            self.database.execute("BEGIN IMMEDIATE")
            try:
                heads = [pool.submit(self.ask, "HEAD", self.blob, (503,)) for _ in range(10)]
                for question in [("GET", self.blob, (200,)), ("HEAD", self.by_tag, (200,))] * 5:
                    pool.submit(self.ask, *question).result()
                for head in heads:
                    self.assertIn("Retry-After", head.result().headers)
            finally:
                self.database.execute("ROLLBACK")
        self.ask("HEAD", self.blob, (200,))
        self.assertGreater(self.newest("blobs"), int(time.time() * 1000) - HOUR_MS)

    def test_a_session_that_ended_is_unknown_although_it_needs_no_write(self):
        self.age("uploads", 2)
        self.client.delete(self.session, expect=204)
        self.ask("GET", self.session, (404,))
