"""BuildKit: images for several platforms, attestations, and caches in the registry.

The tests build on a base image in the registry. Both its architectures contain this machine's busybox, so
that every RUN step works for both.
"""

import base64
import contextlib
import json
import unittest

from buildkit_daemon import buildkit_daemon
from go_programs import BUILDCTL, BUILDKITD, GoClientTestCase, install
from images import ARCHITECTURES, PASSWORD, USER, Layout, digest_of
from registry import OCI_INDEX
from test_policy import SHOP, PolicyTestCase

BASE = "team/base"
PLATFORMS = ",".join(f"linux/{architecture}" for architecture in ARCHITECTURES)
ATTESTATION = "application/vnd.docker.attestation.manifest.v1+json"
PROVENANCE = "https://slsa.dev/provenance/v1"
SBOM = "https://spdx.dev/Document"

# Its output differs each time that it really runs.
DOCKERFILE = """
FROM {base}
ARG TARGETARCH
COPY hello /hello
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox head -c 16 /dev/urandom > /stamp; echo $TARGETARCH >> /stamp"]
"""

SCANNER = """
FROM {base}
COPY scan /scan
ENTRYPOINT ["/bin/busybox", "sh", "/scan"]
"""
# BuildKit adds the subject of the SBOM.
SCAN = """
test -s "$BUILDKIT_SCAN_SOURCE/hello" || exit 1
echo '{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
       "predicate": {"name": "scanned"}}' > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"
"""


