"""A user who may read one repository cannot reach another by tricks in the request.

`private/app` is in the same registry as `public/app`; anonymous clients and the user reader may read
the public one, the user writer may push to it, and only admin may do anything with the private one.
Every trick here is answered with an error, shows nothing private and changes nothing.
"""

import collections
import itertools
import json
import re
import unittest
import urllib.parse

from registry import (
    OCI_MANIFEST, RegistryTestCase, basic, digest_of, image_manifest, run_binary, with_query,
)  # fmt: skip

PUBLIC, PRIVATE = "public/app", "private/app"
# Occurs in the private blobs and the private manifest, and nowhere else.
MARKER = b"d5c1-the-private-marker-8b6e"
LAYER = MARKER + b" in a layer"

POLICY = """
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {name: admin}
spec: {passwordHash: HASH, groups: [admins]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {name: reader}
spec: {passwordHash: HASH, groups: [readers]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {name: writer}
spec: {passwordHash: HASH, groups: [readers, writers]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: User
metadata: {name: anonymous}
spec: {groups: [readers]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: Role
metadata: {name: everything}
spec: {resources: ["*"], verbs: ["*"]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: Role
metadata: {name: read}
spec: {resources: ["*"], verbs: [GET]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: RoleBinding
metadata: {name: admins}
spec: {subjects: [{kind: Group, name: admins}], roleRef: {name: everything}, scopes: ["^.*$"]}
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: RoleBinding
metadata: {name: readers}
spec:
  subjects: [{kind: Group, name: readers}]
  roleRef: {name: read}
  scopes: ["^$", "^public/app(:.+)?$"]
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: RoleBinding
metadata: {name: writers}
spec:
  subjects: [{kind: Group, name: writers}]
  roleRef: {name: everything}
  scopes: ["^public/app(:.+)?$"]
"""

# Spellings of the private repository's name, and ways to reach it from the public one.
NAMES = (
    PRIVATE, "%70rivate/app", "public/app/../../private/app", "public/../private/app",
    "../private/app", "../v2/private/app", "./private/app", "private/./app", "private/app/.",
    "private/app/..", "private/../private/app", "private//app", "/private/app", "private/app/",
    "private/app//", "public/app//private/app", "public/app/%2e%2e/%2e%2e/private/app",
    "public/%2E%2E/private/app", "%2e%2e/private/app", "%2e/private/app", ".%2e/private/app",
    "%252e%252e/private/app", "public/app/..%2f..%2fprivate/app", "public/..%2Fprivate/app",
    "..%2fprivate%2fapp", "private%2fapp", "private%2Fapp", "private%252fapp", "private%25252fapp",
    "%2fprivate%2fapp", "private%5capp", "private\\app", "public\\..\\private\\app",
    "public%5c..%5cprivate%5capp", "Private/App", "PRIVATE/APP", "private/APP",
    "private%c0%afapp", "private%e0%80%afapp", "private%f0%80%80%afapp", "%c0%ae%c0%ae/private/app",
    "private%EF%BC%8Fapp", "priv%D0%B0te/app", "private%2", "private%zzapp", "%private/app",
    "private/app%00", "private%00/app", "public/app%00/../private/app", "%00private/app",
    "private/app%0a", "public/app%0d%0a/private/app", "private/app%20", "%20private/app",
    "private/app+", "private/app.", "private/app%2e", "private/app;", "private/app;v=1",
    "public/app;/../private/app", "public;x/../private/app", "public/app:../../private/app",
    "public/app:v1/private/app", "public/app@private/app", "private/app:v1", "private/app,public/app",
    "public/app|private/app", "(public|private)/app", "p.*/app", "private/*", "*", "private/app*",
    "private/app#public/app", "public/app#/../private/app", "public/app?/../private/app",
    "private/app?public/app", "private/app?repository=public/app",
    "p" * 256, "private/" + "a" * 300, "public/app/" + "../" * 60 + "private/app",
    "public/app/manifests/v1/../../../../private/app", "public/app/blobs/../../../private/app",
    "public/app/tags/list/../../../../private/app", "public/app/manifests/private/app",
    "_catalog/../private/app", "blobs/uploads/../../private/app", "~/private/app", "private/app~",
)  # fmt: skip

