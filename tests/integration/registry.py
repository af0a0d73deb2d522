"""Shared by the tests of the binary: a registry process, and clients that talk to it.

    class Blobs(RegistryTestCase):
        def test_a_pushed_blob_can_be_pulled(self):
            digest = self.client.push_blob("team/app", b"hello")
            self.assertEqual(self.client.get(f"/v2/team/app/blobs/{digest}").body, b"hello")

Every test starts its own process on a free port, with its data in a temporary folder; at the end
the process must end with status 0 after SIGTERM. Every answer that a Client reads is checked for
what holds of all answers: the date, the version header, and the form of errors.
"""

import base64
import contextlib
import email.utils
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import postgres

BINARY = os.environ.get(
    "REGISTRY_TEST_BINARY",
    str(pathlib.Path(__file__).resolve().parents[2] / "build" / "simple-registry"),
)
# "address,undefined" if the binary is instrumented: then it is slower and larger.
SANITIZER = os.environ.get("REGISTRY_TEST_SANITIZER", "")

# Whether registries keep their metadata in PostgreSQL, on the server that ctest started.
ON_POSTGRES = os.environ.get("REGISTRY_TEST_ENGINE") == "postgres"
POSTGRES_FOLDER = os.environ.get("REGISTRY_TEST_POSTGRES_FOLDER", "")

USER = "admin"
PASSWORD = "correct horse"
START_TIMEOUT_S = 30
# The registry's own limit for draining is 30 s.
STOP_TIMEOUT_S = 45

ERROR_CODES = {
    "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN",
    "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS",
}  # fmt: skip

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def basic(user, password):
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def wait_for(condition, what, timeout_s=30):
    """Waits until `condition()` is true, and returns its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.005)


def clean_environment(**variables):
    """This environment without the registry's variables, plus `variables`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SIMPLE_REGISTRY_")}
    return {**kept, **variables}


def run_binary(*arguments, stdin=b"", env=None, timeout_s=60, **options):
    """Runs `simple-registry ARGUMENTS` until it exits."""
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=timeout_s,
        env=clean_environment(**(env or {})),
        **options,
    )


def database_name_of(folder):
    return "registry_" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def database_of(folder):
    """The URL of this folder's database, which is made if it does not exist."""
    server = postgres.Server(POSTGRES_FOLDER)
    name = database_name_of(folder)
    if not server.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        server.sql(f"CREATE DATABASE {name}")
    return server.url(name)


def drop_database_of(folder):
    name = database_name_of(folder)
    postgres.Server(POSTGRES_FOLDER).sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Registry:
    """One `simple-registry serve` process on one data folder."""

    def __init__(self, folder, *flags, password=PASSWORD, env=None, scheme="http", ca=None):
        self.folder = pathlib.Path(folder)
        self.datadir = self.folder / "data"
        self.flags = [str(flag) for flag in flags]
        if ON_POSTGRES and "-database" not in self.flags:
            self.flags += ["-database", database_of(self.folder)]
        if password is not None:
            self.flags += ["-adminpwd", password]
        self.env = env or {}
        self.scheme = scheme
        self.ca = ca
        self.process = None
        self.port = None
        self.starts = 0

    # The process.

    def launch(self):
        """Starts the process without waiting for it to listen."""
        self.starts += 1
        self.log_path = self.folder / f"log.{self.starts}"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "-addr", "127.0.0.1:0", "-datadir", self.datadir, *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(**self.env),
            )
        return self

    def start(self):
        self.launch()
        line = wait_for(self._listening_or_ended, "the registry to listen", START_TIMEOUT_S)
        if line is True:
            raise AssertionError(f"the registry ended at once:\n{self.raw_log()}")
        self.port = int(line["address"].rpartition(":")[2])
        return self

    def _listening_or_ended(self):
        lines = self.log(message="listening")
        return lines[0] if lines else self.process.poll() is not None

    def stop(self):
        """Sends SIGTERM; the process must drain and exit with status 0."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_ended()

    def wait_ended(self):
        try:
            status = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the registry does not end:\n{self.raw_log()}") from None
        if status != 0:
            raise AssertionError(f"the registry ended with status {status}:\n{self.raw_log()}")

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def memory_bytes(self, field):
        """`field`: VmRSS is resident memory now, VmHWM its peak."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field} in /proc")

    def sql(self, query):
        """Runs one statement on its database. Returns the first value that it answers."""
        if ON_POSTGRES:
            return postgres.Server(POSTGRES_FOLDER).sql(query, database_name_of(self.folder))
        with contextlib.closing(sqlite3.connect(self.datadir / "metadata.db")) as database:
            row = database.execute(query).fetchone()
            database.commit()
            return str(row[0]) if row else ""

    # Its log.

    def raw_log(self):
        return self.log_path.read_text(errors="replace")

    def log(self, **fields):
        """The log's lines with these fields, as dicts."""
        lines = []
        for text in self.raw_log().split("\n")[:-1]:
            if text.startswith("{"):
                line = json.loads(text)
                if all(line.get(k) == v for k, v in fields.items()):
                    lines.append(line)
        return lines

    def logged(self, count=1, **fields):
        """Waits for `count` lines with these fields: another thread writes the log, and a request's
        line may come after its answer. Returns all such lines; a test of their number compares it."""
        return wait_for(
            lambda: (lines := self.log(**fields))[count - 1 :] and lines, f"{count} log lines with {fields}"
        )

    # Talking to it.

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def client(self, authorization=basic(USER, PASSWORD)):
        return Client(self, authorization)

    def connect(self, timeout_s=30):
        return RawConnection(socket.create_connection(("127.0.0.1", self.port), timeout_s))


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def error_codes(self):
        return [error["code"] for error in self.json()["errors"]]

    def error_message(self):
        return self.json()["errors"][0]["message"]

    def __str__(self):
        return f"{self.status}\n{self.headers}{self.body[:2000]!r}"


