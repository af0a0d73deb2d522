"""The conformance programme of the OCI distribution specification, run four ways.

Each version of the specification as the programme tests it by default, and with all that it can
test: every OCI_API_* and OCI_DATA_* switch on, against a registry that takes sparse manifests.
"""

import collections
import re
import subprocess
import unittest
import xml.etree.ElementTree

from go_programs import CONFORMANCE, install
from registry import PASSWORD, USER, RegistryTestCase

# README.md and config.go of the programme list them. PING stands only in the latter.
API_SWITCHES = (
    "PING", "PULL", "PUSH",
    "BLOBS_ATOMIC", "BLOBS_DELETE", "BLOBS_DIGEST_HEADER", "BLOBS_MOUNT_ANONYMOUS", "BLOBS_UPLOAD_CANCEL",
    "MANIFESTS_ATOMIC", "MANIFESTS_DELETE", "MANIFESTS_DIGEST_HEADER", "MANIFESTS_TAG_PARAM",
    "TAGS_ATOMIC", "TAGS_DELETE", "TAGS_LIST", "REFERRER",
)  # fmt: skip
DATA_SWITCHES = (
    "IMAGE", "INDEX", "INDEX_LIST", "SPARSE", "ARTIFACT", "SUBJECT", "SUBJECT_MISSING", "ARTIFACT_LIST",
    "SUBJECT_LIST", "DATA_FIELD", "NONDISTRIBUTABLE", "CUSTOM_FIELDS", "NO_LAYERS", "EMPTY_BLOB", "SHA512",
)  # fmt: skip
ALL_SWITCHES = {
    **{f"OCI_API_{name}": "true" for name in API_SWITCHES},
    **{f"OCI_DATA_{name}": "true" for name in DATA_SWITCHES},
}
# Repositories whose manifests may name what was never pushed.
SPARSE = ("-sparse", "^conformance/")
# The programme skips what a registry says it cannot do. These answers are right all the same: a mount may be
# declined with 202 and an upload, and is here, where a token is for one repository and the source another.
MAY_BE_SKIPPED = re.compile(r".*/blob-mount(-anonymous)?$")
# Over 800 checks pass by default; a run with few checks has tested nothing.
MIN_PASSED = 500
TIMEOUT_S = 240


def switched_off(configuration):
    """The switches that are off, according to the programme's report of its configuration, in YAML."""
    tested = re.search(r"^apis:\n(.*?)^roData:", configuration, re.MULTILINE | re.DOTALL).group(1)
    return re.findall(r"^ +(\w+): false$", tested, re.MULTILINE)


class Conformance(RegistryTestCase):
    # The first of them builds the programme; the others wait for it.
    ctest = {"TIMEOUT": 600, "COST": 100}
    start_at_once = False

    def setUp(self):
        self.programme = install(CONFORMANCE)
        super().setUp()

    def run_programme(self, version, registry, switches):
        results = self.folder / "results"
        done = subprocess.run(
            [self.programme],
            # Its own working folder, because it reads settings from a file there; and none of the caller's OCI_*.
            cwd=self.folder,
            env={
                "NO_PROXY": "127.0.0.1",
                "OCI_REGISTRY": registry.host,
                "OCI_TLS": "disabled",
                "OCI_REPO1": "conformance/one",
                "OCI_REPO2": "conformance/two",
                "OCI_USERNAME": USER,
                "OCI_PASSWORD": PASSWORD,
                "OCI_VERSION": version,
                "OCI_RESULTS_DIR": str(results),
                "OCI_LOG": "error",
                **switches,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
        # It exits with status 0 even if it could not begin: only its report tells.
        report = results / "junit.xml"
        self.assertTrue(report.exists(), f"the programme wrote no report:\n{done.stdout}")
        suite = xml.etree.ElementTree.parse(report).find("testsuite")
        configuration = suite.find("properties/property[@name='Config']").get("value")
        return done, suite, configuration

    def expect_conformance(self, version, registry, switches=None):
        done, suite, configuration = self.run_programme(version, registry, switches or {})
        total, failed, errors, skipped, disabled = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped", "disabled")
        )
        passed = total - failed - errors - skipped - disabled
        way = f"OCI_VERSION={version}, " + ("every switch on" if switches else "as it comes")
        print(
            f"\nConformance, {way}: {passed} passed, {failed} failed, {errors} errors, "
            f"{skipped} skipped, {disabled} disabled"
        )
        cases = collections.defaultdict(list)
        for case in suite.iter("testcase"):
            cases[case.get("status")].append(case)
        for case in cases["skipped"]:
            print(f"  skipped {describe(case)}")
        for case in (*cases["failure"], *cases["error"]):
            print(f"  FAILED  {describe(case)}")

        # The programme's counts must agree with its list of cases and its verdict.
        self.assertEqual(failed + errors, 0, "see FAILED above")
        self.assertEqual([c.get("name") for c in (*cases["failure"], *cases["error"])], [])
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        self.assertIn("OCI Conformance Result: Pass", done.stdout)
        self.assertGreater(passed, MIN_PASSED, "hardly anything was tested")
        if switches:
            # A later version of the programme may have switches that are not listed here.
            self.assertEqual(switched_off(configuration), [])
            self.assertEqual(disabled, 0)
            names = [case.get("name") for case in cases["skipped"]]
            self.assertEqual([name for name in names if not MAY_BE_SKIPPED.match(name)], [])

    def test_version_1_1_passes_without_failure(self):
        self.expect_conformance("1.1", self.start_registry())

    def test_version_dev_passes_without_failure(self):
        self.expect_conformance("dev", self.start_registry())

    def test_version_1_1_with_every_switch_on_passes_without_failure(self):
        self.expect_conformance("1.1", self.start_registry(*SPARSE), ALL_SWITCHES)

    def test_version_dev_with_every_switch_on_passes_without_failure(self):
        self.expect_conformance("dev", self.start_registry(*SPARSE), ALL_SWITCHES)


def describe(case):
    """The name and the reasons in one line."""
    name = case.get("name").removeprefix("OCI Conformance Test/")
    reasons = "; ".join((case.findtext("system-out") or "").split("\n"))
    return f"{name}: {reasons}" if reasons else name


if __name__ == "__main__":
    unittest.main()