# Whole targets; {0} is the part after /v2/.
TARGETS = (
    "//v2/{0}", "/v2//{0}", "///v2/{0}", "/./v2/{0}", "/v2/./{0}", "/v2/../v2/{0}", "/V2/{0}", "/v1/../v2/{0}",
    "/%76%32/{0}", "/v2%2f{0}", "/v2\\{0}", "\\v2\\{0}", "/v2;/{0}", "/v2/;/{0}", "/v2/{0}/", "/v2/{0}//",
    "/v2/{0}/.", "/v2/{0}/..", "/v2/{0}/%2e", "/v2/{0}%2f", "/v2/{0};", "/v2/{0};x=1", "/v2/{0}%00", "/v2/{0}%20",
    "/v2/{0}#", "/v2/{0}#x", "/v2/{0}?", "/v2/{0}?x#y", "/v2/{0}%23", "/v2/{0}%3f", "/v2/{0}?repository=public/app",
    "/healthz/../v2/{0}", "/token/../v2/{0}", "/v2/public/app/manifests/v1/../../../../{0}",
    "/v2/public/app/../../../v2/{0}", "v2/{0}", "http://x/v2/{0}", "http://x//v2/{0}", "http://x/./v2/{0}",
    "http://x/public/../v2/{0}", "http://public/app@x/v2/{0}", "https://x/v2/{0}", "HTTP://X/v2/{0}", "http:/v2/{0}",
    "http:///v2/{0}", "http://x:80/v2/{0}", "http://x?/v2/{0}", "http://x#/v2/{0}", "file:///v2/{0}", "x:/v2/{0}",
    "//x/v2/{0}", "/http://x/v2/{0}", "/v2/http://x/v2/{0}", "*/v2/{0}", "?/v2/{0}", "#/v2/{0}",
)  # fmt: skip

# A token for the user's own rights, whatever its scope.
TOKEN_SCOPES = (
    "repository:public/app:pull repository:private/app:pull", "repository:public/../private/app:pull",
    "repository:public/app/../../private/app:pull", "repository:.*:pull", "repository:^.*$:*", "repository:*:*",
    "repository:public/app,private/app:pull", "repository:public/app:pull,push,delete,*",
    "repository(plugin):private/app:pull", "repository:private%2fapp:pull", "repository::pull",
    "registry:private/app:*", "repository:PUBLIC/APP:pull", "repository:public/app|private/app:pull",
    "repository:(public|private)/app:*", "repository:public/app:pull\nrepository:private/app:pull",
    "repository:public/app:pull\trepository:private/app:*",
)  # fmt: skip


