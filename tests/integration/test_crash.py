"""kill -9 at random moments: everything answered 201 is stored, and nothing partial is ever served.

The moments come from a seed, which a failure prints; REGISTRY_TEST_SEED=N repeats a run as nearly
as threads allow.
"""

import http.client
import json
import os
import random
import threading
import time
import unittest

from registry import (
    SANITIZER,
    RegistryTestCase,
    digest_of,
    image_manifest,
    with_query,
)

PUSHES = 100
WORKERS = 4
# A push takes some milliseconds; the kill comes after zero to about ten pushes.
LONGEST_LIFE_S = 0.2 if SANITIZER else 0.08
REPOSITORY = "team/app"


class Push:
    """One push of an image of two blobs, in one of three ways, with the registry's responses."""

    def __init__(self, number, rng):
        self.tag = f"v{number}"
        self.config = json.dumps({"number": number}).encode()
        self.layer = rng.randbytes(rng.choice((10, 5_000, 200_000, 3_000_000)))
        self.manifest = json.dumps(image_manifest(self.config, [self.layer])).encode()
        self.way = rng.randrange(3)
        self.stored = set()
        self.tagged = False
        # An upload with at least one answered PATCH: its location and size at that time.
        self.patched = None

    def run(self, client):
        for data in (self.config, self.layer):
            self.push_blob(client, data)
            self.stored.add(digest_of(data))
        client.put_manifest(REPOSITORY, self.tag, self.manifest)
        self.tagged = True

    def push_blob(self, client, data):
        digest = digest_of(data)
        if self.way == 0:
            client.post(f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest}", data, expect=201)
            return
        location = client.begin_upload(REPOSITORY)
        if self.way == 1:
            client.put(with_query(location, digest=digest), data)
            return
        half = len(data) // 2
        client.patch(location, data[:half], {"Content-Range": f"0-{half - 1}"})
        self.patched = (location, data)
        client.patch(location, data[half:], {"Content-Range": f"{half}-{len(data) - 1}"})
        client.put(with_query(location, digest=digest))
        self.patched = None


class Crash(RegistryTestCase):
    ctest = {"TIMEOUT": 300, "PROCESSORS": 2}

    def test_kill_9_at_random_moments_of_100_pushes_loses_nothing(self):
        seed = int(os.environ.get("REGISTRY_TEST_SEED", time.time_ns() % 1_000_000))
        print(f"REGISTRY_TEST_SEED={seed}")
        rng = random.Random(seed)
        pushes = [Push(number, rng) for number in range(PUSHES)]
        waiting = list(reversed(pushes))
        kills = resumed = 0
        while waiting:
            self.push_until_killed(waiting, rng.uniform(0.005, LONGEST_LIFE_S))
            kills += 1
            self.registry.start()
            self.client.close()
            self.check(pushes)
            resumed += self.resume(pushes)
        print(f"{kills} kills, {resumed} uploads resumed")
        self.assertGreater(kills, 5)
        # Interrupted uploads can be pushed again.
        for push in pushes:
            push.way = 1
            push.run(self.client)
        self.check(pushes)
        self.registry.restart()
        self.check(pushes)

    def push_until_killed(self, waiting, seconds):
        """Workers push the waiting images until the process is killed."""

        def work():
            client = self.registry.client()
            try:
                while waiting:
                    waiting.pop().run(client)
            except (OSError, IndexError, http.client.HTTPException):
                pass  # Killed, or nothing left.
            finally:
                client.close()

        threads = [threading.Thread(target=work) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)  # Not for a condition: this is the random moment.
        self.registry.kill()
        for thread in threads:
            thread.join()

    def check(self, pushes):
        tags = set()
        if any(push.tagged for push in pushes):
            tags = set(self.client.get(f"/v2/{REPOSITORY}/tags/list").json()["tags"])
        for push in pushes:
            for data in (push.config, push.layer):
                digest = digest_of(data)
                answer = self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=None)
                if digest in push.stored:
                    self.assertEqual(answer.status, 200, f"{push.tag}: answered 201, but {answer}")
                self.assertIn(answer.status, (200, 404), answer)
                if answer.status == 200:
                    self.assertEqual(answer.body, data, f"{push.tag}: wrong bytes")
            answer = self.client.get(f"/v2/{REPOSITORY}/manifests/{push.tag}", expect=None)
            if push.tagged:
                self.assertEqual(answer.status, 200, f"{push.tag}: answered 201, but {answer}")
                self.assertIn(push.tag, tags)
            if answer.status == 200:
                self.assertEqual(answer.body, push.manifest)

    def resume(self, pushes):
        """Resumes each interrupted PATCH from the offset that GET reports."""
        resumed = 0
        for push in pushes:
            if push.patched is None:
                continue
            location, data = push.patched
            push.patched = None
            answer = self.client.get(location, expect=(204, 404))
            digest = digest_of(data)
            if answer.status == 404:
                # Its closing PUT succeeded, and only the response was lost.
                self.client.put(with_query(location, digest=digest))
            else:
                last = int(answer.headers["Range"].partition("-")[2])
                offset = last + 1 if last else 0
                self.assertGreaterEqual(offset, len(data) // 2, "bytes of an answered PATCH are lost")
                self.assertLessEqual(offset, len(data))
                rest = data[offset:]
                if rest:
                    headers = {"Content-Range": f"{offset}-{len(data) - 1}"}
                    self.client.patch(location, rest, headers)
                self.client.put(with_query(location, digest=digest))
            self.assertEqual(self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}").body, data)
            push.stored.add(digest)
            resumed += 1
        return resumed




if __name__ == "__main__":
    unittest.main()
