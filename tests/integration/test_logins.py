"""Failed logins: how many are checked, and which logins are refused after that."""

import concurrent.futures
import threading
import unittest
import urllib.parse

import login_flood
from registry import PASSWORD, SANITIZER, USER, RegistryTestCase, basic
from test_policy import PUBLIC, TOKEN, PolicyTestCase

MAX_FAILURES = 10
WINDOW_S = 60
FORM = "application/x-www-form-urlencoded"


class LoginCase(RegistryTestCase):
    """Base class; has no tests itself."""

    def log_in(self, user, password, path="/v2/", **headers):
        client = self.registry.client(basic(user, password))
        try:
            return client.get(path, {k.replace("_", "-"): v for k, v in headers.items()}, expect=None)
        finally:
            client.close()

    def fail(self, user, count=MAX_FAILURES, **headers):
        for i in range(count):
            self.expect_error(self.log_in(user, f"wrong {i}", **headers), 401, "UNAUTHORIZED")

    def expect_refused(self, answer, user):
        self.expect_error(answer, 429, "TOOMANYREQUESTS")
        seconds = int(answer.headers["Retry-After"])
        self.assertGreater(seconds, WINDOW_S / 2)
        self.assertLessEqual(seconds, WINDOW_S)
        self.assertRegex(
            answer.error_message(),
            rf'^too many failed logins as "{user}" from .*; try again in {seconds} s$',
        )


class FailedLogins(LoginCase):
    def test_after_ten_wrong_passwords_logins_are_429_until_the_time_that_is_said(self):
        self.fail(USER)
        self.expect_refused(self.log_in(USER, "wrong"), USER)
        self.expect_refused(self.log_in(USER, PASSWORD), USER)
        self.expect_refused(self.log_in(USER, PASSWORD, "/token"), USER)
        self.expect_refused(self.log_in(USER, PASSWORD, "/v2/a/manifests/b"), USER)

    def test_the_refusal_is_logged_once_and_without_the_password(self):
        self.fail(USER)
        for _ in range(5):
            self.log_in(USER, "hush-hush")
        lines = self.registry.logged(message="logins refused: too many failures")
        self.assertEqual(len(lines), 1, lines)
        self.assertEqual((lines[0]["user"], lines[0]["client"]), (f'"{USER}"', "127.0.0.1"))
        self.assertNotIn("hush-hush", self.registry.raw_log())

    def test_what_was_right_before_is_not_told_either(self):
        """Neither an answer nor its absence may reveal that a guess was correct."""
        for _ in range(3):
            self.assertEqual(self.log_in(USER, PASSWORD).status, 200)
        self.fail(USER)
        self.expect_refused(self.log_in(USER, PASSWORD), USER)

    def test_a_user_that_does_not_exist_is_limited_alike(self):
        self.fail("nobody")
        self.expect_refused(self.log_in("nobody", "wrong"), "nobody")
        self.assertEqual(self.log_in(USER, PASSWORD).status, 200)

    def test_the_token_service_counts_and_refuses_too(self):
        client = self.registry.client(None)
        self.addCleanup(client.close)

        def post(password):
            form = {"grant_type": "password", "username": USER, "password": password}
            body = urllib.parse.urlencode(form).encode()
            return client.post("/token", body, {"Content-Type": FORM}, expect=None)

        for i in range(MAX_FAILURES):
            answer = post(f"wrong {i}") if i % 2 else self.log_in(USER, f"wrong {i}", "/token")
            self.expect_error(answer, 401, "UNAUTHORIZED")
        self.expect_refused(post("wrong"), USER)
        self.expect_refused(post(PASSWORD), USER)

    def test_a_bearer_token_still_works(self):
        token = self.client.get("/token").json()["token"]
        self.fail(USER)
        bearer = self.registry.client(f"Bearer {token}")
        self.addCleanup(bearer.close)
        bearer.get("/v2/")

    def test_right_passwords_in_between_pardon_nothing(self):
        for i in range(MAX_FAILURES):
            self.assertEqual(self.log_in(USER, PASSWORD).status, 200)
            self.assertEqual(self.log_in(USER, f"wrong {i}").status, 401)
        self.expect_refused(self.log_in(USER, PASSWORD), USER)

    def test_logins_at_the_same_time_are_checked_no_more_often(self):
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda i: self.log_in(USER, f"wrong {i}").status, range(100)))
        self.assertEqual(answers.count(401), MAX_FAILURES)
        self.assertEqual(answers.count(429), 100 - MAX_FAILURES)

    def test_x_forwarded_for_is_ignored_without_trusted_proxies(self):
        for i in range(MAX_FAILURES):
            self.fail(USER, 1, X_Forwarded_For=f"203.0.113.{i}")
        self.expect_refused(self.log_in(USER, PASSWORD, X_Forwarded_For="203.0.113.99"), USER)
        clients = {line["client"] for line in self.registry.logged(message="request")}
        self.assertEqual(clients, {"127.0.0.1"})

    @unittest.skipIf(SANITIZER, "instrumented code takes its time")
    def test_a_hundred_requests_with_a_password_cost_one_bcrypt(self):
        def cpu_seconds():
            path = f"/proc/{self.registry.process.pid}/stat"
            with open(path) as file:
                # After the program's name in parentheses: user and system time, in 1/100 s.
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / 100

        before = cpu_seconds()
        for _ in range(100):
            self.assertEqual(self.log_in(USER, PASSWORD).status, 200)
        # A hundred bcrypts would take 5 s.
        self.assertLess(cpu_seconds() - before, 1.5)


