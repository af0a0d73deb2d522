"""The policy changes while many clients work: revoked rights end in time; no request sees a mix."""

import collections
import dataclasses
import signal
import threading
import time

from registry import ON_POSTGRES, basic, digest_of, wait_for, with_query
from test_admin import ALL_RESOURCES, LIVE_S, AdminTestCase
from test_policy import PUBLIC, SHOP, PolicyTestCase

# Not a password: failed logins are limited.
EVE_TOKEN = "the-value-of-the-token-of-eve"
READ = ["VERB_GET"]
READ_AND_PUT = ["VERB_GET", "VERB_PUT"]


class RaceTestCase(AdminTestCase, PolicyTestCase):
    """Base class with the files of docs/examples and the admin API; has no tests itself."""

    start_at_once = False

    def setUp(self):
        super().setUp()
        self.start()
        self.api = self.admin_api()
        self.reloading = threading.Lock()

    def bearer(self, authorization, scope):
        return f"Bearer {self.token(authorization, scope)['token']}"

    def make_user(self, name, repository, verbs=tuple(READ)):
        """Lets `name` do that, with the name as password; returns the basic credential."""
        self.api.CreateUser(user_id=name, user={"password": name})
        self.api.CreateGroup(group_id=name, group={"members": [f"users/{name}"]})
        self.api.CreateRole(role_id=name, role={"resources": ALL_RESOURCES, "verbs": list(verbs)})
        self.api.CreateRoleBinding(
            role_binding_id=name,
            role_binding={
                "role": f"roles/{name}",
                "subjects": [f"groups/{name}"],
                "scopes": [f"^{repository}(:.+)?$"],
            },
        )
        return basic(name, name)

    def set_scopes(self, name, *scopes):
        self.api.UpdateRoleBinding(role_binding={"name": f"roleBindings/{name}", "scopes": list(scopes)})

    def edit_and_reload(self, name, old, new):
        """Sends SIGHUP; returns once the registry has logged that it applies the new files."""
        with self.reloading:
            self.edit(name, old, new)
            # Reads only the end of the log, which grows by thousands of lines per second.
            with open(self.registry.log_path, "rb") as log:
                log.seek(0, 2)
                self.registry.process.send_signal(signal.SIGHUP)
                read = bytearray()

                def told():
                    read.extend(log.read())
                    return b'"the policy was reloaded"' in read

                wait_for(told, "the reload")


@dataclasses.dataclass
class Change:
    """From `started` on, the right may exist (or be gone); LIVE_S after `completed` it must."""

    allowed: bool
    started: float
    completed: float


class Right:
    """A right that is granted and revoked repeatedly, and the results that its holders get."""

    def __init__(self, name, give, take):
        self.name = name
        self.turn = {True: give, False: take}
        # Granted before the clients start.
        self.changes = [Change(True, 0, 0)]
        self.probes = []

    def change(self):
        allowed = not self.changes[-1].allowed
        started = time.monotonic()
        self.turn[allowed]()
        self.changes.append(Change(allowed, started, time.monotonic()))

    def was_observed(self):
        """True if each holder has asked after the time that the last change may take."""
        due = self.changes[-1].completed + LIVE_S
        return all(probe.requests and probe.requests[-1].started > due for probe in self.probes)

    def wrong(self):
        """The requests that were decided by a policy that was outdated or never existed."""
        ends = [change.completed + LIVE_S for change in self.changes[1:]] + [float("inf")]
        for probe in self.probes:
            for request in probe.requests:
                if not any(
                    change.allowed == request.allowed
                    and change.started <= request.ended
                    and request.started <= end
                    for change, end in zip(self.changes, ends)
                ):
                    yield probe, request

    def lags(self):
        """For each change, the start of the last request that still got the old answer."""
        for i, change in enumerate(self.changes[1:], 1):
            until = self.changes[i + 1].started if i + 1 < len(self.changes) else float("inf")
            late = [
                request.started - change.completed
                for probe in self.probes
                for request in probe.requests
                if change.completed < request.started
                and request.ended < until
                and request.allowed != change.allowed
            ]
            yield max(late, default=0.0)


Request = collections.namedtuple("Request", "started ended allowed")