def check_date(response):
    """Every answer but an interim one has one Date, in the form of RFC 9110, section 5.6.7."""
    dates = response.headers.get_all("Date") or []
    assert len(dates) == 1, f"dates {dates}: {response}"
    sent = email.utils.parsedate_to_datetime(dates[0])
    assert dates[0] == email.utils.format_datetime(sent, usegmt=True), f"date {dates[0]!r}"
    # Never from an earlier request, however long this one took to be read.
    assert abs(time.time() - sent.timestamp()) < 600, f"date {dates[0]!r}"


def check_answer(method, path, response):
    """Checks what holds for all responses."""
    check_date(response)
    if path.startswith("/v2"):
        version = response.headers["Docker-Distribution-Api-Version"]
        assert version == "registry/2.0", f"{method} {path}: version header {version!r}: {response}"
    if response.status < 400 or method == "HEAD":
        return
    content_type = response.headers["Content-Type"] or ""
    assert content_type.startswith("application/json"), f"{method} {path}: {response}"
    errors = response.json()["errors"]
    assert errors, f"{method} {path}: {response}"
    for error in errors:
        assert set(error) == {"code", "message", "detail"}, f"{method} {path}: {response}"
        assert error["message"], f"{method} {path}: {response}"
        if response.status < 500 and path.startswith("/v2/"):
            assert error["code"] in ERROR_CODES, f"{method} {path}: {response}"


