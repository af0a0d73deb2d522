"""helm: login, push, pull, show, template, versions, a dependency and a provenance file from the registry."""

import json
import unittest

from go_programs import HELM, GoClientTestCase
from images import PASSWORD, USER, digest_of
from test_policy import PolicyTestCase

CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"

TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {greeting: "{{ .Values.greeting }}"}
"""


class HelmCase(GoClientTestCase):
    """Base class; has no tests itself."""

    go_program = HELM

    def environment(self):
        own = {f"HELM_{kind}_HOME": str(self.folder / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        return {**super().environment(), **own, "KUBECONFIG": str(self.folder / "no-kubeconfig")}

    def login(self, password=PASSWORD, succeeds=True, user=USER):
        return self.run_client(
            "registry", "login", "--plain-http", "-u", user, "--password-stdin", self.registry.host,
            stdin=password, succeeds=succeeds,
        )  # fmt: skip

    def url(self, repository):
        return f"oci://{self.registry.host}/{repository}"

    def package(self, name="demo", version="1.0.0", dependencies=()):
        """Makes a chart. Returns the path of its archive."""
        source = self.folder / f"{name}-source"
        (source / "templates").mkdir(parents=True, exist_ok=True)
        chart = {"apiVersion": "v2", "name": name, "version": version, "dependencies": dependencies}
        # JSON is YAML.
        (source / "Chart.yaml").write_text(json.dumps(chart))
        (source / "values.yaml").write_text(f"greeting: hello from {version}\n")
        (source / "README.md").write_text("How to use it.\n")
        (source / "templates" / "configmap.yaml").write_text(TEMPLATE)
        if dependencies:
            self.run_client("dependency", "update", "--plain-http", source)
        self.run_client("package", "--destination", self.folder, source)
        return self.folder / f"{name}-{version}.tgz"

    def push(self, archive, namespace="team", succeeds=True):
        return self.run_client("push", "--plain-http", archive, self.url(namespace), succeeds=succeeds)

    def pull(self, repository, *flags, succeeds=True):
        """Returns the folder with the pulled chart, or helm's output on failure."""
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        output = self.run_client(
            "pull", "--plain-http", "--destination", out, *flags, self.url(repository), succeeds=succeeds
        )
        return out if succeeds else output