class Probe:
    """A client that repeats the same request over one connection."""

    def __init__(self, client, allowed, denied, method, path, body=None, headers=None):
        self.client = client
        self.statuses = {allowed: True, denied: False}
        self.arguments = (method, path, body, headers)
        self.requests = []
        self.unexpected = []

    def run(self, stop):
        while not stop.is_set():
            started = time.monotonic()
            answer = self.client.request(*self.arguments)
            ended = time.monotonic()
            if answer.status in self.statuses:
                self.requests.append(Request(started, ended, self.statuses[answer.status]))
            else:
                self.unexpected.append(str(answer))


class LiveUnderLoad(RaceTestCase):
    CHANGES = 4

    def test_rights_are_there_and_gone_within_2_seconds_for_all_credentials(self):
        rights = [
            self.right_by_scopes(),
            self.right_by_role(),
            self.right_by_group(),
            self.right_by_user(),
            self.right_of_anonymous_by_sighup(),
            self.right_of_a_group_by_sighup(),
        ]
        probes = [probe for right in rights for probe in right.probes]
        self.assertGreaterEqual(len(probes), 8)
        stop = threading.Event()
        failures = []

        def guarded(function, *arguments):
            try:
                function(*arguments)
            except Exception as error:  # noqa: BLE001
                failures.append(error)
                stop.set()

        def work(right):
            for _ in range(self.CHANGES):
                right.change()
                wait_for(lambda: stop.is_set() or right.was_observed(), f"requests that show {right.name}")

        clients = [threading.Thread(target=guarded, args=(probe.run, stop)) for probe in probes]
        changers = [threading.Thread(target=guarded, args=(work, right)) for right in rights]
        for thread in (*clients, *changers):
            thread.start()
        for thread in changers:
            thread.join()
        stop.set()
        for thread in clients:
            thread.join()

        self.assertEqual(failures, [])
        self.assertEqual([probe.unexpected[:3] for probe in probes if probe.unexpected], [])
        for right in rights:
            for probe in right.probes:
                self.assertEqual({request.allowed for request in probe.requests}, {True, False})
            self.assertEqual([(p.arguments[:2], r) for p, r in right.wrong()][:5], [], right.name)
        lags = {right.name: f"{max(right.lags()) * 1000:.0f} ms" for right in rights}
        requests = sum(len(probe.requests) for probe in probes)
        print(f"{requests} requests, {len(rights) * self.CHANGES} changes; the longest lags: {lags}")

    # Each right is granted at first.

    def right_by_scopes(self):
        image = self.admin.push_image("race/scopes", "v1")
        ann = self.make_user("ann", "race/scopes")
        right = Right(
            "a role binding's scopes",
            lambda: self.set_scopes("ann", "^race/scopes(:.+)?$"),
            lambda: self.set_scopes("ann", "^race/elsewhere(:.+)?$"),
        )
        bearer = self.bearer(ann, "repository:race/scopes:pull")
        for authorization, method, reference in ((ann, "GET", "v1"), (bearer, "HEAD", digest_of(image))):
            path = f"/v2/race/scopes/manifests/{reference}"
            right.probes.append(Probe(self.client_of(authorization), 200, 403, method, path))
        return right

    def right_by_role(self):
        image = self.admin.push_image("race/role", "v1")
        ben = self.make_user("ben", "race/role", READ_AND_PUT)
        value = self.api.CreateToken(token_id="ben", token={"user": "users/ben"}).value
        right = Right(
            "a role's verbs",
            lambda: self.api.UpdateRole(role={"name": "roles/ben", "verbs": READ_AND_PUT}),
            lambda: self.api.UpdateRole(role={"name": "roles/ben", "verbs": READ}),
        )
        headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        for authorization in (ben, f"Bearer {value}"):
            arguments = ("PUT", "/v2/race/role/manifests/v1", image, headers)
            right.probes.append(Probe(self.client_of(authorization), 201, 403, *arguments))
        return right

    def right_by_group(self):
        digest = self.admin.push_blob("race/group", b"a blob of race/group")
        cid = self.make_user("cid", "race/group")
        members = lambda names: self.api.UpdateGroup(  # noqa: E731
            group={"name": "groups/cid", "members": names}, update_mask="members"
        )
        right = Right("a group's members", lambda: members(["users/cid"]), lambda: members([]))
        bearer = self.bearer(cid, "repository:race/group:pull")
        path = f"/v2/race/group/blobs/{digest}"
        right.probes.append(Probe(self.client_of(bearer), 200, 403, "GET", path))
        return right

    def right_by_user(self):
        def create():
            self.api.CreateUser(user_id="eve", user={})
            self.api.CreateToken(token_id="eve", token={"user": "users/eve", "value": EVE_TOKEN})

        create()
        right = Right("a user", create, lambda: self.api.DeleteUser(name="users/eve"))
        right.probes.append(Probe(self.client_of(f"Bearer {EVE_TOKEN}"), 200, 401, "GET", "/v2/"))
        return right

    def right_of_anonymous_by_sighup(self):
        self.admin.push_image(PUBLIC, "v1")
        scopes = ('scopes: ["^mirror/.+$"]', 'scopes: ["^other/.+$"]')
        right = Right(
            "the scopes of a file",
            lambda: self.edit_and_reload("rolebindings.yaml", scopes[1], scopes[0]),
            lambda: self.edit_and_reload("rolebindings.yaml", scopes[0], scopes[1]),
        )
        bearer = self.bearer(None, f"repository:{PUBLIC}:pull")
        for authorization in (None, bearer):
            path = f"/v2/{PUBLIC}/manifests/v1"
            right.probes.append(Probe(self.client_of(authorization), 200, 401, "GET", path))
        return right

    def right_of_a_group_by_sighup(self):
        self.admin.push_image(SHOP, "v1")
        groups = ("groups: [data, web-guests]", "groups: [data]")
        right = Right(
            "the groups of a file",
            lambda: self.edit_and_reload("users.yaml", groups[1], groups[0]),
            lambda: self.edit_and_reload("users.yaml", groups[0], groups[1]),
        )
        bearer = self.bearer(basic("dan", "dan-example"), f"repository:{SHOP}:pull")
        right.probes.append(Probe(self.client_of(bearer), 200, 403, "GET", f"/v2/{SHOP}/tags/list"))
        return right


