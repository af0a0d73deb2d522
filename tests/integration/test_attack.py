"""Clients without any credential attack the whole process: its memory stays bounded."""

import os
import resource
import time
import unittest

import swarm
from registry import SANITIZER, RegistryTestCase, basic, digest_of

# 23 MiB of it are the process without a client, 20 MiB are 10,000 connections without a request, and
# 16 MiB are request headers. What is left are requests that wait, and fragments of the heap.
MAX_BYTES = 80 * 1024 * 1024
CONNECTIONS = 10_000
# What both processes have open besides.
SPARE_DESCRIPTORS = 300
PHASE_S = 6


def request(method, target, *lines, body=b""):
    head = [f"{method} {target} HTTP/1.1", "Host: registry.test", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def names(number):
    """250 bytes that no other request has."""
    return f"n{number:08}/" + "a" * 240


def manifest_with_tags(number):
    tags = "&".join(f"tag={i:04}{'t' * 120}" for i in range(100))
    target = f"/v2/{names(number)}/manifests/{digest_of(b'x')}?{tags}"
    return request("PUT", target, "Content-Length: 0")


def unfinished_header(number):
    return request("GET", "/v2/", "X: " + "x" * 30_000)[:-4]


def many_fields(number):
    return request("GET", "/v2/", *["a:"] * 8_000)


def unread_answers(number):
    """Requests with large headers, whose answers nobody reads."""
    return request("GET", f"/v2/{names(number)}/tags/list", "X: " + "x" * 30_000) * 20


def unwanted_body(number):
    head = request("PUT", f"/v2/{names(number)}/manifests/v1", "Content-Length: 65000")
    return head + b"b" * 64_000


def unfinished_form(number):
    lines = ("Content-Type: application/x-www-form-urlencoded", "Content-Length: 32000")
    return request("POST", "/token", *lines, body=b"grant_type=password&scope=" + b"s" * 31_000)


def token_scopes(number):
    scopes = "&".join(f"scope=repository:r{number}/{i}:pull,push" for i in range(700))
    return request("GET", f"/token?service=simple-registry&{scopes}")


def wrong_password(number):
    tags = "&".join(f"tag={i:04}{'t' * 120}" for i in range(100))
    target = f"/v2/{names(number)}/manifests/{digest_of(b'x')}?{tags}"
    authorization = basic(f"user{number % 50}", "x" * 60)
    return request("PUT", target, f"Authorization: {authorization}", "Content-Length: 0")


def any_route(number):
    name = names(number)
    digest = digest_of(str(number).encode())
    routes = (
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", f"/v2/{name}/tags/list"),
        ("GET", f"/v2/{name}/manifests/{'t' * 120}"),
        ("DELETE", f"/v2/{name}/manifests/{digest}"),
        ("HEAD", f"/v2/{name}/blobs/{digest}"),
        ("POST", f"/v2/{name}/blobs/uploads/?mount={digest}&from={names(number + 1)}"),
        ("PATCH", f"/v2/{name}/blobs/uploads/00000000-0000-7000-8000-000000000000"),
        ("GET", f"/v2/{name}/referrers/{digest}"),
        ("GET", "/" + "x" * 20_000),
        ("GET", "/readyz"),
        ("BREW", "/v2/"),
    )
    method, target = routes[number % len(routes)]
    return request(method, target, f"Authorization: Bearer {'x' * 2_000}", "Content-Length: 0")


@unittest.skipIf(SANITIZER, "memory is measured without sanitizers only")
class Attack(RegistryTestCase):
    ctest = {"TIMEOUT": 600, "RUN_SERIAL": True}

    def connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY:
            soft = hard
        if soft < CONNECTIONS + SPARE_DESCRIPTORS and soft >= 0:
            print(f"only {soft - SPARE_DESCRIPTORS} connections: a process may open {soft} files")
            return soft - SPARE_DESCRIPTORS
        return CONNECTIONS

    def test_anonymous_clients_cannot_fill_the_memory_by_any_route(self):
        many = self.connections()
        phases = (
            # Few connections and as many requests as possible, then many connections.
            (manifest_with_tags, 100, True),
            (manifest_with_tags, many, True),
            (any_route, many, True),
            (unfinished_header, many, False),
            (many_fields, 200, True),
            (unread_answers, many, False),
            (unwanted_body, many, False),
            (unfinished_form, many, False),
            (token_scopes, 1000, True),
            (wrong_password, many, True),
        )
        for payload, count, reads in phases:
            counts = swarm.run(self.registry.port, count, payload, PHASE_S, reads)
            peak = self.registry.memory_bytes("VmHWM")
            print(f"{payload.__name__} over {count} connections: at most {peak} bytes; {dict(counts)}")
            self.assertGreater(counts["sent"], 0)
        self.assertLess(peak, MAX_BYTES)
        # And it serves.
        self.client.push_image("team/app", "v1")
        self.client.get("/v2/team/app/manifests/v1")


if __name__ == "__main__":
    unittest.main()
