"""Rules of this project that a compiler does not check."""

import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLANES = ("gateway", "controlplane", "dataplane")
FOLDERS = ("oci", "base", *PLANES, "app")
MAX_LINES = 400
MAX_TEST_LINES = 600

# Folders that each folder may include. All but oci and base may include generated contracts.
MAY_INCLUDE = {
    "oci": {"oci", "base"},
    "base": {"base"},
    "gateway": {"gateway", "oci", "base"},
    "controlplane": {"controlplane", "oci", "base"},
    "dataplane": {"dataplane", "oci", "base"},
    "app": set(FOLDERS),
}
# The same for the folders inside a folder. All may include the files directly in the folder; those
# may include every room, unless the folder has its own entry.
ROOMS_MAY_INCLUDE = {
    "base": set(),
    "base/http": set(),
    "controlplane/sql": set(),
    "controlplane/policy": {"sql"},
    "controlplane/access": {"policy", "sql"},
    "controlplane/admin": {"access", "policy", "sql"},
    "controlplane/storage": {"sql"},
    "controlplane/metadata": {"policy", "sql", "storage"},
    "controlplane/upkeep": {"metadata", "sql", "storage"},
    "gateway/limits": set(),
    "gateway/clients": set(),
    "gateway/access": {"clients", "limits"},
    "gateway/api": {"access", "clients", "limits"},
    "app/config": set(),
    "app/admin": {"config"},
}
# Libraries that only some folders may use.
ONLY_IN = {
    r"<boost/(asio|beast)": ("base/http", "gateway"),
    r'"registry/v1/': (*PLANES, "app"),
    r"<sqlite3\.h>": ("controlplane/sql/sqlite",),
    r"<libpq-fe\.h>": ("controlplane/sql/postgres",),
    r"<jwt\.h>": ("controlplane",),
    r"<crypt\.h>": ("controlplane",),
    r"<yaml-cpp/": ("app/config/yaml_tree",),
    r"<grpc": (
        "base/client_call", "base/grpc_", "gateway", "app",
        # The bindings of services, the clients of storage nodes, and what composes them.
        "controlplane/access/grpc_service", "controlplane/admin/grpc_service", "controlplane/admin/peer",
        "controlplane/control_plane", "controlplane/metadata/grpc_service", "controlplane/storage/",
        "dataplane/grpc_service", "dataplane/storage_node",
    ),
}
# Hosts that texts may name. Others might belong to somebody's machine or network.
KNOWN_HOSTS = {
    "127.0.0.1", "localhost", "github.com", "docs.docker.com", "distribution.github.io",
    "www.apache.org", "www.rfc-editor.org", "datatracker.ietf.org", "wiki.postgresql.org",
    "www.sqlite.org", "sqlite.org", "json-schema.org", "grpc.io", "opencontainers.org",
    "registry-1.docker.io",
    # In names of predicate types of attestations.
    "in-toto.io", "sigstore.dev", "slsa.dev", "spdx.dev",
}  # fmt: skip
RESERVED_NAMES = re.compile(r"(^|\.)(example(\.(com|org|net))?|test|invalid)$")


def sources(*suffixes, folders=(*FOLDERS, "tests")):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path


def texts():
    """All hand-written files of the project."""
    skipped = re.compile(r"^(\.git|build.*|data|__pycache__)$")
    kept = [path for path in sorted(ROOT.iterdir()) if not skipped.match(path.name)]
    for path in (found for top in kept for found in [top, *sorted(top.rglob("*"))]):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and "corpus" not in parts:
            if "__pycache__" not in parts and path.name != "LICENSE":
                yield path


def name(path):
    return str(path.relative_to(ROOT))