class OnePolicy(RaceTestCase):
    """Two policies alternate as fast as possible; a mix of them would show."""

    # A change is several round trips to PostgreSQL, which gets little of the processors meanwhile.
    CHANGES = 50 if ON_POSTGRES else 200
    CLIENTS = 6

    def setUp(self):
        super().setUp()
        self.ann = self.make_user("ann", "race/nothing", ["VERB_GET", "VERB_POST", "VERB_PUT"])
        self.value = self.api.CreateToken(token_id="ann", token={"user": "users/ann"}).value

    def seen(self, token_scope, policies, ask):
        """Counts what `ask(client)` returns while the scopes of ann's role binding change."""
        # A bearer token with all scopes: only the policy decides.
        self.set_scopes("ann", "^race/", "^$")
        bearer = self.bearer(self.ann, token_scope)
        stop = threading.Event()
        counts, failures = collections.Counter(), []

        def work(authorization):
            client = self.client_of(authorization)
            try:
                while not stop.is_set():
                    counts[ask(client)] += 1
            except Exception as error:  # noqa: BLE001
                failures.append(error)

        self.set_scopes("ann", *policies[0])
        credentials = (self.ann, f"Bearer {self.value}", bearer)
        threads = [
            threading.Thread(target=work, args=(credentials[i % len(credentials)],))
            for i in range(self.CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for i in range(self.CHANGES):
            self.set_scopes("ann", *policies[i % len(policies)])
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        print(f"{self.CHANGES} changes: {dict(counts)}")
        return counts

    def test_a_push_that_sets_two_tags_needs_both_rights_at_once(self):
        image = self.admin.push_image("race/tags", "v1")
        headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        path = f"/v2/race/tags/manifests/{digest_of(image)}?tag=a&tag=b"

        def ask(client):
            answer = client.put(path, image, headers, expect=None)
            refused = {tag for tag in "ab" if f"race/tags:{tag}" in answer.body.decode()}
            return answer.status, "".join(sorted(refused))

        policies = [["^race/tags$", "^race/tags:a$"], ["^race/tags$", "^race/tags:b$"]]
        counts = self.seen("repository:race/tags:pull,push", policies, ask)
        self.assertEqual(set(counts), {(403, "b"), (403, "a")})

    def test_a_list_of_tags_shows_what_the_policy_that_allowed_it_shows(self):
        for tag in "ab":
            self.admin.push_image("race/list", tag)

        def ask(client):
            answer = client.get("/v2/race/list/tags/list", expect=None)
            return answer.status, "".join(answer.json()["tags"]) if answer.status == 200 else ""

        policies = [["^race/list$", "^race/list:a$"], ["^race/list:b$"]]
        counts = self.seen("repository:race/list:pull", policies, ask)
        self.assertEqual(set(counts), {(200, "a"), (403, "")})

    def test_the_catalog_shows_what_the_policy_that_allowed_it_shows(self):
        for name in "ab":
            self.admin.push_image(f"race/{name}", "v1")

        def ask(client):
            answer = client.get("/v2/_catalog", expect=None)
            return answer.status, "".join(answer.json()["repositories"]) if answer.status == 200 else ""

        counts = self.seen("registry:catalog:*", [["^$", "^race/a$"], ["^race/b$"]], ask)
        self.assertEqual(set(counts), {(200, "race/a"), (403, "")})

    def test_a_mount_needs_both_rights_at_once(self):
        digest = self.admin.push_blob("race/from", b"a blob to mount")

        def ask(client):
            path = f"/v2/race/to/blobs/uploads/?mount={digest}&from=race/from"
            answer = client.post(path, expect=None)
            if answer.status == 202:
                client.delete(answer.headers["Location"], expect=(204, 403))
            return answer.status

        token_scope = "repository:race/to:pull,push+repository:race/from:pull"
        counts = self.seen(token_scope, [["^race/to$"], ["^race/from$"]], ask)
        self.assertEqual(set(counts), {202, 403})


class Running(RaceTestCase):
    """Requests in progress when the right is revoked."""

    PART = b"x" * 300_000

    def setUp(self):
        super().setUp()
        self.wendy = self.as_user("wendy")

    def take_the_right(self):
        self.edit("users.yaml", "groups: [web]", "groups: []")
        self.reload()
        wait_for(
            lambda: self.wendy.post(f"/v2/{SHOP}/blobs/uploads/", expect=None).status == 403, "403", LIVE_S
        )

    def begin(self, method, path):
        """A request in the middle of its body: the registry has a part of it."""
        connection = self.registry.connect()
        self.addCleanup(connection.close)
        length = {"Content-Length": str(2 * len(self.PART))}
        connection.request(method, path, length, self.PART, basic("wendy", "wendy-example"))
        upload = path.partition("?")[0].rpartition("/")[2]
        # The admin sees how much has arrived.
        wait_for(
            lambda: self.admin.get(f"/v2/{SHOP}/blobs/uploads/{upload}", expect=204).headers["Range"] != "0-0",
            "the first bytes",
        )
        return connection

    def test_a_patch_that_runs_finishes_and_the_next_request_is_refused(self):
        location = self.wendy.begin_upload(SHOP)
        connection = self.begin("PATCH", location)
        self.take_the_right()
        connection.send(self.PART)
        answer = connection.response()
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.headers["Range"], f"0-{2 * len(self.PART) - 1}")
        # Over the same connection and over another one.
        connection.request("PATCH", location, {"Content-Length": "1"}, b"x", basic("wendy", "wendy-example"))
        self.expect_error(connection.response(), 403, "DENIED")
        digest = digest_of(2 * self.PART)
        self.expect_error(self.wendy.put(with_query(location, digest=digest), expect=None), 403, "DENIED")
        self.expect_error(self.wendy.get(location, expect=None), 403, "DENIED")
        # Nothing is lost: a user with the right continues.
        self.admin.put(with_query(location, digest=digest))
        self.assertEqual(self.admin.get(f"/v2/{SHOP}/blobs/{digest}").body, 2 * self.PART)

    def test_a_closing_put_that_runs_makes_the_blob(self):
        digest = digest_of(2 * self.PART)
        connection = self.begin("PUT", with_query(self.wendy.begin_upload(SHOP), digest=digest))
        self.take_the_right()
        connection.send(self.PART)
        answer = connection.response()
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.admin.get(f"/v2/{SHOP}/blobs/{digest}").body, 2 * self.PART)

    def test_a_download_that_runs_finishes(self):
        # More than the sockets' buffers hold.
        blob = b"y" * (64 << 20)
        digest = self.wendy.push_blob(SHOP, blob)
        connection = self.registry.connect()
        self.addCleanup(connection.close)
        path = f"/v2/{SHOP}/blobs/{digest}"
        connection.request("GET", path, authorization=basic("wendy", "wendy-example"))
        first = connection.file.read(1000)
        self.take_the_right()
        self.assertEqual(self.registry.log(message="request", method="GET", route="/v2/<name>/blobs/<digest>"), [])
        head, _, start = (first + connection.file.read(1000)).partition(b"\r\n\r\n")
        self.assertIn(b" 200 ", head)
        rest = connection.file.read(len(blob) - len(start))
        self.assertEqual(digest_of(start + rest), digest)
        self.wendy.get(path, expect=403)
