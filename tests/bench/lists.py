"""Measures the pages of long lists: tags of one repository, repositories, referrers of one subject.

    python3 tests/bench/lists.py [--postgres] [--tags N] [--repositories N] [--referrers N] [--rounds N]

The rows are written into the database of a stopped registry, as a push would write them
(controlplane/sql/*/migrations.cc), because a million pushes would take hours. Then the registry
answers pages of 100 at the beginning, in the middle and at the end of each list: a page must cost
the same wherever it is. Every page is checked. Prints a table in Markdown; ends with status 1 when
something is wrong.

The binary is build/simple-registry, or what the environment variable REGISTRY_TEST_BINARY names.
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import postgres  # noqa: E402
from registry import OCI_MANIFEST, Registry, descriptor, digest_of, image_manifest  # noqa: E402

PAGE = 100
CONFIG = b"{}"
ARTIFACT_TYPE = "application/vnd.example.signature"
BATCH = 50_000
DATABASE = "bench"
TAGGED = "bench/tags"
SUBJECT_OWNER = "bench/referrers"
# The page sizes for walking through whole lists: the largest.
WALK_PAGE = 10_000
# Allowed extra cost of a page at the end of a list over one at its beginning, and noise.
MAX_RATIO = 3
MAX_NOISE_S = 0.005


def fail(message):
    sys.exit(f"FAILED: {message}")


# Making the rows.


def batches(count):
    for start in range(0, count, BATCH):
        yield range(start, min(start + BATCH, count))


class Sqlite:
    def __init__(self, path):
        self.connection = sqlite3.connect(path)

    def insert(self, table, columns, rows):
        """One transaction."""
        marks = ", ".join("?" for _ in columns)
        with self.connection:
            self.connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows
            )

    def number(self, query):
        return self.connection.execute(query).fetchone()[0]

    def close(self):
        self.connection.close()

    def size(self):
        path = pathlib.Path(self.connection.execute("PRAGMA database_list").fetchone()[2])
        return sum(file.stat().st_size for file in path.parent.glob("*.db*"))


class Postgres:
    def __init__(self, server, name):
        self.server = server
        self.name = name

    def insert(self, table, columns, rows):
        lines = ("\t".join(map(self._text, row)) + "\n" for row in rows)
        self.server.copy(table, columns, lines, self.name)

    @staticmethod
    def _text(value):
        # Backslashes are escaped once more for COPY.
        return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)

    def number(self, query):
        return int(self.server.sql(query, self.name))

    def close(self):
        # As autovacuum would, in the course of a million pushes.
        self.server.sql("VACUUM ANALYZE", self.name)

    def size(self):
        return self.number("SELECT pg_database_size(current_database())")


def repository_id(database, name):
    return database.number(f"SELECT id FROM repositories WHERE name = '{name}'")


def tag_name(number):
    return f"v{number:07}"


def repository_name(number):
    return f"many/{number:06}"


def make_tags(database, count, digest):
    owner = repository_id(database, TAGGED)
    now_ms = int(time.time() * 1000)
    for batch in batches(count):
        database.insert(
            "tags",
            ("repository_id", "name", "digest", "updated_at_ms"),
            ((owner, tag_name(i), digest, now_ms) for i in batch),
        )
        database.insert(
            "tag_history",
            ("repository_id", "tag", "digest", "principal", "changed_at_ms"),
            ((owner, tag_name(i), digest, "admin", now_ms) for i in batch),
        )


def make_repositories(database, count, manifest):
    """Repositories with one manifest and its config each."""
    now_ms = int(time.time() * 1000)
    first = database.number("SELECT max(id) FROM repositories") + 1
    digest, config = digest_of(manifest), digest_of(CONFIG)
    for batch in batches(count):
        ids = [(first + i, repository_name(i)) for i in batch]
        database.insert(
            "repositories",
            ("id", "name", "created_at_ms"),
            ((id_, name, now_ms) for id_, name in ids),
        )
        database.insert(
            "manifests",
            ("repository_id", "digest", "media_type", "size_bytes", "artifact_type", "touched_at_ms"),
            ((id_, digest, OCI_MANIFEST, len(manifest), "", now_ms) for id_, _ in ids),
        )
        database.insert(
            "manifest_blobs",
            ("repository_id", "manifest", "blob"),
            ((id_, digest, config) for id_, _ in ids),
        )
        database.insert(
            "repository_blobs", ("repository_id", "digest"), ((id_, config) for id_, _ in ids)
        )


def make_referrers(database, count, subject):
    """Manifests that name the subject. Returns their digests in the order of the list."""
    owner = repository_id(database, SUBJECT_OWNER)
    now_ms = int(time.time() * 1000)
    annotations = {"org.opencontainers.image.created": "2024-02-29T00:00:00Z"}
    digests = []
    for batch in batches(count):
        manifests = []
        for number in batch:
            manifest = image_manifest(
                CONFIG,
                [],
                subject=descriptor(subject, OCI_MANIFEST),
                artifactType=ARTIFACT_TYPE,
                annotations={**annotations, "n": str(number)},
            )
            content = json.dumps(manifest).encode()
            kept = json.dumps(manifest["annotations"])
            manifests.append((f"sha256:{hashlib.sha256(content).hexdigest()}", content, kept))
        database.insert(
            "manifest_bytes",
            ("digest", "content"),
            ((digest, content) for digest, content, _ in manifests),
        )
        database.insert(
            "manifests",
            ("repository_id", "digest", "media_type", "size_bytes", "subject", "artifact_type",
             "annotations", "touched_at_ms"),
            (
                (owner, digest, OCI_MANIFEST, len(content), digest_of(subject), ARTIFACT_TYPE, kept, now_ms)
                for digest, content, kept in manifests
            ),
        )  # fmt: skip
        database.insert(
            "manifest_blobs",
            ("repository_id", "manifest", "blob"),
            ((owner, digest, digest_of(CONFIG)) for digest, _, _ in manifests),
        )
        digests += [digest for digest, _, _ in manifests]
    return sorted(digests)


# Measuring.


class List:
    """One of the lists, and its contents."""

    def __init__(self, title, path, entries, names):
        self.title = title
        self.path = path
        # The names in order.
        self.entries = entries
        # Extracts the names from a response's body.
        self.names = names

    def page_path(self, start, n=PAGE):
        separator = "&" if "?" in self.path else "?"
        last = {"last": self.entries[start - 1]} if start > 0 else {}
        return f"{self.path}{separator}{urllib.parse.urlencode({'n': n, **last})}"

    def positions(self):
        count = len(self.entries)
        return {"first": 0, "middle": count // 2, "last": max(count - PAGE, 0)}

    def time_page(self, client, start):
        """Seconds until the page has been read."""
        path = self.page_path(start)
        begin = time.perf_counter()
        answer = client.get(path)
        seconds = time.perf_counter() - begin
        if self.names(answer.json()) != self.entries[start : start + PAGE]:
            fail(f"{path} lists something else")
        if (answer.headers["Link"] is None) != (start + PAGE >= len(self.entries)):
            fail(f"{path}: the link is wrong: {answer.headers['Link']}")
        return seconds

    def walk(self, client):
        """Follows the links from the beginning to the end. Returns seconds and pages."""
        begin = time.perf_counter()
        path, seen, pages = self.page_path(0, WALK_PAGE), [], 0
        while path:
            answer = client.get(path)
            seen += self.names(answer.json())
            pages += 1
            link = answer.headers["Link"]
            path = link[1 : link.index(">")] if link else None
        seconds = time.perf_counter() - begin
        if seen != self.entries:
            fail(f"the pages of {self.path} do not make the list")
        return seconds, pages


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def measure(client, lists, rounds):
    """Each round visits all lists and positions, so that a disturbance affects all alike."""
    times = {(one.title, name): [] for one in lists for name in one.positions()}
    for _ in range(rounds):
        for one in lists:
            for name, start in one.positions().items():
                times[one.title, name].append(one.time_page(client, start))
    return times


def ms(seconds):
    return f"{seconds * 1000:.2f}"


def report(lists, times, rounds):
    print(f"\nPages of {PAGE} entries, {rounds} rounds, milliseconds: median / 95th percentile\n")
    print("| list | entries | first page | in the middle | last page |\n|---|---|---|---|---|")
    for one in lists:
        cells = []
        for name in one.positions():
            values = times[one.title, name]
            cells.append(f"{ms(statistics.median(values))} / {ms(percentile(values, 0.95))}")
        print(f"| {one.title} | {len(one.entries):,} | {' | '.join(cells)} |")
    print()


def check_times(lists, times):
    for one in lists:
        first, *others = (statistics.median(times[one.title, name]) for name in one.positions())
        if max(others) > first * MAX_RATIO + MAX_NOISE_S:
            fail(f"pages of {one.title} get slower towards the end of the list")


def prepare(registry):
    """Pushes one image to each repository that gets more content. Returns the manifest."""
    client = registry.start().client()
    manifest = json.dumps(image_manifest(CONFIG, [])).encode()
    for name in (TAGGED, SUBJECT_OWNER):
        client.push_blob(name, CONFIG)
        client.put_manifest(name, digest_of(manifest), manifest)
    client.close()
    registry.stop()
    return manifest


def fill(registry, server, options):
    """Returns the resulting lists."""
    manifest = prepare(registry)
    begin = time.perf_counter()
    database = Postgres(server, DATABASE) if server else Sqlite(registry.datadir / "metadata.db")
    make_tags(database, options.tags, digest_of(manifest))
    make_repositories(database, options.repositories, manifest)
    referrers = make_referrers(database, options.referrers, manifest)
    size = database.size()
    database.close()
    print(f"rows made in {time.perf_counter() - begin:.1f} s; the database has {size:,} bytes")
    referrers_path = f"/v2/{SUBJECT_OWNER}/referrers/{digest_of(manifest)}"

    def digests(body):
        return [entry["digest"] for entry in body["manifests"]]

    return [
        List("tags", f"/v2/{TAGGED}/tags/list", [tag_name(i) for i in range(options.tags)],
             lambda body: body["tags"]),
        List("catalog", "/v2/_catalog",
             sorted([TAGGED, SUBJECT_OWNER, *map(repository_name, range(options.repositories))]),
             lambda body: body["repositories"]),
        List("referrers", referrers_path, referrers, digests),
        List("referrers of a type",
             f"{referrers_path}?{urllib.parse.urlencode({'artifactType': ARTIFACT_TYPE})}",
             referrers, digests),
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL in place of SQLite")
    parser.add_argument("--tags", type=int, default=1_000_000)
    parser.add_argument("--repositories", type=int, default=100_000)
    parser.add_argument("--referrers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-bench-"))
    server = None
    flags = ()
    if options.postgres:
        folder.chmod(0o755)
        server = postgres.Server(folder / "server", durable=True)
        server.create()
        server.start()
        server.sql(f"CREATE DATABASE {DATABASE}")
        flags = ("-database", server.url(DATABASE))
    registry = Registry(folder, *flags)
    try:
        lists = fill(registry, server, options)
        begin = time.perf_counter()
        registry.start()
        print(f"started in {time.perf_counter() - begin:.2f} s")
        client = registry.client()
        client.get("/v2/")
        for one in lists:
            # The cost of a page that was not read since the start.
            print(f"{one.title}: the very first page took {ms(one.time_page(client, 0))} ms")
        times = measure(client, lists, options.rounds)
        report(lists, times, options.rounds)
        for one in lists:
            seconds, pages = one.walk(client)
            print(f"{one.title}: all {len(one.entries):,} in {pages} pages took {seconds:.2f} s")
        print(f"resident memory: at most {registry.memory_bytes('VmHWM') / 1e6:.0f} MB")
        client.close()
        check_times(lists, times)
    finally:
        if registry.running():
            registry.stop()
        if server:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