class Sources(unittest.TestCase):
    maxDiff = None

    def expect_none(self, findings):
        self.assertFalse(findings, "\n" + "\n".join(findings))

    def includes(self, path):
        for line in path.read_text().splitlines():
            if match := re.match(r'\s*#\s*include\s+(["<][^">]+[">])', line):
                yield match.group(1)

    def test_includes_go_only_in_the_direction_of_the_design(self):
        findings = []
        for path in sources(".h", ".cc", folders=FOLDERS):
            folder = path.relative_to(ROOT).parts[0]
            for include in self.includes(path):
                place = include[1:].partition("/")[0]
                if place in FOLDERS and place not in MAY_INCLUDE[folder]:
                    findings.append(f"{name(path)} includes {include}")
        self.expect_none(findings)

    def test_rooms_include_only_rooms_below_them(self):
        findings = []
        for room in ROOMS_MAY_INCLUDE:
            self.assertTrue((ROOT / room).is_dir(), f"{room} is gone: correct ROOMS_MAY_INCLUDE")
        for path in sources(".h", ".cc", folders=FOLDERS):
            room = "/".join(path.relative_to(ROOT).parts[:-1][:2])
            allowed = ROOMS_MAY_INCLUDE.get(room)
            for include in self.includes(path):
                parts = include[1:-1].split("/")
                if allowed is None or parts[0] != room.partition("/")[0] or len(parts) < 3:
                    continue
                if f"{parts[0]}/{parts[1]}" != room and parts[1] not in allowed:
                    findings.append(f"{name(path)} includes {include}")
        self.expect_none(findings)

    def test_libraries_are_used_only_where_they_belong(self):
        findings = []
        for path in sources(".h", ".cc", folders=FOLDERS):
            for include in self.includes(path):
                for pattern, places in ONLY_IN.items():
                    if re.match(pattern, include) and not name(path).startswith(places):
                        findings.append(f"{name(path)} includes {include}")
        self.expect_none(findings)

    def test_a_source_includes_its_own_header_first(self):
        findings = []
        for path in sources(".cc", folders=FOLDERS):
            header = path.with_suffix(".h")
            if header.exists() and next(self.includes(path), None) != f'"{name(header)}"':
                findings.append(f"{name(path)} does not begin with {name(header)}")
        self.expect_none(findings)

    def test_include_guards_are_named_after_the_file(self):
        findings = []
        for path in sources(".h", folders=FOLDERS):
            guard = "REGISTRY_" + re.sub(r"[^A-Z0-9]", "_", name(path).upper()) + "_"
            if f"#ifndef {guard}\n#define {guard}\n" not in path.read_text():
                findings.append(f"{name(path)} lacks {guard}")
        self.expect_none(findings)

    def test_headers_begin_with_what_they_are_for(self):
        self.expect_none(
            [name(p) for p in sources(".h", folders=FOLDERS) if not p.read_text().startswith("//")]
        )

    def test_files_are_short(self):
        findings = []
        for path in sources(".h", ".cc"):
            lines = path.read_text().count("\n")
            limit = MAX_TEST_LINES if name(path).startswith("tests/") else MAX_LINES
            if lines > limit:
                findings.append(f"{name(path)} has {lines} lines, more than {limit}")
        self.expect_none(findings)

    def test_nothing_is_left_to_do_without_an_issue(self):
        marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
        findings = []
        for path in sources(".h", ".cc", ".py", ".proto", ".txt", folders=(*FOLDERS, "tests", "proto")):
            if "corpus" in path.parts:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if marks.search(line):
                    findings.append(f"{name(path)}:{number}: {line.strip()}")
        self.expect_none(findings)

    def test_no_text_names_somebodys_machine_or_network(self):
        places = re.compile(r"(?<![\w.~<-])/(?:work|home|Users|root)/[\w.]")
        hosts = re.compile(r"https?://([A-Za-z0-9.-]+\.[a-z]{2,}|[0-9.]+|localhost)")
        findings = []
        for path in texts():
            try:
                content = path.read_text()
            except UnicodeDecodeError:
                continue
            for number, line in enumerate(content.splitlines(), 1):
                named = [
                    host
                    for host in hosts.findall(line)
                    if host not in KNOWN_HOSTS and not RESERVED_NAMES.search(host)
                ]
                if named or places.search(line):
                    findings.append(f"{name(path)}:{number}: {line.strip()[:120]}")
        self.expect_none(findings)

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_sources_are_formatted(self):
        files = [str(path) for path in sources(".h", ".cc")]
        done = subprocess.run(
            ["clang-format", "--dry-run", "-Werror", *files], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, "run ./dev format:\n" + done.stderr[-4000:])


if __name__ == "__main__":
    unittest.main()
