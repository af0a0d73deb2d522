"""Very many concurrent logins, as an attacker makes them.

    statuses = login_flood.run(port, 1000, lambda i: basic(f"user{i}", "wrong"))

In one thread, without a client library: a thousand of those would measure themselves.
"""

import asyncio
import collections
import time


async def _log_in(port, authorization, headers):
    """One login on a new connection. Returns the status of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = ["GET /v2/ HTTP/1.1", "Host: registry.test", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, f"Authorization: {authorization}", "", ""]).encode())
        answer = await reader.read()
        return int(answer.split(b" ", 2)[1])
    finally:
        writer.close()


async def _run(port, count, authorization_of, headers_of, duration_s):
    statuses = collections.Counter()
    deadline = time.monotonic() + duration_s
    numbers = iter(range(10**9))

    async def worker():
        while True:
            n = next(numbers)
            statuses[await _log_in(port, authorization_of(n), headers_of(n))] += 1
            if time.monotonic() >= deadline:
                return

    await asyncio.gather(*(worker() for _ in range(count)))
    return statuses


def run(port, count, authorization_of, headers_of=lambda n: (), duration_s=0):
    """`count` logins at a time, one after another for `duration_s`, at least one each. The n-th has
    the header Authorization that `authorization_of(n)` returns, and the lines of `headers_of(n)`.
    Returns the count of each status."""
    return asyncio.run(_run(port, count, authorization_of, headers_of, duration_s))
