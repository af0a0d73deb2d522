"""Measures how a flood of wrong logins affects other clients.

    python3 tests/bench/logins.py [--logins N] [--seconds S]

Three clients read the head of a manifest at the same time: one whose password is remembered, one with
a bearer token, and one that logs in for the first time each time (as another user), so that its
password is checked by bcrypt. First alone, then while N wrong logins at a time, each with another user
name, come from one address, and then from 250 addresses. Besides: the processor time of 100 requests
with a password. Prints a table in Markdown; ends with status 1 when something is wrong.

The flood comes from this machine too, as fast as the registry refuses it, so the figures hold the
processor time that it takes.

The binary is build/simple-registry, or what the environment variable REGISTRY_TEST_BINARY names.
"""

import argparse
import collections
import concurrent.futures
import multiprocessing
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import login_flood  # noqa: E402
from admin_api import AdminApi  # noqa: E402
from registry import PASSWORD, USER, Registry, basic, run_binary  # noqa: E402

REPOSITORY = "bench/logins"
PATH = f"/v2/{REPOSITORY}/manifests/v1"
REQUESTS = 100
# Between two requests of a client, so that the clients do not measure each other.
PAUSE_S = 0.02
# More than can log in one after another in that time.
USERS = 600


def fail(message):
    sys.exit(f"FAILED: {message}")


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def cpu_seconds(registry):
    """User and system time of the process so far."""
    fields = pathlib.Path(f"/proc/{registry.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Clients:
    """The measured clients, by their names in the table."""

    def __init__(self, registry):
        self.remembered = registry.client()
        token = self.remembered.get(f"/token?scope=repository:{REPOSITORY}:pull").json()["token"]
        self.bearer = registry.client(f"Bearer {token}")
        self.first = registry.client()
        # Each first login needs a new user.
        self.users = (basic(f"user{i}", PASSWORD) for i in range(USERS))

    def heads(self):
        return {
            "password, remembered": lambda: self.remembered.head(PATH, expect=None),
            "bearer token": lambda: self.bearer.head(PATH, expect=None),
            "first login": lambda: self.first.head(
                PATH, {"Authorization": next(self.users), "X-Forwarded-For": "198.51.100.1"}, expect=None
            ),
        }


def measure(clients, goes_on):
    """Runs all clients at the same time. Returns the seconds and statuses of each one's responses."""
    times, statuses = collections.defaultdict(list), collections.defaultdict(collections.Counter)

    def requests(name, head):
        while goes_on():
            begin = time.perf_counter()
            status = head().status
            if status == 200:
                times[name].append(time.perf_counter() - begin)
            statuses[name][status] += 1
            time.sleep(PAUSE_S)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(requests, name, head) for name, head in clients.heads().items()]:
            done.result()
    return times, statuses


def flood(port, logins, addresses, seconds, results):
    """Runs in a separate process: a thread would share this interpreter with the clients."""
    statuses = login_flood.run(
        port,
        logins,
        lambda i: basic(f"name{i}", "wrong"),
        lambda i: [f"X-Forwarded-For: 203.0.113.{i % addresses}"],
        seconds,
    )
    results.put(dict(statuses))


def measure_during_flood(registry, clients, logins, addresses, seconds):
    results = multiprocessing.Queue()
    process = multiprocessing.Process(
        target=flood, args=(registry.port, logins, addresses, seconds, results)
    )
    process.start()
    # Wait until it has connected.
    time.sleep(1)
    times, statuses = measure(clients, process.is_alive)
    flooded = results.get(timeout=60)
    process.join()
    if not set(flooded) <= {401, 429}:
        fail(f"the flood was answered {flooded}")
    return times, statuses, flooded


def row(title, times, statuses):
    cells = []
    for name in ("password, remembered", "bearer token", "first login"):
        values = times[name]
        cell = "none"
        if values:
            cell = f"{statistics.median(values) * 1000:.1f} / {percentile(values, 0.95) * 1000:.1f}"
        refused = statuses[name][429]
        cells.append(cell + (f" ({refused} of {statuses[name].total()} refused)" if refused else ""))
        if set(statuses[name]) - {200, 429} or (name != "first login" and refused):
            fail(f"{title}: {name}: {statuses[name]}")
    return f"| {title} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logins", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-bench-"))
    registry = Registry(folder, "-trustedproxies", "127.0.0.1")
    try:
        clients = Clients(prepared(registry))
        before = cpu_seconds(registry)
        for _ in range(REQUESTS):
            clients.remembered.head(PATH)
        spent = cpu_seconds(registry) - before
        print(f"{REQUESTS} requests with a password: {spent:.2f} s of processor time")
        print("\nHEAD of a manifest, milliseconds: median / 95th percentile of the answers 200\n")
        print("| | password, remembered | bearer token | first login |\n|---|---|---|---|")
        deadline = time.monotonic() + options.seconds / 3
        print(row("alone", *measure(clients, lambda: time.monotonic() < deadline)))
        floods = []
        for addresses in (1, 250):
            title = f"{options.logins} wrong logins at a time from {addresses} address{'es' * (addresses > 1)}"
            times, statuses, flooded = measure_during_flood(
                registry, clients, options.logins, addresses, options.seconds
            )
            print(row(title, times, statuses))
            floods.append((title, flooded))
        print()
        for title, flooded in floods:
            counts = ", ".join(f"{flooded[status]} × {status}" for status in sorted(flooded))
            print(f"{title}: answered {counts}")
    finally:
        if registry.running():
            registry.stop()
        shutil.rmtree(folder, ignore_errors=True)


def prepared(registry):
    client = registry.start().client(basic(USER, PASSWORD))
    client.push_image(REPOSITORY, "v1")
    client.close()
    admin = AdminApi(f"unix:{registry.datadir}/admin.sock")
    digest = run_binary("genhash", stdin=PASSWORD.encode()).stdout.decode().strip()
    admin.CreateGroup(group_id="readers", group={})
    for i in range(USERS):
        user = {"password_hash": digest, "groups": ["groups/readers"]}
        admin.CreateUser(user_id=f"user{i}", user=user)
    admin.CreateRole(role_id="pull", role={"resources": ["RESOURCE_MANIFESTS"], "verbs": ["VERB_GET"]})
    admin.CreateRoleBinding(
        role_binding_id="readers",
        role_binding={"role": "roles/pull", "subjects": ["groups/readers"], "scopes": ["^bench/"]},
    )
    admin.close()
    return registry


if __name__ == "__main__":
    main()
