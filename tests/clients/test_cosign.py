"""cosign: signs, attests, verifies and copies images and indexes, in all three formats that it stores.

    tags        sha256-DIGEST.sig and .att, the legacy scheme
    referrers   manifests whose subject is the image, as in version 1.1 of the specification
    bundles     referrers that contain Sigstore bundles, the default of cosign 3

The tests make their own keys and use no transparency log, so cosign contacts only the registry.
"""

import base64
import json
import unittest

from go_programs import COSIGN, GoClientTestCase
from images import ARCHITECTURES, PASSWORD, USER, Layout, digest_of
from registry import OCI_INDEX
from test_policy import SHOP, PolicyTestCase

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
PREDICATE_TYPE = "https://example.org/tested/v1"
SIGNATURE_PREDICATE_TYPE = "https://sigstore.dev/cosign/sign/v1"

LEGACY = ("--new-bundle-format=false",)
SIGN_AS_REFERRER = (*LEGACY, "--registry-referrers-mode=oci-1-1")
VERIFY_REFERRER = (*LEGACY, "--experimental-oci11")


class CosignCase(GoClientTestCase):
    """Base class; has no tests itself."""

    go_program = COSIGN

    def setUp(self):
        super().setUp()
        self.layout = Layout(self.folder / "layout")
        self.digest = digest_of(self.layout.index)
        self.working_folder = self.folder
        for name in ("ours", "theirs"):
            self.run_client("generate-key-pair", "--output-key-prefix", name)

    def environment(self):
        # Keeps cosign from contacting other hosts.
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
        # Referrers without bundles need this switch.
        own = {"COSIGN_PASSWORD": "of the keys", "COSIGN_EXPERIMENTAL": "1"}
        return {**super().environment(), **nowhere, **own}

    def login(self, password=PASSWORD, user=USER):
        self.run_client("login", self.registry.host, "-u", user, "--password-stdin", stdin=password)

    def push_index(self, repository, tag="v1", client=None):
        client = client or self.client
        parts = [part["digest"] for part in json.loads(self.layout.index)["manifests"]]
        for digest, blob in self.layout.blobs.items():
            if digest not in (*parts, self.digest):
                client.push_blob(repository, blob)
        for digest in parts:
            client.put_manifest(repository, digest, self.layout.blobs[digest])
        client.put_manifest(repository, tag, self.layout.index, OCI_INDEX)

    def image(self, repository="team/app"):
        return self.remote(f"{repository}@{self.digest}")

    def make(self, command, *arguments, key="ours", succeeds=True):
        """Signs or attests."""
        return self.run_client(
            command, "--allow-http-registry", "--use-signing-config=false", "--tlog-upload=false", "--yes",
            "--key", f"{key}.key", *arguments, succeeds=succeeds,
        )  # fmt: skip

    def attest(self, *arguments, **options):
        predicate = self.folder / "predicate.json"
        predicate.write_text('{"tests": "passed"}')
        return self.make("attest", "--predicate", predicate, "--type", PREDICATE_TYPE, *arguments, **options)

    def check(self, command, *arguments, key="ours", succeeds=True):
        """Verifies."""
        return self.run_client(
            command, "--allow-http-registry", "--insecure-ignore-tlog", "--key", f"{key}.pub", *arguments,
            succeeds=succeeds,
        )  # fmt: skip

    def expect_signed(self, image, *flags):
        """Verifies with our key, and not with another."""
        self.assertIn(f'"docker-manifest-digest":"{image.partition("@")[2]}"', self.check("verify", *flags, image))
        refused = self.check("verify", *flags, image, key="theirs", succeeds=False)
        self.assertRegex(refused, "no matching (signatures|attestations)|no signatures found")

    def expect_attested(self, image, *flags):
        """Verifies with our key, and not with another."""
        verify = ("verify-attestation", "--type", PREDICATE_TYPE, *flags, image)
        envelope = json.loads(self.check(*verify).splitlines()[-1])
        statement = json.loads(base64.b64decode(envelope["payload"]))
        self.assertEqual(statement["predicateType"], PREDICATE_TYPE)
        self.assertEqual([subject["digest"]["sha256"] for subject in statement["subject"]], [self.hex()])
        self.assertIn('"tests":"passed"', json.dumps(statement["predicate"], separators=(",", ":")))
        refused = self.check(*verify, key="theirs", succeeds=False)
        self.assertRegex(refused, "accepted signatures do not match threshold|none of the attestations matched")

    def hex(self):
        return self.digest.partition(":")[2]

    def tags(self, repository="team/app"):
        return self.client.get(f"/v2/{repository}/tags/list").json()["tags"]

    def referrers(self, repository="team/app", digest=None):
        index = self.client.get(f"/v2/{repository}/referrers/{digest or self.digest}").json()
        return index["manifests"]


