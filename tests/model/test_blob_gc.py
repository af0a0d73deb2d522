"""The protocol of blobs holds in every interleaving, and each rule of it is needed."""

import unittest

import blob_gc


class BlobModel(unittest.TestCase):
    ctest = {"TIMEOUT": 300}

    def test_the_protocol_is_safe_in_every_interleaving(self):
        states, violation, trace = blob_gc.check("safe")
        self.assertEqual(violation, "", "\n".join(trace))
        # A model that explores next to nothing would be safe, too.
        self.assertGreater(states, 100_000)

    def test_every_broken_protocol_shows_its_violation(self):
        expected = {
            "noinc": "the registry itself deleted the bytes of a live blob",
            "norecheck": "a manifest references a blob without a row",
            "nointent": "the registry itself deleted the bytes of a live blob",
            "keepold": "a push was accepted and did not repair the blob",
            "noretry": "a GET failed although no copy was damaged",
            "marknewest": "a blob whose bytes were never damaged is suspect",
            "unmounted": "a blob whose bytes were never damaged is suspect",
            "blindrevive": "the registry itself deleted the bytes of a live blob",
        }
        self.assertEqual(set(expected), set(blob_gc.BROKEN_MODES))
        for mode, violation in expected.items():
            with self.subTest(mode):
                self.assertEqual(blob_gc.check(mode)[1], violation)


if __name__ == "__main__":
    unittest.main()