class Client:
    """An HTTP client with one connection, kept alive."""

    def __init__(self, registry, authorization=None, timeout_s=60):
        self.registry = registry
        self.authorization = authorization
        self.timeout_s = timeout_s
        self.connection = None

    def _connect(self):
        if self.connection is None or self.connection.port != self.registry.port:
            self.close()
            if self.registry.scheme == "https":
                context = ssl.create_default_context(cafile=self.registry.ca)
                self.connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.registry.port, timeout=self.timeout_s, context=context
                )
            else:
                self.connection = http.client.HTTPConnection(
                    "127.0.0.1", self.registry.port, timeout=self.timeout_s
                )
        return self.connection

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None, expect=None):
        """`body`: bytes, or an iterable of bytes that is sent chunked. `path` may be a whole URL.

        `expect`: the status or statuses that are right; any other fails the test.
        """
        url = urllib.parse.urlsplit(path)
        target = urllib.parse.urlunsplit(("", "", url.path, url.query, ""))
        headers = dict(headers or {})
        if self.authorization is not None:
            headers.setdefault("Authorization", self.authorization)
        connection = self._connect()
        try:
            try:
                connection.request(method, target, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # Refused before everything was sent: the response may have arrived.
            reply = connection.getresponse()
            response = Response(reply.status, reply.headers, reply.read())
        except Exception:
            self.close()
            raise
        check_answer(method, target, response)
        if expect is not None:
            expected = expect if isinstance(expect, tuple) else (expect,)
            assert response.status in expected, f"{method} {path}: expected {expect}: {response}"
        return response

    def get(self, path, headers=None, expect=200):
        return self.request("GET", path, headers=headers, expect=expect)

    def head(self, path, headers=None, expect=200):
        return self.request("HEAD", path, headers=headers, expect=expect)

    def post(self, path, body=None, headers=None, expect=202):
        return self.request("POST", path, body, headers, expect)

    def patch(self, path, body=None, headers=None, expect=202):
        return self.request("PATCH", path, body, headers, expect)

    def put(self, path, body=None, headers=None, expect=201):
        return self.request("PUT", path, body, headers, expect)

    def delete(self, path, headers=None, expect=202):
        return self.request("DELETE", path, headers=headers, expect=expect)

    # Steps of a push.

    def begin_upload(self, repository):
        """Opens an upload session and returns its location."""
        return self.post(f"/v2/{repository}/blobs/uploads/").headers["Location"]

    def push_blob(self, repository, data, algorithm="sha256"):
        """POST, then PUT with the bytes. Returns the digest."""
        digest = digest_of(data, algorithm)
        self.put(with_query(self.begin_upload(repository), digest=digest), data)
        return digest

    def put_manifest(self, repository, reference, manifest, media_type=OCI_MANIFEST, expect=201):
        """`manifest`: bytes, or an object for JSON."""
        content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        path = f"/v2/{repository}/manifests/{reference}"
        headers = {"Content-Type": media_type} if media_type else {}
        return self.put(path, content, headers, expect)

    def push_image(self, repository, tag, layers=(b"a layer",)):
        """Pushes config, layers and manifest. Returns the manifest's bytes."""
        config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
        for blob in (config, *layers):
            self.push_blob(repository, blob)
        content = json.dumps(image_manifest(config, layers)).encode()
        self.put_manifest(repository, tag, content)
        return content


def with_query(location, **parameters):
    """Adds parameters to a location, which may already have some."""
    separator = "&" if "?" in location else "?"
    return location + separator + urllib.parse.urlencode(parameters)


def descriptor(data, media_type):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def image_manifest(config, layers, **fields):
    """The manifest of an image whose blobs have these bytes."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(layer, OCI_LAYER) for layer in layers],
        **fields,
    }


class RawConnection:
    """A socket with just enough HTTP to send what client libraries refuse to send."""

    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data)

    def request(self, method, path, headers=None, body=b"", authorization=basic(USER, PASSWORD)):
        """Sends a request head and the body, if any."""
        lines = [f"{method} {path} HTTP/1.1", "Host: registry.test"]
        if authorization:
            lines.append(f"Authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def response(self, method="GET"):
        """Reads one response, final or interim."""
        status_line = self.file.readline()
        if not status_line:
            raise ConnectionError("the registry closed the connection")
        status = int(status_line.split()[1])
        headers = http.client.parse_headers(self.file)
        if method == "HEAD" or status < 200 or status in (204, 304):
            body = b""
        elif headers["Transfer-Encoding"] == "chunked":
            body = self._chunked()
        elif headers["Content-Length"] is not None:
            body = self.file.read(int(headers["Content-Length"]))
        else:
            body = self.file.read()
        response = Response(status, headers, body)
        if status >= 200:
            check_date(response)
        return response

    def _chunked(self):
        body = b""
        while size := int(self.file.readline().split(b";")[0], 16):
            body += self.file.read(size)
            self.file.readline()
        self.file.readline()
        return body

    def closed_by_peer(self):
        """Waits for the end of the stream; true if no more bytes arrived."""
        try:
            return self.file.read() == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class RegistryTestCase(unittest.TestCase):
    """A test with a temporary folder and, unless `start_at_once` is false, a running registry."""

    maxDiff = None
    start_at_once = True
    flags = ()

    def setUp(self):
        # Hexadecimal, because podman rejects a path with "-_" as an invalid name.
        self.folder = pathlib.Path(tempfile.gettempdir(), f"registry-test-{secrets.token_hex(6)}")
        self.folder.mkdir(mode=0o700)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        if ON_POSTGRES:
            self.addCleanup(drop_database_of, self.folder)
        self.registries = []
        if self.start_at_once:
            self.registry = self.start_registry(*self.flags)
            self.client = self.registry.client()
            self.addCleanup(self.client.close)

    def new_registry(self, *flags, folder=None, **options):
        """A registry that is not started yet, and that the end of the test stops."""
        registry = Registry(folder or self.folder, *flags, **options)
        self.registries.append(registry)
        self.addCleanup(self._stop, registry)
        return registry

    def start_registry(self, *flags, **options):
        return self.new_registry(*flags, **options).start()

    def _stop(self, registry):
        try:
            if registry.running():
                registry.stop()
        finally:
            if registry.starts:
                registry.last_log = registry.raw_log()

    def run(self, result=None):
        """Shows the registry's log if the test fails."""
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for registry in getattr(self, "registries", []):
                print(f"--- the registry's log, its end:\n{getattr(registry, 'last_log', '')[-8000:]}")
        return result

    def expect_error(self, response, status, code):
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.error_codes(), [code], response)
