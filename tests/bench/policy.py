"""Measures the cost of a change of the access policy, by the number of users.

    python3 tests/bench/policy.py [--changes N] [USERS...]

For each number of users (100, 1,000, 5,000 and 20,000) it starts a registry with so many from YAML files,
then makes N changes through the admin API, each of which gives a group another member, and measures how
long the client waits. Prints a table in Markdown.

The binary is build/simple-registry, or what the environment variable REGISTRY_TEST_BINARY names.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from admin_api import AdminApi  # noqa: E402
from registry import Registry  # noqa: E402

USER = """---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata:
  name: user{}
spec:
  groups: [readers]
"""
USERS_OF_FILE = 1000


def write_users(folder, count):
    folder.mkdir()
    for begin in range(0, count, USERS_OF_FILE):
        end = min(begin + USERS_OF_FILE, count)
        (folder / f"users-{begin}.yaml").write_text("".join(USER.format(i) for i in range(begin, end)))


def measure(count, changes):
    """Returns the milliseconds of each change, the seconds of the start, and the resident bytes after it all."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-bench-"))
    try:
        write_users(folder / "config", count)
        begin = time.perf_counter()
        registry = Registry(folder, "-cfgdir", folder / "config", password=None).start()
        start_s = time.perf_counter() - begin
        admin = AdminApi(f"unix:{registry.datadir}/admin.sock")
        admin.CreateGroup(group_id="measured", group={})
        times = []
        for i in range(changes):
            begin = time.perf_counter()
            admin.UpdateGroup(group={"name": "groups/measured", "members": [f"users/user{i}"]})
            times.append((time.perf_counter() - begin) * 1000)
        resident = registry.memory_bytes("VmRSS")
        admin.close()
        registry.stop()
        return times, start_s, resident
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("users", type=int, nargs="*", default=[100, 1000, 5000, 20000])
    options = parser.parse_args()
    print("| users | a change, ms: median / 95th percentile | start, s | resident, MB |\n|---|---|---|---|")
    for count in options.users:
        if count < options.changes:
            sys.exit(f"FAILED: each change needs a user of its own, and {count} are fewer than {options.changes}")
        times, start_s, resident = measure(count, options.changes)
        late = sorted(times)[int(len(times) * 0.95)]
        print(f"| {count:,} | {statistics.median(times):.1f} / {late:.1f} | {start_s:.2f} | {resident / 1e6:.0f} |")


if __name__ == "__main__":
    main()
