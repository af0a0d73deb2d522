"""Uploading blobs: three ways, resuming, cancelling, and errors.

Source: distribution-spec spec.md#pushing-blobs.
"""

import re
import threading
import unittest

from registry import RegistryTestCase, digest_of, wait_for, with_query

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
REPOSITORY = "team/app"
UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"


def chunk_headers(data, start=0):
    return {"Content-Range": f"{start}-{start + len(data) - 1}"}


class Uploads(RegistryTestCase):
    def blob(self, digest):
        return self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}").body

    # The three ways.

    def test_post_then_put_stores_the_blob(self):
        data = b"x" * 300_000
        begun = self.client.post(UPLOADS)
        location = begun.headers["Location"]
        self.assertRegex(location, f"^/v2/{REPOSITORY}/blobs/uploads/.*{UUID}")
        self.assertRegex(begun.headers["Docker-Upload-UUID"], f"^{UUID}$")
        self.assertEqual(begun.headers["Range"], "0-0")
        digest = digest_of(data)
        done = self.client.put(
            with_query(location, digest=digest), data, {"Content-Type": "application/octet-stream"}
        )
        self.assertEqual(done.headers["Location"], f"/v2/{REPOSITORY}/blobs/{digest}")
        self.assertEqual(done.headers["Docker-Content-Digest"], digest)
        self.assertEqual(self.client.get(done.headers["Location"]).body, data)

    def test_one_post_with_a_digest_stores_the_blob(self):
        data = b"all at once"
        digest = digest_of(data)
        done = self.client.post(f"{UPLOADS}?digest={digest}", data, expect=201)
        self.assertEqual(self.client.get(done.headers["Location"]).body, data)
        self.assertEqual(done.headers["Docker-Content-Digest"], digest)

    def test_patches_then_an_empty_put_store_the_blob(self):
        parts = [b"a" * 100_000, b"b", b"c" * 200_000]
        location = self.client.begin_upload(REPOSITORY)
        offset = 0
        for part in parts:
            answer = self.client.patch(location, part, chunk_headers(part, offset))
            offset += len(part)
            self.assertEqual(answer.headers["Range"], f"0-{offset - 1}")
            self.assertRegex(answer.headers["Docker-Upload-UUID"], f"^{UUID}$")
            location = answer.headers["Location"]
        digest = digest_of(b"".join(parts))
        self.client.put(with_query(location, digest=digest))
        self.assertEqual(self.blob(digest), b"".join(parts))

    def test_the_closing_put_may_carry_the_last_chunk(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"first ", chunk_headers(b"first "))
        digest = digest_of(b"first last")
        self.client.put(with_query(location, digest=digest), b"last", chunk_headers(b"last", 6))
        self.assertEqual(self.blob(digest), b"first last")

    def test_a_patch_without_content_range_is_appended(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"one ")
        self.client.patch(location, b"two")
        digest = digest_of(b"one two")
        self.client.put(with_query(location, digest=digest))
        self.assertEqual(self.blob(digest), b"one two")

    def test_a_chunked_patch_is_streamed(self):
        location = self.client.begin_upload(REPOSITORY)
        parts = [bytes([i]) * 70_000 for i in range(20)]
        answer = self.client.patch(location, iter(parts))
        self.assertEqual(answer.headers["Range"], f"0-{20 * 70_000 - 1}")
        digest = digest_of(b"".join(parts))
        self.client.put(with_query(location, digest=digest))
        self.assertEqual(self.blob(digest), b"".join(parts))

    def test_a_chunked_put_is_streamed(self):
        location = self.client.begin_upload(REPOSITORY)
        digest = digest_of(b"ab" * 100_000)
        self.client.put(with_query(location, digest=digest), iter([b"ab"] * 100_000))
        self.assertEqual(len(self.blob(digest)), 200_000)

    def test_the_empty_blob_can_be_stored(self):
        digest = self.client.push_blob(REPOSITORY, b"")
        self.assertEqual(self.blob(digest), b"")
        self.assertEqual(
            self.client.head(f"/v2/{REPOSITORY}/blobs/{digest}").headers["Content-Length"], "0"
        )

    def test_the_same_blob_can_be_pushed_again(self):
        for _ in range(3):
            digest = self.client.push_blob(REPOSITORY, b"again")
        self.assertEqual(self.blob(digest), b"again")

    def test_many_clients_may_push_the_same_blob_at_once(self):
        data = bytes(range(256)) * 4000
        failures = []

        def push():
            try:
                self.registry.client().push_blob(REPOSITORY, data)
            except AssertionError as error:
                failures.append(error)

        threads = [threading.Thread(target=push) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.blob(digest_of(data)), data)

    def test_requests_that_race_on_one_upload_are_never_the_registrys_fault(self):
        data = b"raced" * 10_000
        digest = digest_of(data)
        bad = []

        def send(method, path, body):
            client = self.registry.client()
            try:
                start.wait()
                status = client.request(method, path, body, expect=None).status
                if status >= 500:
                    bad.append((method, status))
            except ConnectionError:
                pass  # A refused body may reset the connection.
            finally:
                client.close()

        for _ in range(60):
            location = self.client.post(UPLOADS).headers["Location"]
            closing = with_query(location, digest=digest)
            start = threading.Barrier(4)
            threads = [
                threading.Thread(target=send, args=arguments)
                for arguments in (
                    ("PUT", closing, data),
                    ("PUT", closing, data),
                    ("PATCH", location, data),
                    ("DELETE", location, b""),
                )
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(bad, [])

    # Digests.

    def test_sha512_first_named_on_the_put_works(self):
        data = b"longer hash"
        digest = self.client.push_blob(REPOSITORY, data, "sha512")
        self.assertEqual(self.blob(digest), data)
        # Two algorithms over the same bytes are two objects.
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(data)}", expect=404)

    def test_sha512_after_patches_that_hashed_sha256_works(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"one ")
        self.client.patch(location, b"two")
        digest = digest_of(b"one two", "sha512")
        self.client.put(with_query(location, digest=digest))
        self.assertEqual(self.blob(digest), b"one two")

    def test_digest_algorithm_on_post_is_honoured(self):
        location = self.client.post(f"{UPLOADS}?digest-algorithm=sha512").headers["Location"]
        self.client.patch(location, b"bytes")
        digest = digest_of(b"bytes", "sha512")
        self.client.put(with_query(location, digest=digest))
        self.assertEqual(self.blob(digest), b"bytes")

    def test_an_unknown_digest_algorithm_on_post_is_400(self):
        answer = self.client.post(f"{UPLOADS}?digest-algorithm=md5", expect=400)
        self.assertIn("md5", answer.error_message())

    def test_a_mismatching_digest_is_400_and_its_bytes_are_not_served(self):
        wrong = digest_of(b"something else")
        location = self.client.begin_upload(REPOSITORY)
        answer = self.client.put(with_query(location, digest=wrong), b"bytes", expect=400)
        self.expect_error(answer, 400, "DIGEST_INVALID")
        for digest in (wrong, digest_of(b"bytes")):
            self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=404)

    def test_a_mismatching_digest_on_a_single_post_is_400(self):
        wrong = digest_of(b"something else")
        answer = self.client.post(f"{UPLOADS}?digest={wrong}", b"bytes", expect=400)
        self.expect_error(answer, 400, "DIGEST_INVALID")
        self.client.get(f"/v2/{REPOSITORY}/blobs/{wrong}", expect=404)

    def test_malformed_and_unknown_digests_are_400(self):
        for digest in ("", "sha256", "sha256:abc", "md5:" + "0" * 32, "sha256:" + "A" * 64):
            with self.subTest(digest=digest):
                location = self.client.begin_upload(REPOSITORY)
                answer = self.client.put(with_query(location, digest=digest), b"x", expect=400)
                self.expect_error(answer, 400, "DIGEST_INVALID")

    def test_a_put_without_digest_is_400(self):
        answer = self.client.put(self.client.begin_upload(REPOSITORY), b"x", expect=400)
        self.expect_error(answer, 400, "DIGEST_INVALID")

    # Resuming.

    def test_get_reports_how_much_arrived(self):
        location = self.client.begin_upload(REPOSITORY)
        empty = self.client.get(location, expect=204)
        self.assertEqual(empty.headers["Range"], "0-0")
        self.client.patch(location, b"x" * 1000)
        answer = self.client.get(location, expect=204)
        self.assertEqual(answer.headers["Range"], "0-999")
        self.assertTrue(answer.headers["Location"])
        self.assertTrue(answer.headers["Docker-Upload-UUID"])

    def test_an_out_of_order_patch_is_416_and_nothing_is_lost(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"01234", chunk_headers(b"01234"))
        for start in (0, 3, 6, 1_000_000):
            with self.subTest(start=start):
                answer = self.client.patch(
                    location, b"xyz", chunk_headers(b"xyz", start), expect=416
                )
                self.expect_error(answer, 416, "BLOB_UPLOAD_INVALID")
                self.assertEqual(answer.headers["Range"], "0-4")
                self.assertTrue(answer.headers["Location"])
        self.client.patch(location, b"56789", chunk_headers(b"56789", 5))
        digest = digest_of(b"0123456789")
        self.client.put(with_query(location, digest=digest))
        self.assertEqual(self.blob(digest), b"0123456789")

    def test_an_out_of_order_closing_put_is_416_and_nothing_is_lost(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"01234", chunk_headers(b"01234"))
        closing = with_query(location, digest=digest_of(b"0123456789"))
        answer = self.client.put(closing, b"56789", chunk_headers(b"56789", 7), expect=416)
        self.assertEqual(answer.headers["Range"], "0-4")
        self.assertTrue(answer.headers["Location"])
        self.client.put(closing, b"56789", chunk_headers(b"56789", 5))

    def test_a_closing_put_with_content_range_follows_the_rules_of_patch(self):
        data = b"0123456789"
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, data[:5], chunk_headers(data[:5]))
        closing = with_query(location, digest=digest_of(data))
        for value in ("0-4", "4-8", "6-10", "5-8", "5-10", "9-5", "x", "5-", "-5", "5", "-"):
            with self.subTest(value=value):
                answer = self.client.put(closing, data[5:], {"Content-Range": value}, expect=416)
                self.expect_error(answer, 416, "BLOB_UPLOAD_INVALID")
                self.assertEqual(answer.headers["Range"], "0-4")
                self.assertEqual(answer.headers["Location"], location)
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(data)}", expect=404)
        self.client.put(closing, data[5:], {"Content-Range": "5-9"})
        self.assertEqual(self.blob(digest_of(data)), data)

    def test_a_put_with_the_only_chunk_may_have_a_content_range(self):
        data = b"all in one"
        location = self.client.begin_upload(REPOSITORY)
        closing = with_query(location, digest=digest_of(data))
        answer = self.client.put(closing, data, {"Content-Range": "1-10"}, expect=416)
        self.assertEqual(answer.headers["Range"], "0-0")
        self.client.put(closing, data, {"Content-Range": "0-9"})
        self.assertEqual(self.blob(digest_of(data)), data)

    def test_a_chunked_body_may_have_a_content_range(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, iter([b"01", b"234"]), {"Content-Range": "0-4"})
        answer = self.client.patch(location, iter([b"xyz"]), {"Content-Range": "0-2"}, expect=416)
        self.assertEqual(answer.headers["Range"], "0-4")
        closing = with_query(location, digest=digest_of(b"0123456789"))
        self.client.put(closing, iter([b"56", b"789"]), {"Content-Range": "5-9"})
        self.assertEqual(self.blob(digest_of(b"0123456789")), b"0123456789")

    def test_malformed_content_ranges_are_refused(self):
        location = self.client.begin_upload(REPOSITORY)
        for value in ("x", "5", "-", "0-", "-5", "4-0", "0-99999999999999999999", "0--5", "0-9"):
            with self.subTest(value=value):
                answer = self.client.patch(location, b"01234", {"Content-Range": value}, expect=None)
                self.assertIn(answer.status, (400, 416), answer)
        self.assertEqual(self.client.get(location, expect=204).headers["Range"], "0-0")

    def test_an_interrupted_patch_resumes_from_the_reported_offset(self):
        data = bytes(range(256)) * 1000
        location = self.client.begin_upload(REPOSITORY)
        with self.registry.connect() as broken:
            broken.request("PATCH", location, {"Content-Length": len(data)}, data[:100_000])
            # The connection dies with less than half of the body sent.
        stored = wait_for(lambda: self.offset(location), "bytes to be stored")
        # Sent bytes may still be in flight; the newer request wins, at whatever offset is then current.
        stored = wait_for(lambda: self.offset(location) == 100_000 and 100_000, "all bytes")
        rest = data[stored:]
        self.client.patch(location, rest, chunk_headers(rest, stored))
        self.client.put(with_query(location, digest=digest_of(data)))
        self.assertEqual(self.blob(digest_of(data)), data)

    def offset(self, location):
        last = int(self.client.get(location, expect=204).headers["Range"].split("-")[1])
        return last + 1 if last else 0

    def test_a_newer_request_wins_over_a_hanging_one(self):
        data = bytes(range(256)) * 1000
        location = self.client.begin_upload(REPOSITORY)
        with self.registry.connect() as hanging:
            hanging.request("PATCH", location, {"Content-Length": len(data)}, data[:50_000])
            wait_for(lambda: self.offset(location) == 50_000, "the first bytes")
            self.client.patch(location, data[50_000:], chunk_headers(data[50_000:], 50_000))
            # Bytes that the half-open connection still sends must not reach the upload.
            hanging.send(b"x" * (len(data) - 50_000))
        self.client.put(with_query(location, digest=digest_of(data)))
        self.assertEqual(self.blob(digest_of(data)), data)

    def test_a_closing_put_wins_over_a_hanging_patch(self):
        location = self.client.begin_upload(REPOSITORY)
        with self.registry.connect() as hanging:
            hanging.request("PATCH", location, {"Content-Length": 1000}, b"0123456789")
            wait_for(lambda: self.offset(location) == 10, "the first bytes")
            self.client.put(with_query(location, digest=digest_of(b"0123456789")))
        self.assertEqual(self.blob(digest_of(b"0123456789")), b"0123456789")

    def test_the_closing_put_again_after_a_lost_reply_is_201_again(self):
        data = b"the reply is lost"
        digest = digest_of(data)
        location = self.client.begin_upload(REPOSITORY)
        closing = with_query(location, digest=digest)
        first = self.client.put(closing, data)
        for body in (data, None):
            again = self.client.put(closing, body)
            self.assertEqual(again.headers["Location"], first.headers["Location"])
        self.assertEqual(self.blob(digest), data)

    def test_the_closing_put_again_after_the_blob_was_deleted_is_404(self):
        data = b"deleted meanwhile"
        path = with_query(self.client.begin_upload(REPOSITORY), digest=digest_of(data))
        self.client.put(path, data)
        self.client.delete(f"/v2/{REPOSITORY}/blobs/{digest_of(data)}")
        self.expect_error(self.client.put(path, data, expect=None), 404, "BLOB_UPLOAD_UNKNOWN")
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest_of(data)}", expect=404)

    def test_a_chunked_patch_that_is_not_as_long_as_content_range_says_is_416(self):
        location = self.client.begin_upload(REPOSITORY)
        answer = self.client.patch(location, iter([b"0123456789"]), {"Content-Range": "0-3"}, expect=416)
        self.assertEqual(answer.headers["Range"], "0-9")
        self.assertEqual(self.client.get(location, expect=204).headers["Range"], "0-9")

    def test_a_failed_post_with_a_digest_leaves_no_session(self):
        path = with_query(f"/v2/{REPOSITORY}/blobs/uploads/", digest=digest_of(b"something else"))
        self.client.post(path, b"bytes", expect=400)
        self.assertEqual(self.registry.sql("SELECT count(*) FROM uploads"), "0")

    def test_an_upload_alone_makes_no_repository(self):
        self.client.begin_upload(REPOSITORY)
        self.expect_error(self.client.get(f"/v2/{REPOSITORY}/tags/list", expect=None), 404, "NAME_UNKNOWN")
        self.assertEqual(self.client.get("/v2/_catalog").json(), {"repositories": []})

    def test_anything_else_on_a_finished_session_is_404(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.put(with_query(location, digest=digest_of(b"x")), b"x")
        for method, path in (
            ("PATCH", location),
            ("GET", location),
            ("DELETE", location),
            ("PUT", with_query(location, digest=digest_of(b"y"))),
        ):
            with self.subTest(method=method):
                answer = self.client.request(method, path, b"y" if method[0] == "P" else None)
                self.expect_error(answer, 404, "BLOB_UPLOAD_UNKNOWN")

    def test_an_upload_goes_on_after_a_restart(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"before ")
        self.registry.restart()
        self.assertEqual(self.client.get(location, expect=204).headers["Range"], "0-6")
        self.client.patch(location, b"after", chunk_headers(b"after", 7))
        self.client.put(with_query(location, digest=digest_of(b"before after")))
        self.registry.restart()
        self.assertEqual(self.blob(digest_of(b"before after")), b"before after")

    # Sessions.

    def test_a_cancelled_session_is_gone(self):
        location = self.client.begin_upload(REPOSITORY)
        self.client.patch(location, b"x")
        self.client.delete(location, expect=204)
        self.expect_error(self.client.get(location, expect=404), 404, "BLOB_UPLOAD_UNKNOWN")
        self.client.patch(location, b"y", expect=404)
        self.client.put(with_query(location, digest=digest_of(b"x")), expect=404)
        self.client.delete(location, expect=404)

    def test_the_right_to_push_is_enough_to_ask_for_and_to_cancel_a_session(self):
        query = f"service=registry&scope=repository:{REPOSITORY}:pull,push"
        token = self.client.get(f"/token?{query}").json()["token"]
        pusher = self.registry.client(f"Bearer {token}")
        location = pusher.begin_upload(REPOSITORY)
        pusher.patch(location, b"x")
        pusher.get(location, expect=204)
        pusher.delete(location, expect=204)
        pusher.get(location, expect=404)
        # Deleting pushed content needs more rights.
        digest = pusher.push_blob(REPOSITORY, b"x")
        pusher.delete(f"/v2/{REPOSITORY}/blobs/{digest}", expect=401)
        pusher.close()

    def test_uploads_without_the_last_slash_begin_too(self):
        location = self.client.post(UPLOADS.rstrip("/")).headers["Location"]
        self.client.put(with_query(location, digest=digest_of(b"x")), b"x")
        self.assertEqual(self.blob(digest_of(b"x")), b"x")

    def test_an_unknown_or_malformed_session_is_404(self):
        for session in ("01890a5d-ac96-774b-bcce-b302099a8057", "nonsense", "..%2f..%2fetc", "a" * 500):
            with self.subTest(session=session):
                path = UPLOADS + session
                for method in ("GET", "PATCH", "DELETE"):
                    answer = self.client.request(method, path, b"x" if method == "PATCH" else None)
                    self.expect_error(answer, 404, "BLOB_UPLOAD_UNKNOWN")
                answer = self.client.put(with_query(path, digest=digest_of(b"x")), b"x", expect=404)
                self.expect_error(answer, 404, "BLOB_UPLOAD_UNKNOWN")

    def test_the_session_of_another_repository_is_404(self):
        location = self.client.begin_upload(REPOSITORY)
        elsewhere = location.replace(f"/v2/{REPOSITORY}/", "/v2/team/other/")
        self.assertNotEqual(location, elsewhere)
        for method in ("GET", "PATCH", "DELETE"):
            answer = self.client.request(method, elsewhere, b"x" if method == "PATCH" else None)
            self.expect_error(answer, 404, "BLOB_UPLOAD_UNKNOWN")
        self.client.put(with_query(elsewhere, digest=digest_of(b"x")), b"x", expect=404)
        self.client.get(location, expect=204)

    def test_a_malformed_repository_name_is_400(self):
        for name in ("UPPER", "a..b", "a//b", "-a", "x" * 256):
            with self.subTest(name=name):
                answer = self.client.post(f"/v2/{name}/blobs/uploads/", expect=None)
                self.assertIn(answer.status, (400, 404), answer)
                if answer.status == 400:
                    self.expect_error(answer, 400, "NAME_INVALID")

    # Mounting.

    def test_a_mounted_blob_is_readable_at_once(self):
        digest = self.client.push_blob("team/source", b"shared layer")
        answer = self.client.post(f"{UPLOADS}?mount={digest}&from=team/source", expect=201)
        self.assertEqual(answer.headers["Location"], f"/v2/{REPOSITORY}/blobs/{digest}")
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
        self.assertEqual(self.blob(digest), b"shared layer")

    def test_mounting_what_is_not_there_begins_an_upload(self):
        digest = digest_of(b"nowhere")
        present = self.client.push_blob("team/source", b"elsewhere")
        for query in (
            f"mount={digest}&from=team/source",
            f"mount={digest}&from=team/unknown",
            f"mount={present}&from=team/unknown",
            f"mount={present}&from=NOT%20VALID",
        ):
            with self.subTest(query=query):
                answer = self.client.post(f"{UPLOADS}?{query}")
                self.assertTrue(re.search(UUID, answer.headers["Location"]))
        self.client.put(with_query(answer.headers["Location"], digest=digest), b"nowhere")

    def test_mounting_without_from_finds_the_blob_wherever_it_may_be_read(self):
        digest = self.client.push_blob("team/source", b"found")
        for query in (f"mount={digest}", f"mount={digest}&from="):
            with self.subTest(query=query):
                answer = self.client.post(f"{UPLOADS}?{query}", expect=201)
                self.assertEqual(answer.headers["Location"], f"/v2/{REPOSITORY}/blobs/{digest}")
                self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
                self.assertEqual(self.blob(digest), b"found")
                self.client.delete(f"/v2/{REPOSITORY}/blobs/{digest}")

    def test_mounting_without_from_what_is_nowhere_begins_an_upload(self):
        digest = digest_of(b"not found")
        answer = self.client.post(f"{UPLOADS}?mount={digest}")
        self.assertRegex(answer.headers["Docker-Upload-UUID"], f"^{UUID}$")
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=404)
        self.client.put(with_query(answer.headers["Location"], digest=digest), b"not found")
        self.assertEqual(self.blob(digest), b"not found")

    def test_mounting_without_from_what_was_deleted_everywhere_begins_an_upload(self):
        digest = self.client.push_blob("team/source", b"gone")
        self.client.delete(f"/v2/team/source/blobs/{digest}")
        self.client.post(f"{UPLOADS}?mount={digest}")
        self.client.get(f"/v2/{REPOSITORY}/blobs/{digest}", expect=404)

    def test_mounting_searches_only_what_the_caller_may_read(self):
        digest = self.client.push_blob("team/source", b"secret")
        readable = "scope=repository:team/source:pull"
        for extra, status in (("", 202), (f"&{readable}", 201)):
            query = f"service=registry&scope=repository:{REPOSITORY}:pull,push{extra}"
            token = self.client.get(f"/token?{query}").json()["token"]
            for source in ("", "&from=team/source"):
                with self.subTest(extra=extra, source=source):
                    pusher = self.registry.client(f"Bearer {token}")
                    pusher.post(f"{UPLOADS}?mount={digest}{source}", expect=status)
                    pusher.get(
                        f"/v2/{REPOSITORY}/blobs/{digest}", expect=200 if status == 201 else 404
                    )
                    pusher.close()

    def test_a_mounted_blob_survives_a_restart(self):
        digest = self.client.push_blob("team/source", b"mounted")
        self.client.post(f"{UPLOADS}?mount={digest}", expect=201)
        self.registry.restart()
        self.assertEqual(self.blob(digest), b"mounted")

    def test_mounting_a_malformed_digest_is_no_server_error(self):
        answer = self.client.post(f"{UPLOADS}?mount=nonsense&from=team/source", expect=None)
        self.assertIn(answer.status, (202, 400), answer)


if __name__ == "__main__":
    unittest.main()