class BehindAProxy(LoginCase):
    flags = ("-trustedproxies", "127.0.0.0/8,10.0.0.0/8")

    def test_each_forwarded_address_has_a_count_of_its_own(self):
        self.fail(USER, X_Forwarded_For="203.0.113.1")
        self.expect_refused(self.log_in(USER, PASSWORD, X_Forwarded_For="203.0.113.1"), USER)
        invented = "9.9.9.9, 203.0.113.1, 10.1.1.1"
        self.expect_refused(self.log_in(USER, PASSWORD, X_Forwarded_For=invented), USER)
        self.assertEqual(self.log_in(USER, PASSWORD, X_Forwarded_For="203.0.113.2").status, 200)
        self.assertEqual(self.log_in(USER, PASSWORD, X_Forwarded_For="203.0.113.1, 203.0.113.2").status, 200)
        self.assertEqual(self.log_in(USER, PASSWORD).status, 200)
        answer = self.log_in(USER, PASSWORD, X_Forwarded_For="203.0.113.1")
        self.assertIn("from 203.0.113.1;", answer.error_message())

    def test_a_whole_ipv6_network_has_one_count(self):
        for i in range(MAX_FAILURES):
            self.fail(USER, 1, X_Forwarded_For=f"2001:db8::{i:x}")
        self.expect_refused(self.log_in(USER, PASSWORD, X_Forwarded_For="2001:db8::ffff"), USER)
        self.assertEqual(self.log_in(USER, PASSWORD, X_Forwarded_For="2001:db8:0:1::1").status, 200)

    def test_the_log_names_the_forwarded_address(self):
        self.log_in(USER, PASSWORD, X_Forwarded_For="203.0.113.7:4711")
        self.registry.logged(client="203.0.113.7")


class OthersMeanwhile(PolicyTestCase):
    flood_size = 1000

    def setUp(self):
        super().setUp()
        self.start("-trustedproxies", "127.0.0.1")

    def test_a_flood_of_wrong_logins_stops_nobody_else(self):
        image = self.admin.push_image(PUBLIC, "v1")
        path = f"/v2/{PUBLIC}/manifests/v1"
        token = self.admin.get(f"/token?scope=repository:{PUBLIC}:pull").json()["token"]
        bearer = self.registry.client(f"Bearer {token}")
        self.addCleanup(bearer.close)
        # wendy and web-ci only authenticate: they may not read the image.
        anonymous = self.as_user(None)
        wendy, machine = self.as_user("wendy"), self.as_user("web-ci", TOKEN)
        wendy.get("/v2/")

        statuses = {}
        flood = threading.Thread(
            target=lambda: statuses.update(
                login_flood.run(
                    self.registry.port,
                    self.flood_size,
                    lambda i: basic(f"name{i}", "wrong"),
                    lambda i: ["X-Forwarded-For: 203.0.113.1"],
                    duration_s=2,
                )
            )
        )
        flood.start()
        self.addCleanup(flood.join)
        rounds = 0
        while flood.is_alive():
            for client in (self.admin, bearer, anonymous):
                self.assertEqual(client.get(path).body, image)
            wendy.get("/v2/")
            machine.get("/v2/")
            # A first login has the whole queue except the flood's share.
            if rounds < 50:
                first = self.as_user("dan")
                first.get("/v2/", {"X-Forwarded-For": f"198.51.100.{rounds}"})
            rounds += 1
        flood.join()
        self.assertGreater(rounds, 0)
        self.assertLessEqual(set(statuses), {401, 429}, statuses)
        self.assertGreater(statuses[401], 0)
        self.assertGreater(statuses[429], 0)

    def test_other_users_of_the_same_address_and_other_addresses_log_in(self):
        for i in range(MAX_FAILURES):
            self.as_user("wendy", f"wrong {i}").get("/v2/", expect=401)
        self.as_user("wendy").get("/v2/", expect=429)
        self.as_user("dan").get("/v2/")
        self.as_user("web-ci", TOKEN).get("/v2/")
        self.as_user("wendy").get("/v2/", {"X-Forwarded-For": "203.0.113.1"})

    def test_a_token_that_is_no_token_is_a_wrong_password(self):
        for i in range(MAX_FAILURES):
            self.as_user("web-ci", f"{TOKEN}{i}").get("/v2/", expect=401)
        self.as_user("web-ci", "wrong").get("/v2/", expect=429)
        # A token cannot be guessed, so the real one is not refused.
        self.as_user("web-ci", TOKEN).get("/v2/")


if __name__ == "__main__":
    unittest.main()
