"""The address of the registry behind proxies, and that of their clients. Source: RFC 7239."""

import re
import unittest

from registry import PASSWORD, USER, RegistryTestCase, basic


class ProxyCase(RegistryTestCase):
    """Not a test of its own."""

    def realm(self, headers=None, registry=None):
        client = (registry or self.registry).client(authorization=None)
        try:
            challenge = client.get("/v2/", headers, expect=401).headers["WWW-Authenticate"]
        finally:
            client.close()
        self.assertRegex(challenge, r'^Bearer realm="[^"]*",service="[^"]*"$')
        return re.match(r'Bearer realm="([^"]*)"', challenge)[1]


class TrustedProxy(ProxyCase):
    flags = ("-trustedproxies", "127.0.0.1")

    def test_a_trusted_proxy_tells_the_address_of_the_registry(self):
        for headers, realm in (
            ({"X-Forwarded-Host": "r.example", "X-Forwarded-Proto": "https"}, "https://r.example/token"),
            ({"X-Forwarded-Host": "r.example:8443, inner", "X-Forwarded-Proto": "https, http"},
             "https://r.example:8443/token"),
            ({"Forwarded": "for=192.0.2.7;host=r.example;proto=https"}, "https://r.example/token"),
            ({"Forwarded": 'host="r.example:8443";proto=https, host=inner;proto=http'},
             "https://r.example:8443/token"),
            ({"Forwarded": "host=f.example;proto=https", "X-Forwarded-Host": "x.example"}, "https://f.example/token"),
            ({"Forwarded": "proto=https", "X-Forwarded-Host": "x.example"}, "https://x.example/token"),
            ({"Host": "h.example", "X-Forwarded-Proto": "https"}, "https://h.example/token"),
        ):  # fmt: skip
            with self.subTest(headers=headers):
                self.assertEqual(self.realm(headers), realm)

    def test_malformed_values_are_ignored_and_inject_nothing(self):
        own = f"http://{self.registry.host}/token"
        for value in ('a"b', 'x",error="y', "a b", "a/b", "user@r.example", "r.example:99999", ":80",
                      "a\\b", "[::1", "a\tb", "<script>", ", r.example"):  # fmt: skip
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            for headers in ({"X-Forwarded-Host": value}, {"Forwarded": f"host={value}"},
                            {"Forwarded": f'host="{quoted}"'}, {"X-Forwarded-Proto": value}):  # fmt: skip
                with self.subTest(headers=headers):
                    self.assertEqual(self.realm(headers), own)

    def client_in_the_log(self, headers):
        self.client.get("/v2/", headers)
        request_id = self.client.get("/v2/", headers).headers["X-Request-Id"]
        return self.registry.logged(message="request", request_id=request_id)[0]["client"]

    def test_forwarded_names_the_client_as_x_forwarded_for_does(self):
        for headers, client in (
            ({"X-Forwarded-For": "203.0.113.5"}, "203.0.113.5"),
            ({"Forwarded": "for=203.0.113.5"}, "203.0.113.5"),
            ({"Forwarded": 'for=9.9.9.9, for="[2001:db8::1]:4711";proto=https'}, "2001:db8::1"),
            ({"Forwarded": "for=9.9.9.9, for=203.0.113.5, for=127.0.0.1"}, "203.0.113.5"),
            ({"Forwarded": "for=203.0.113.5, for=unknown"}, "127.0.0.1"),
            ({"Forwarded": 'for="203.0.113.5'}, "127.0.0.1"),
            ({"Forwarded": "for=203.0.113.5", "X-Forwarded-For": "203.0.113.5"}, "203.0.113.5"),
            # One of them is the client's invention, and nobody knows which.
            ({"Forwarded": "for=9.9.9.9", "X-Forwarded-For": "203.0.113.5"}, "127.0.0.1"),
        ):  # fmt: skip
            with self.subTest(headers=headers):
                self.assertEqual(self.client_in_the_log(headers), client)

    def test_failed_logins_are_counted_of_the_forwarded_client(self):
        wrong = self.registry.client(basic(USER, "wrong"))
        self.addCleanup(wrong.close)
        for i in range(11):
            wrong.get("/v2/", {"Forwarded": f"for=9.9.9.{i}, for=203.0.113.5"}, expect=(401, 429))
        right = self.registry.client(basic(USER, PASSWORD))
        self.addCleanup(right.close)
        right.get("/v2/", {"Forwarded": "for=203.0.113.5"}, expect=429)
        right.get("/v2/", {"Forwarded": "for=203.0.113.6"}, expect=200)


class OtherProxies(ProxyCase):
    flags = ("-trustedproxies", "192.0.2.0/24")

    def test_a_peer_that_is_not_named_is_not_believed(self):
        for headers in ({"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "evil.example"},
                        {"Forwarded": "host=evil.example;proto=https"}):  # fmt: skip
            with self.subTest(headers=headers):
                self.assertEqual(self.realm(headers), f"http://{self.registry.host}/token")


class PublicUrl(ProxyCase):
    start_at_once = False

    def test_the_public_url_wins_over_all_and_serves_http_1_0(self):
        self.registry = self.start_registry("-publicurl", "https://r.example:8443/", "-trustedproxies", "127.0.0.1")
        realm = "https://r.example:8443/token"
        for headers in ({}, {"Host": "h.example"}, {"X-Forwarded-Host": "x.example", "X-Forwarded-Proto": "http"},
                        {"Forwarded": "host=f.example;proto=http"}):  # fmt: skip
            with self.subTest(headers=headers):
                self.assertEqual(self.realm(headers), realm)
        with self.registry.connect() as connection:
            connection.send(b"GET /v2/ HTTP/1.0\r\n\r\n")
            self.assertIn(f'realm="{realm}"', connection.response().headers["WWW-Authenticate"])

    def test_the_environment_and_the_configuration_set_it_too_and_the_flag_wins(self):
        variable = self.start_registry(env={"SIMPLE_REGISTRY_PUBLICURL": "http://env.example"})
        self.assertEqual(self.realm(registry=variable), "http://env.example/token")
        variable.stop()
        cfgdir = self.folder / "cfg"
        cfgdir.mkdir()
        (cfgdir / "configuration.yaml").write_text(
            "apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: Configuration\n"
            "spec: {web: {publicUrl: 'https://file.example'}}\n"
        )
        file = self.start_registry("-cfgdir", cfgdir, password=None)
        self.assertEqual(self.realm(registry=file), "https://file.example/token")
        file.stop()
        flag = self.start_registry("-cfgdir", cfgdir, "-publicurl", "https://flag.example", password=None)
        self.assertEqual(self.realm(registry=flag), "https://flag.example/token")

    def test_a_wrong_one_is_named_with_the_remedy(self):
        for url, reason in (("r.example", "is not an absolute URL"), ("ftp://r.example", "is neither"),
                            ("https://r.example/registry", "has a path"), ("https://", "has no valid host")):  # fmt: skip
            with self.subTest(url=url):
                registry = self.new_registry("-publicurl", url).launch()
                self.assertEqual(registry.process.wait(30), 2)
                for word in ("flag -publicurl", f'"{url}"', reason, "expected https://HOST[:PORT]"):
                    self.assertIn(word, registry.raw_log())


if __name__ == "__main__":
    unittest.main()