class BuildKitCase(GoClientTestCase):
    """Base class; has no tests itself."""

    go_program = BUILDCTL
    # The first test builds the programs; the others wait for it.
    ctest = {"TIMEOUT": 900}

    def setUp(self):
        self.buildkitd = install(BUILDKITD)
        super().setUp()
        self.daemons = self.enterContext(contextlib.ExitStack())

    def use_machine(self, name):
        """Starts the daemon of a machine that has built nothing; each name is another machine."""
        self.daemons.close()
        socket = self.daemons.enter_context(
            buildkit_daemon(self.folder / name, self.buildkitd, self.program, self.registry.host)
        )
        self.global_flags = ("--addr", f"unix://{socket}")

    def login(self, password=PASSWORD, user=USER):
        folder = self.folder / "docker"
        folder.mkdir(exist_ok=True)
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {self.registry.host: {"auth": auth}}}))

    def push_base(self, repository=BASE):
        layout = Layout(self.folder / "layout")
        parts = [part["digest"] for part in json.loads(layout.index)["manifests"]]
        for digest, blob in layout.blobs.items():
            if digest not in parts and blob != layout.index:
                self.client.push_blob(repository, blob)
        for digest in parts:
            self.client.put_manifest(repository, digest, layout.blobs[digest])
        self.client.put_manifest(repository, "v1", layout.index, OCI_INDEX)
        self.base_layers = {
            layer["digest"] for digest in parts for layer in json.loads(layout.blobs[digest])["layers"]
        }

    def write_context(self, name, dockerfile, base=BASE, **files):
        """Makes a folder to build. Returns the flags that name it."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(dockerfile.format(base=self.remote(f"{base}:v1")))
        for file, content in files.items():
            (folder / file).write_text(content)
        return ("--local", f"context={folder}", "--local", f"dockerfile={folder}")

    def build(self, context, *flags, platforms=PLATFORMS, succeeds=True):
        return self.run_client(
            "build", "--progress", "plain", "--frontend", "dockerfile.v0", *context,
            "--opt", f"platform={platforms}", *flags, succeeds=succeeds,
        )  # fmt: skip

    def output(self, name, *options):
        return ("--output", ",".join(("type=image", f"name={self.remote(name)}", "push=true", *options)))

    def cache(self, name, *options):
        return ",".join(("type=registry", f"ref={self.remote(name)}", *options))

    # Contents of the registry.

    def manifest(self, repository, reference="v1"):
        return self.client.get(f"/v2/{repository}/manifests/{reference}").json()

    def blob(self, repository, digest):
        content = self.client.get(f"/v2/{repository}/blobs/{digest}").body
        self.assertEqual(digest_of(content), digest)
        return content

    def images(self, repository, reference="v1"):
        """The manifests of an index by architecture: {"amd64": (digest, manifest)}."""
        parts = self.manifest(repository, reference)["manifests"]
        return {
            part["platform"]["architecture"]: (part["digest"], self.manifest(repository, part["digest"]))
            for part in parts
            if part["platform"]["architecture"] in ARCHITECTURES
        }

    def layers(self, repository, reference="v1"):
        """The digests of all layers by architecture."""
        images = self.images(repository, reference)
        return {name: [layer["digest"] for layer in images[name][1]["layers"]] for name in images}

    def statements(self, repository, manifest):
        """The statements of the attestations: {predicate type: statement}."""
        return {
            layer["annotations"]["in-toto.io/predicate-type"]: json.loads(self.blob(repository, layer["digest"]))
            for layer in manifest["layers"]
        }


class BuildKit(BuildKitCase):
    def setUp(self):
        super().setUp()
        self.login()
        self.push_base()
        self.use_machine("one")
        self.context = self.write_context("context", DOCKERFILE, hello="hello\n")

    def test_an_image_for_two_platforms_is_built_on_one_and_pushed(self):
        self.build(self.context, *self.output("team/built:v1"))
        images = self.images("team/built")
        self.assertEqual(sorted(images), sorted(ARCHITECTURES))
        for architecture, (_, manifest) in images.items():
            config = json.loads(self.blob("team/built", manifest["config"]["digest"]))
            self.assertEqual(config["architecture"], architecture)
            layers = [layer["digest"] for layer in manifest["layers"]]
            self.assertEqual(len(layers), 3)
            self.assertIn(layers[0], self.base_layers)
            for digest in layers:
                self.blob("team/built", digest)

    def test_layers_compressed_with_zstd_are_pushed_and_built_upon(self):
        self.build(self.context, *self.output("team/zstd:v1", "compression=zstd", "force-compression=true"))
        for _, manifest in self.images("team/zstd").values():
            types = {layer["mediaType"] for layer in manifest["layers"]}
            self.assertEqual(types, {"application/vnd.oci.image.layer.v1.tar+zstd"})
        self.use_machine("two")
        upon = self.write_context("upon", DOCKERFILE, base="team/zstd", hello="hello again\n")
        self.build(upon, *self.output("team/upon:v1"))
        for architecture, layers in self.layers("team/zstd").items():
            self.assertEqual(self.layers("team/upon")[architecture][:3], layers)

    def test_provenance_and_an_sbom_are_referrers_of_each_platform(self):
        scanner = self.write_context("scanner", SCANNER, scan=SCAN)
        self.build(scanner, *self.output("team/scanner:v1"), platforms="linux/amd64")
        self.build(
            self.context, *self.output("team/built:v1", "oci-mediatypes=true"),
            "--opt", "attest:provenance=mode=max",
            "--opt", f"attest:sbom=generator={self.remote('team/scanner:v1')}",
        )  # fmt: skip
        listed = {
            part["digest"]: part["annotations"]["vnd.docker.reference.digest"]
            for part in self.manifest("team/built")["manifests"]
            if part.get("annotations", {}).get("vnd.docker.reference.type") == "attestation-manifest"
        }
        self.assertEqual(len(listed), len(ARCHITECTURES))
        for digest, _ in self.images("team/built").values():
            referrers = self.client.get(f"/v2/team/built/referrers/{digest}").json()["manifests"]
            self.assertEqual([part["artifactType"] for part in referrers], [ATTESTATION])
            self.assertEqual(listed[referrers[0]["digest"]], digest)
            statements = self.statements("team/built", self.manifest("team/built", referrers[0]["digest"]))
            self.assertEqual(set(statements), {PROVENANCE, SBOM})
            for statement in statements.values():
                subjects = {subject["digest"]["sha256"] for subject in statement["subject"]}
                self.assertEqual(subjects, {digest.partition(":")[2]})
            self.assertEqual(statements[SBOM]["predicate"]["name"], "scanned")

    def expect_cached(self, flags_of_export, flags_of_import):
        """A machine gets from the registry what another has built."""
        self.build(self.context, *self.output("team/built:v1"), *flags_of_export)
        self.use_machine("two")
        output = self.build(self.context, *self.output("team/again:v1"), *flags_of_import)
        self.assertIn("CACHED", output)
        self.assertEqual(self.layers("team/again"), self.layers("team/built"))
        self.use_machine("three")
        self.build(self.context, *self.output("team/other:v1"))
        for architecture, layers in self.layers("team/other").items():
            self.assertNotEqual(layers, self.layers("team/built")[architecture])

    def test_a_cache_is_exported_and_imported_by_another_machine(self):
        self.expect_cached(
            ("--export-cache", self.cache("team/cache:v1", "mode=max")),
            ("--import-cache", self.cache("team/cache:v1")),
        )
        config = self.manifest("team/cache")["config"]
        self.assertEqual(config["mediaType"], "application/vnd.buildkit.cacheconfig.v0")

    def test_a_cache_that_is_an_index_of_layers_is_exported_and_imported(self):
        # BuildKit did this until 0.21: the index then has blobs instead of manifests.
        self.expect_cached(
            ("--export-cache", self.cache("team/cache:v1", "mode=max", "image-manifest=false")),
            ("--import-cache", self.cache("team/cache:v1")),
        )
        self.assertEqual(self.manifest("team/cache")["mediaType"], OCI_INDEX)

    def test_a_cache_inside_the_image_is_imported_by_another_machine(self):
        self.expect_cached(
            ("--export-cache", "type=inline"),
            ("--import-cache", self.cache("team/built:v1")),
        )


class BuildKitAccess(PolicyTestCase, BuildKitCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.client = self.admin
        self.push_base(SHOP)
        self.use_machine("one")
        self.context = self.write_context("context", DOCKERFILE, base=SHOP, hello="hello\n")

    def test_who_may_only_pull_builds_and_is_told_why_a_push_fails(self):
        self.login("dan-example", "dan")
        exported = ("--export-cache", self.cache(f"{SHOP}:cache"))
        for flags in (self.output(f"{SHOP}:v2"), exported):
            output = self.build(self.context, *flags, succeeds=False)
            self.assertIn('user "dan" may not push to repository "web/shop"', output.replace('\\"', '"'))
        self.assertEqual(self.admin.get(f"/v2/{SHOP}/tags/list").json()["tags"], ["v1"])
        self.login("wendy-example", "wendy")
        self.build(self.context, *self.output(f"{SHOP}:v2"), *exported)
        self.assertEqual(self.admin.get(f"/v2/{SHOP}/tags/list").json()["tags"], ["cache", "v1", "v2"])

    def test_with_a_wrong_password_nothing_is_built(self):
        self.login("wrong", "wendy")
        output = self.build(self.context, *self.output(f"{SHOP}:v2"), succeeds=False)
        self.assertIn("wrong user name or password", output)


if __name__ == "__main__":
    unittest.main()