class Cosign(CosignCase):
    # The first test builds cosign; the others wait for it.
    ctest = {"TIMEOUT": 1200, "COST": 90}

    def setUp(self):
        super().setUp()
        self.login()
        self.push_index("team/app")

    def expect_kept_in_tags(self, *suffixes):
        self.assertEqual(self.tags(), [*(f"sha256-{self.hex()}.{suffix}" for suffix in suffixes), "v1"])
        self.assertEqual(self.referrers(), [])

    def expect_kept_as_referrers(self, *types):
        self.assertEqual([part["artifactType"] for part in self.referrers()], list(types))
        self.assertEqual(self.tags(), ["v1"])

    def test_a_signature_is_kept_in_a_tag(self):
        self.check("verify", *LEGACY, self.image(), succeeds=False)
        self.make("sign", *LEGACY, self.image())
        self.expect_kept_in_tags("sig")
        self.expect_signed(self.image(), *LEGACY)

    def test_a_second_signature_joins_the_first_in_its_tag(self):
        self.make("sign", *LEGACY, self.image())
        self.make("sign", *LEGACY, self.image(), key="theirs")
        self.expect_kept_in_tags("sig")
        manifest = self.client.get(f"/v2/team/app/manifests/sha256-{self.hex()}.sig").json()
        self.assertEqual(len(manifest["layers"]), 2)
        for key in ("ours", "theirs"):
            self.check("verify", *LEGACY, self.image(), key=key)

    def test_an_attestation_is_kept_in_a_tag(self):
        self.attest(*LEGACY, self.image())
        self.expect_kept_in_tags("att")
        self.expect_attested(self.image(), *LEGACY)

    def test_a_signature_is_kept_as_a_referrer(self):
        self.make("sign", *SIGN_AS_REFERRER, self.image())
        self.expect_kept_as_referrers(SIGNATURE)
        self.expect_signed(self.image(), *VERIFY_REFERRER)

    def test_a_signature_in_a_bundle_is_kept_as_a_referrer(self):
        self.check("verify", self.image(), succeeds=False)
        self.make("sign", self.image())
        self.expect_kept_as_referrers(BUNDLE)
        self.assertEqual(self.predicate_types(), {SIGNATURE_PREDICATE_TYPE})
        self.expect_signed(self.image())

    def test_an_attestation_in_a_bundle_is_kept_as_a_referrer(self):
        self.attest(self.image())
        self.expect_kept_as_referrers(BUNDLE)
        self.assertEqual(self.predicate_types(), {PREDICATE_TYPE})
        self.expect_attested(self.image())

    def test_signatures_and_attestations_in_bundles_stand_side_by_side(self):
        self.make("sign", self.image())
        self.make("sign", self.image(), key="theirs")
        self.attest(self.image())
        self.expect_kept_as_referrers(BUNDLE, BUNDLE, BUNDLE)
        self.assertEqual(self.predicate_types(), {SIGNATURE_PREDICATE_TYPE, PREDICATE_TYPE})
        for key in ("ours", "theirs"):
            self.check("verify", self.image(), key=key)
        self.expect_attested(self.image())
        tree = self.run_client("tree", "--allow-http-registry", self.image())
        for part in self.referrers():
            self.assertIn(part["digest"], tree)

    def predicate_types(self):
        return {part["annotations"]["dev.sigstore.bundle.predicateType"] for part in self.referrers()}

    def test_a_recursive_signature_is_one_of_every_architecture_too(self):
        self.make("sign", "--recursive", self.image())
        parts = [part["digest"] for part in json.loads(self.layout.index)["manifests"]]
        self.assertEqual(len(parts), len(ARCHITECTURES))
        for digest in (self.digest, *parts):
            self.assertEqual([part["artifactType"] for part in self.referrers(digest=digest)], [BUNDLE])
            self.expect_signed(self.remote(f"team/app@{digest}"))

    def test_a_tag_that_was_moved_to_another_image_is_not_signed(self):
        self.make("sign", self.image())
        self.check("verify", self.remote("team/app:v1"))
        self.client.push_image("team/app", "v1")
        self.check("verify", self.remote("team/app:v1"), succeeds=False)

    def test_a_deleted_signature_no_longer_counts(self):
        self.make("sign", self.image())
        self.client.delete(f"/v2/team/app/manifests/{self.referrers()[0]['digest']}")
        self.expect_kept_as_referrers()
        self.check("verify", self.image(), succeeds=False)

    def test_a_copy_takes_signatures_and_attestations_in_tags_along(self):
        self.make("sign", *LEGACY, self.image())
        self.attest(*LEGACY, self.image())
        self.run_client("copy", "--allow-http-registry", self.remote("team/app:v1"), self.remote("team/copy:v1"))
        for kind in ("v1", f"sha256-{self.hex()}.sig", f"sha256-{self.hex()}.att"):
            copied = self.client.get(f"/v2/team/copy/manifests/{kind}").body
            self.assertEqual(copied, self.client.get(f"/v2/team/app/manifests/{kind}").body)
        self.expect_signed(self.image("team/copy"), *LEGACY)
        self.expect_attested(self.image("team/copy"), *LEGACY)


class CosignAccess(PolicyTestCase, CosignCase):
    ctest = {"TIMEOUT": 1200}

    def setUp(self):
        super().setUp()
        self.start()
        self.client = self.admin
        self.push_index(SHOP)

    def test_who_may_only_pull_verifies_and_is_told_why_signing_fails(self):
        self.login("wendy-example", "wendy")
        self.make("sign", self.image(SHOP))
        self.login("dan-example", "dan")
        self.expect_signed(self.image(SHOP))
        for flags in ((), LEGACY, SIGN_AS_REFERRER):
            output = self.make("sign", *flags, self.image(SHOP), succeeds=False)
            self.assertIn(f'user "dan" may not push to repository "{SHOP}"', output)
        self.assertEqual(len(self.referrers(SHOP)), 1)
        self.assertEqual(self.tags(SHOP), ["v1"])

    def test_with_a_wrong_password_nothing_is_verified_or_signed(self):
        self.login("wrong", "wendy")
        self.assertIn("UNAUTHORIZED", self.make("sign", self.image(SHOP), succeeds=False).upper())
        self.assertIn("UNAUTHORIZED", self.check("verify", self.image(SHOP), succeeds=False).upper())


if __name__ == "__main__":
    unittest.main()