class PathTricks(RegistryTestCase):
    start_at_once = False

    def setUp(self):
        super().setUp()
        cfgdir = self.folder / "cfg"
        cfgdir.mkdir()
        hash_ = run_binary("genhash", stdin=b"password").stdout.decode().strip()
        (cfgdir / "policy.yaml").write_text(POLICY.replace("HASH", hash_))
        self.registry = self.start_registry("-cfgdir", cfgdir, password=None)
        self.admin = self.as_user("admin")
        self.public = self.admin.push_image(PUBLIC, "v1", [b"a public layer"])
        config = json.dumps({"architecture": "amd64", "os": "linux", "author": MARKER.decode()}).encode()
        for blob in (config, LAYER):
            self.admin.push_blob(PRIVATE, blob)
        manifest = image_manifest(config, [LAYER], annotations={"marker": MARKER.decode()})
        self.private = json.dumps(manifest).encode()
        self.admin.put_manifest(PRIVATE, "v1", self.private)
        self.before = self.state()
        self.tried = collections.Counter()
        self.connection = None
        self.addCleanup(self.disconnect)

    def tearDown(self):
        self.assertEqual(self.state(), self.before)
        super().tearDown()

    def as_user(self, name):
        client = self.registry.client(basic(name, "password") if name else None)
        self.addCleanup(client.close)
        return client

    def state(self):
        """All that a trick might change."""
        get = self.admin.get
        return {
            "catalog": get("/v2/_catalog").json(),
            **{f"tags of {name}": get(f"/v2/{name}/tags/list").json() for name in (PUBLIC, PRIVATE)},
            **{f"manifest of {name}": get(f"/v2/{name}/manifests/v1").body for name in (PUBLIC, PRIVATE)},
            "layer": get(f"/v2/{PRIVATE}/blobs/{digest_of(LAYER)}").body,
            "referrers": get(f"/v2/{PRIVATE}/referrers/{digest_of(self.private)}").json(),
        }

    def token(self, user, scope):
        query = urllib.parse.urlencode({"service": "simple-registry", "scope": scope})
        return "Bearer " + self.as_user(user).get(f"/token?{query}").json()["token"]

    def credentials(self):
        """The credentials of everyone who may not read the private repository."""
        return {
            "anonymous": None,
            "reader": basic("reader", "password"),
            "writer": basic("writer", "password"),
            "a token of reader": self.token("reader", TOKEN_SCOPES[0]),
            # The user may read it, but the token covers only the public one.
            "a token of admin": self.token("admin", f"repository:{PUBLIC}:*"),
        }

    def send(self, method, target, authorization, body=b"", headers=()):
        """Sends one request verbatim, on the previous request's connection if that is still open."""
        headers = dict(headers)
        if body or method in ("PUT", "POST", "PATCH"):
            headers["Content-Length"] = len(body)
        if self.connection is None:
            self.connection = self.registry.connect()
        self.connection.request(method, target, headers, body, authorization)
        answer = self.connection.response(method)
        if answer.headers["Connection"] == "close":
            self.disconnect()
        return answer

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def expect_nothing(self, method, target, authorization, **options):
        answer = self.send(method, target, authorization, **options)
        shown = f"{method} {target}: {answer}"
        self.assertNotIn(MARKER, answer.body, shown)
        self.assertTrue(400 <= answer.status < 500, shown)
        self.tried[answer.status] += 1

    def expect_nothing_for_anybody(self, requests, credentials=None):
        for who, authorization in (credentials or self.credentials()).items():
            with self.subTest(who=who):
                for method, target in requests:
                    manifest = method == "PUT"
                    self.expect_nothing(method, target, authorization,
                                        body=self.private if manifest else b"",
                                        headers={"Content-Type": OCI_MANIFEST} if manifest else {})  # fmt: skip

    def tails(self):
        """Requests for a repository: methods, and the path after its name."""
        by_digest, layer = f"manifests/{digest_of(self.private)}", f"blobs/{digest_of(LAYER)}"
        for methods, tail in (
            (("GET", "HEAD", "PUT", "DELETE"), "manifests/v1"), (("GET", "DELETE"), by_digest),
            (("GET", "HEAD", "DELETE"), layer), (("GET",), f"referrers/{digest_of(self.private)}"),
            (("GET",), "tags/list"), (("POST",), "blobs/uploads/"),
        ):  # fmt: skip
            yield from ((method, tail) for method in methods)

    # The same requests with permission: they would show the marker.

    def test_the_straight_path_works_for_permitted_users(self):
        admin, reader = basic("admin", "password"), basic("reader", "password")
        for target in (f"/v2/{PRIVATE}/manifests/v1", f"http://x/v2/{PRIVATE}/manifests/v1",
                       "/v2/%70rivate/app/manifests/v1", f"/v2/{PRIVATE}/manifests/{digest_of(self.private)}",
                       f"/v2/{PRIVATE}/blobs/{digest_of(LAYER)}",
                       f"/v2/{PRIVATE}/blobs/sha256%3a{digest_of(LAYER)[7:]}"):  # fmt: skip
            for authorization in (admin, self.token("admin", f"repository:{PRIVATE}:pull")):
                answer = self.send("GET", target, authorization)
                self.assertEqual(answer.status, 200, f"{target}: {answer}")
                self.assertIn(MARKER, answer.body)
        for authorization in (None, reader, self.token("reader", f"repository:{PUBLIC}:pull")):
            answer = self.send("GET", f"/v2/{PUBLIC}/manifests/v1", authorization)
            self.assertEqual((answer.status, answer.body), (200, self.public))

    # Names.

    def test_no_way_to_write_a_name_reaches_another_repository(self):
        self.expect_nothing_for_anybody(
            [(method, f"/v2/{name}/{tail}") for name in NAMES for method, tail in self.tails()]
        )
        # Valid names get a decision of the policy; others are refused.
        self.assertLessEqual({400, 401, 403, 404}, set(self.tried))

    def test_no_way_to_write_a_target_reaches_another_repository(self):
        self.expect_nothing_for_anybody(
            [(method, target.format(f"{PRIVATE}/{tail}")) for target in TARGETS for method, tail in self.tails()
             if method != "POST" or "#" not in target]
        )  # fmt: skip

    def test_names_that_are_written_wrong_are_refused_for_admin_too(self):
        # The name decides, not the user.
        admin = basic("admin", "password")
        for name in NAMES[2:]:
            for tail in ("manifests/v1", f"blobs/{digest_of(LAYER)}", "tags/list"):
                self.expect_nothing("GET", f"/v2/{name}/{tail}", admin)

    # References.

    def references(self):
        private, layer = digest_of(self.private), digest_of(LAYER)
        for digest in (private, layer):
            algorithm, hex_ = digest.split(":")
            yield from (
                digest, f"{algorithm}%3A{hex_}", f"{algorithm}%253A{hex_}", f"{algorithm}:{hex_.upper()}",
                f"{algorithm.upper()}:{hex_}", f"{algorithm}:{hex_}%00", f"{algorithm}:{hex_}/", f"{algorithm}::{hex_}",
                f"{algorithm}-{hex_}", f"{algorithm}/{hex_}", f"{algorithm}%2f{hex_}", f"{algorithm}:../{hex_}",
                f"{algorithm}+b64:{hex_}", f"{algorithm}: {hex_}".replace(" ", "%20"), f"@{digest}", f"v1@{digest}",
                f"{PRIVATE}@{digest}".replace("/", "%2f"), hex_, f"{algorithm}:{hex_[:12]}", f"{algorithm}:*",
            )  # fmt: skip
        yield from (
            f"../../../{PRIVATE}/manifests/v1", f"v1/../../../../{PRIVATE}/manifests/v1",
            f"../../{PRIVATE}/manifests/v1",
            "..%2f..%2f..%2fprivate%2fapp%2fmanifests%2fv1", "%2e%2e/%2e%2e/%2e%2e/private/app/manifests/v1",
            "..%5c..%5cprivate%5capp", "private%2fapp:v1", "private/app:v1", ":v1", "v1:", "v1%00", "v1%2f",
            "v1%2f..", "v1%20", "v1;", "v1,v1", "v1%0a", "-v1", ".v1", "..", ".", "%2e%2e", "*", "v*",
            "v1%00/../../../private/app", "V1", "v%EF%BC%91", "t" * 129,
        )  # fmt: skip

    def test_no_reference_below_the_public_repository_reaches_another(self):
        credentials = self.credentials()
        requests = [
            (method, f"/v2/{PUBLIC}/{kind}/{reference}")
            for reference in self.references()
            for kind in ("manifests", "blobs")
            for method in ("GET", "HEAD", "DELETE")
        ]
        self.expect_nothing_for_anybody(requests, credentials)

    def test_nothing_in_the_query_or_in_headers_changes_what_is_read(self):
        admins = f"/v2/{PRIVATE}/manifests/v1"
        queries = (f"ns={PRIVATE}", f"from={PRIVATE}", f"repository={PRIVATE}", f"name={PRIVATE}",
                   "tag=../../private/app:v1", f"digest={digest_of(self.private)}",
                   f"reference={digest_of(self.private)}", f"/../../{PRIVATE}", f"?{admins}",
                   f"#{admins}", "%00", "&&", "n=1&n=2")  # fmt: skip
        headers = [{name: value} for value in (admins, PRIVATE) for name in (
            "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Forwarded-Path", "Referer",
            "X-Original-Host", "Content-Location", "Destination")]  # fmt: skip
        headers += [{"Host": f"x{admins}"}, {"X-HTTP-Method-Override": "DELETE"}, {"X-Method-Override": "PUT"}]
        for authorization in self.credentials().values():
            for target, extra in itertools.chain(
                ((f"/v2/{PUBLIC}/manifests/v1?{query}", {}) for query in queries),
                ((f"/v2/{PUBLIC}/manifests/v1", extra) for extra in headers),
            ):
                answer = self.send("GET", target, authorization, headers=extra)
                self.assertNotIn(MARKER, answer.body, f"{target} {extra}")
                self.assertIn(answer.status, (200, 400), f"{target} {extra}: {answer}")
                if answer.status == 200:
                    self.assertEqual(answer.body, self.public)

    # Tokens.

    def test_no_scope_of_a_token_widens_what_its_user_may(self):
        for user, scope in itertools.product((None, "reader", "writer"), TOKEN_SCOPES):
            authorization = self.token(user, scope)
            for method, tail in self.tails():
                self.expect_nothing(method, f"/v2/{PRIVATE}/{tail}", authorization)

    def test_a_token_is_good_for_the_repository_that_its_scope_names_and_for_no_other(self):
        # The user may, so only the scope decides: these do not name the private repository in full.
        named = re.compile(rf"\brepository(\(plugin\))?:{PRIVATE}:")
        for scope in (scope for scope in TOKEN_SCOPES if not named.search(scope)):
            authorization = self.token("admin", scope)
            for method, tail in self.tails():
                self.expect_nothing(method, f"/v2/{PRIVATE}/{tail}", authorization)

    # Writing.

    def mount(self, query):
        answer = self.send("POST", f"/v2/{PUBLIC}/blobs/uploads/?{query}", basic("writer", "password"))
        self.assertNotIn(MARKER, answer.body)
        return answer

    def test_no_mount_brings_a_private_blob(self):
        public = digest_of(b"a public layer")
        self.assertEqual(self.mount(f"mount={public}&from={PUBLIC}").status, 201)
        sources = ["", PUBLIC, *NAMES, "^.*$", ".", f"{PUBLIC}&from={PRIVATE}", f"{PRIVATE}&from={PUBLIC}",
                   f"{PUBLIC}&mount={digest_of(LAYER)}", f"{PUBLIC};from={PRIVATE}",
                   f"{PUBLIC}%26from={PRIVATE}"]  # fmt: skip
        path = f"/v2/{PUBLIC}/blobs/{digest_of(LAYER)}"
        for digest in (digest_of(LAYER), digest_of(LAYER).replace(":", "%3A"), digest_of(LAYER).upper()):
            for query in (f"mount={digest}", *(f"mount={digest}&from={source}" for source in sources)):
                self.assertIn(self.mount(query).status, (202, *range(400, 500)), query)
                self.assertEqual(self.send("HEAD", path, basic("writer", "password")).status, 404, query)

    def test_no_tag_parameter_sets_a_tag_elsewhere(self):
        public = f"/v2/{PUBLIC}/manifests/{digest_of(self.public)}"
        options = {"body": self.public, "headers": {"Content-Type": OCI_MANIFEST}}
        writer = basic("writer", "password")
        self.assertEqual(self.send("PUT", f"{public}?tag=v1", writer, **options).status, 201)
        for tag in ("../../private/app:v2", "private/app:v2", "private%2fapp%3av2",
                    "v2/../../../private/app/manifests/v2", ":v2", "", "%20", "v2%00", "v2%0a", "-v2", "v2%2f..",
                    "t" * 129, "v1&tag=private/app:v2", "v1&tag=", "..%2fv2", "v2;tag=v3", "v2,v3",
                    "%C3%A4"):  # fmt: skip
            self.expect_nothing("PUT", f"{public}?tag={tag}", writer, **options)

    def test_an_upload_belongs_to_the_repository_it_was_begun_in(self):
        mine, theirs = (client.begin_upload(name).rpartition("/")[2] for client, name in
                        ((self.as_user("writer"), PUBLIC), (self.admin, PRIVATE)))  # fmt: skip
        for upload, name in itertools.chain(((theirs, PUBLIC), (theirs, f"{PUBLIC}/../../{PRIVATE}")),
                                            ((mine, name) for name in NAMES[:40])):  # fmt: skip
            target = f"/v2/{name}/blobs/uploads/{upload}"
            for method in ("GET", "PATCH", "PUT", "DELETE"):
                path = with_query(target, digest=digest_of(b"")) if method == "PUT" else target
                self.expect_nothing(method, path, basic("writer", "password"))
        self.admin.get(f"/v2/{PRIVATE}/blobs/uploads/{theirs}", expect=204)

    # Lists.

    def test_no_page_of_a_list_shows_another_repository(self):
        self.assertEqual(self.before["catalog"]["repositories"], [PRIVATE, PUBLIC])
        for authorization in (None, basic("reader", "password"), self.token("reader", "registry:catalog:*")):
            self.assertEqual(self.send("GET", "/v2/_catalog", authorization).json(), {"repositories": [PUBLIC]})
            for last in ("", "p", "private", "private/ap", PRIVATE, "private%2fap", "../private", "%00", "%ff", "*",
                         "^", "-1", "public/ap", "PRIVATE", "private/app&last=", "zzz", "'%20OR%201=1--", "%25",
                         "_", "a" * 300):  # fmt: skip
                for n in ("", "&n=1", "&n=1000000", "&n=0", "&n=-1"):
                    answer = self.send("GET", f"/v2/_catalog?last={last}{n}", authorization)
                    self.assertIn(answer.status, (200, 400), answer)
                    if answer.status == 200:
                        self.assertLessEqual(set(answer.json()["repositories"]), {PUBLIC})
                        self.assertNotIn(PRIVATE, (answer.headers["Link"] or "").replace(last, ""))


if __name__ == "__main__":
    unittest.main()