class Helm(HelmCase):
    # The first test builds helm; the others wait for it.
    ctest = {"TIMEOUT": 900}

    def test_login_with_the_right_password(self):
        self.assertIn("Login Succeeded", self.login())

    def test_login_with_a_wrong_password_fails(self):
        self.assertIn("wrong user name or password", self.login("wrong", succeeds=False))

    def test_without_login_nothing_can_be_pulled(self):
        self.login()
        self.push(self.package())
        self.run_client("registry", "logout", self.registry.host)
        output = self.pull("team/demo", "--version", "1.0.0", succeeds=False)
        self.assertIn('anonymous clients may not pull from repository "team/demo"', output)

    def test_a_pushed_chart_comes_back_byte_by_byte(self):
        self.login()
        archive = self.package()
        output = self.push(archive)
        answer = self.client.get("/v2/team/demo/manifests/1.0.0")
        self.assertIn(f"Digest: {answer.headers['Docker-Content-Digest']}", output)
        manifest = answer.json()
        self.assertEqual(manifest["config"]["mediaType"], CONFIG)
        self.assertEqual(
            [(layer["mediaType"], layer["digest"]) for layer in manifest["layers"]],
            [(CHART, digest_of(archive.read_bytes()))],
        )
        out = self.pull("team/demo", "--version", "1.0.0")
        self.expect_files(out, {archive.name: archive.read_bytes()})

    def test_a_chart_is_pulled_by_its_digest(self):
        self.login()
        old = self.package().read_bytes()
        self.push(self.folder / "demo-1.0.0.tgz")
        digest = self.client.get("/v2/team/demo/manifests/1.0.0").headers["Docker-Content-Digest"]
        (self.folder / "demo-source" / "more").write_text("The same version again.\n")
        self.push(self.package())
        out = self.pull(f"team/demo@{digest}")
        self.assertEqual([path.read_bytes() for path in out.iterdir()], [old])

    def test_show_and_template_read_a_chart_from_the_registry(self):
        self.login()
        self.push(self.package())
        source = ("--plain-http", "--version", "1.0.0", self.url("team/demo"))
        self.assertIn("name: demo", self.run_client("show", "chart", *source))
        self.assertIn("greeting: hello from 1.0.0", self.run_client("show", "values", *source))
        self.assertIn("How to use it.", self.run_client("show", "readme", *source))
        rendered = self.run_client("template", "my-release", *source, "--set", "greeting=good day")
        self.assertIn('name: "my-release"', rendered)
        self.assertIn('greeting: "good day"', rendered)

    def test_the_newest_version_that_fits_is_found_among_the_tags(self):
        self.login()
        for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0-rc.1"):
            self.push(self.package(version=version))
        for flags, newest in (((), "1.10.0"), (("--version", "<1.10"), "1.9.0"), (("--devel",), "2.0.0-rc.1")):
            values = self.run_client("show", "values", "--plain-http", *flags, self.url("team/demo"))
            self.assertIn(f"greeting: hello from {newest}\n", values)

    def test_a_version_with_build_metadata_comes_back_by_its_name(self):
        self.login()
        archive = self.package(version="1.0.0+build.7")
        self.push(archive)
        # No tag can have a plus sign.
        self.assertEqual(self.client.get("/v2/team/demo/tags/list").json()["tags"], ["1.0.0_build.7"])
        out = self.pull("team/demo", "--version", "1.0.0+build.7")
        self.assertEqual([path.read_bytes() for path in out.iterdir()], [archive.read_bytes()])

    def test_a_dependency_comes_from_the_registry(self):
        self.login()
        self.push(self.package("base", "1.2.3"))
        wanted = {"name": "base", "version": "^1.0.0", "repository": self.url("team")}
        self.push(self.package("demo", dependencies=[wanted]))
        rendered = self.run_client("template", "--plain-http", "r", self.url("team/demo"), "--version", "1.0.0")
        self.assertIn("# Source: demo/charts/base/templates/configmap.yaml", rendered)
        self.assertIn("hello from 1.2.3", rendered)

    def test_a_provenance_file_travels_with_its_chart(self):
        self.login()
        archive = self.package()
        provenance = archive.with_name(archive.name + ".prov")
        provenance.write_text("signed by somebody\n")
        self.push(archive)
        layers = self.client.get("/v2/team/demo/manifests/1.0.0").json()["layers"]
        self.assertEqual({layer["mediaType"] for layer in layers}, {CHART, PROVENANCE})
        out = self.pull("team/demo", "--version", "1.0.0", "--prov")
        self.expect_files(out, {path.name: path.read_bytes() for path in (archive, provenance)})


class HelmAccess(PolicyTestCase, HelmCase):
    ctest = {"TIMEOUT": 900}

    def test_who_may_only_pull_pulls_a_chart_and_is_told_why_a_push_fails(self):
        self.start()
        archive = self.package("shop")
        self.login("wendy-example", user="wendy")
        self.push(archive, "web")
        self.login("dan-example", user="dan")
        out = self.pull("web/shop", "--version", "1.0.0")
        self.expect_files(out, {archive.name: archive.read_bytes()})
        output = self.push(self.package("shop", "2.0.0"), "web", succeeds=False)
        self.assertIn('user "dan" may not push to repository "web/shop"', output)
        self.assertIn('role binding "web-guests" gives the role "pull" there', output)
        self.assertEqual(self.admin.get("/v2/web/shop/tags/list").json()["tags"], ["1.0.0"])


if __name__ == "__main__":
    unittest.main()
