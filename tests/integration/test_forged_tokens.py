"""Bearer tokens that this registry did not issue, or that were changed, give no access.

The secret is known here (-tokensecret), so that tokens can be nearly right: each forgery differs in
one thing from a token that is accepted.

Source: RFC 7515, RFC 7519, RFC 8725 (what forgers try), RFC 6750 (how it is answered).
"""

import base64
import hashlib
import hmac
import json
import subprocess
import unittest

from registry import USER, RegistryTestCase, basic
from test_access import challenge_parameters

SECRET = "a secret that the forger has got hold of"
MARKER = b"only whoever may pull this sees it"
HEADER = {"alg": "HS256", "typ": "JWT"}
MANIFEST = "/v2/team/app/manifests/v1"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def signing_key(secret):
    """The key that DeriveSigningKey of controlplane/access/signing_key.h derives."""
    text = b"simple-registry: signing key of tokens, 1"
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def part(value):
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def sign(claims, header=HEADER, key=signing_key(SECRET), digest="sha256"):
    """A token; `claims` and `header` are bytes, or objects for JSON."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{base64url(hmac.new(key, text.encode(), digest).digest())}"


class ForgedTokens(RegistryTestCase):
    flags = ("-tokensecret", SECRET)

    def setUp(self):
        super().setUp()
        self.client.push_image("team/app", "v1", [MARKER])
        scope = "repository:team/app:pull,push,delete"
        answer = self.client.get(f"/token?service=simple-registry&scope={scope}")
        self.issued = answer.json()["token"]
        self.claims = claims_of(self.issued)
        # The same claims and the same key are accepted: what is refused below is refused for the
        # one thing that is wrong with it.
        self.right = sign(self.claims)
        self.expect_accepted(self.right)

    def as_bearer(self, value):
        client = self.registry.client(f"Bearer {value}")
        self.addCleanup(client.close)
        return client

    def expect_accepted(self, token):
        client = self.as_bearer(token)
        client.get("/v2/")
        manifest = client.get(MANIFEST).json()
        blob = client.get(f"/v2/team/app/blobs/{manifest['layers'][0]['digest']}")
        self.assertEqual(blob.body, MARKER)

    def expect_refused(self, token, error="invalid_token"):
        client = self.as_bearer(token)
        for method, path in (("GET", "/v2/"), ("GET", MANIFEST), ("HEAD", MANIFEST),
                             ("GET", "/v2/team/app/tags/list"), ("DELETE", MANIFEST),
                             ("POST", "/v2/team/app/blobs/uploads/")):  # fmt: skip
            answer = client.request(method, path, expect=401)
            self.assertNotIn("Docker-Content-Digest", answer.headers)
            self.assertEqual(challenge_parameters(answer).get("error"), error)
            if method != "HEAD":
                self.expect_error(answer, 401, "UNAUTHORIZED")
                # The reason does not repeat the sent token.
                self.assertNotIn(token[-20:] or "\0", answer.error_message())

    def expect_all_refused(self, forgeries):
        for name, token in forgeries.items():
            with self.subTest(name):
                self.expect_refused(token)
        self.expect_accepted(self.right)

    def test_a_token_is_signed_as_the_standard_says(self):
        header, payload, _ = self.issued.split(".")
        key = signing_key(SECRET)
        signature = hmac.new(key, f"{header}.{payload}".encode(), hashlib.sha256).digest()
        self.assertEqual(self.issued, f"{header}.{payload}.{base64url(signature)}")

    def test_claims_or_signatures_that_were_changed_are_refused(self):
        header, payload, signature = self.right.split(".")
        more = {**self.claims, "exp": self.claims["exp"] + 10_000}
        entries = base64.urlsafe_b64decode(self.claims["access"])
        self.assertEqual(len(entries), 9)
        wider = {**self.claims, "access": base64url(entries[:8] + b"\x0f")}
        # The last character of a signature has four unused bits.
        last = ALPHABET[ALPHABET.index(signature[-1]) ^ 1]
        self.expect_all_refused({
            "a later end": f"{header}.{part(more)}.{signature}",
            "more access": f"{header}.{part(wider)}.{signature}",
            "another user": f"{header}.{part({**self.claims, 'sub': 'root'})}.{signature}",
            "the same claims written differently":
                f"{header}.{part(json.dumps(self.claims, indent=1).encode())}.{signature}",
            "another header": f"{part({**HEADER, 'kid': '1'})}.{payload}.{signature}",
            "one character of the signature":
                f"{header}.{payload}.{signature[:9]}{'AB'[signature[9] == 'A']}{signature[10:]}",
            "bits of the signature that mean nothing": f"{header}.{payload}.{signature[:-1]}{last}",
            "the signature of another token": f"{header}.{payload}.{sign(more).split('.')[2]}",
            "the signature twice": f"{header}.{payload}.{signature}{signature}",
            "the signature reversed": f"{header}.{payload}.{signature[::-1]}",
        })  # fmt: skip

    def test_a_time_that_has_not_come_or_is_over_is_refused(self):
        now = self.claims["iat"]
        self.expect_accepted(sign({**self.claims, "exp": now + 3600}))
        self.expect_all_refused({
            name: sign(claims) for name, claims in {
                "expired": {**self.claims, "nbf": now - 7200, "iat": now - 7200, "exp": now - 61},
                "not valid yet": {**self.claims, "nbf": now + 3600, "exp": now + 7200},
                "issued in an hour": {**self.claims, "iat": now + 3600, "exp": now + 7200},
                "no end": {k: v for k, v in self.claims.items() if k != "exp"},
                "no beginning": {k: v for k, v in self.claims.items() if k != "nbf"},
                "no time of issue": {k: v for k, v in self.claims.items() if k != "iat"},
                "the end is text": {**self.claims, "exp": str(now + 3600)},
                "the end is a float": {**self.claims, "exp": now + 3600.5},
                "the end is very far": {**self.claims, "exp": 2**64},
                "the end is nothing": {**self.claims, "exp": None},
            }.items()
        })  # fmt: skip

    def test_clocks_may_differ_by_a_minute_both_ways(self):
        # As a registry would issue them whose clock is nearly a minute ahead or behind.
        for difference in (50, -50):
            now = self.claims["iat"] + difference
            self.expect_accepted(sign({**self.claims, "nbf": now, "iat": now, "exp": now + 300}))
        now = self.claims["iat"]
        self.expect_accepted(sign({**self.claims, "nbf": now - 300, "iat": now - 300, "exp": now - 5}))

    def test_claims_of_another_registry_user_or_password_are_refused(self):
        self.expect_all_refused({
            name: sign({**self.claims, **changed}) for name, changed in {
                "of another issuer": {"iss": "elsewhere"},
                "of no issuer": {"iss": ""},
                "for another service": {"aud": "elsewhere"},
                "for several services": {"aud": ["simple-registry", "elsewhere"]},
                "for a service in upper case": {"aud": "Simple-Registry"},
                "of an unknown user": {"sub": "nobody"},
                "of a user in upper case": {"sub": USER.upper()},
                "of a user who is a list": {"sub": [USER]},
                "of another password": {"credential_version": "0123456789abcdef"},
                "of no password": {"credential_version": ""},
                "for nothing known": {"access": None},
                "for a text": {"access": "repository:team/app:pull"},
                "for what is not base64": {"access": "!"},
                "for half an entry": {"access": "AAAAAAAA"},
                "for scopes in the form of long ago":
                    {"access": [{"type": "repository", "name": "team/app", "actions": ["pull"]}]},
            }.items()
        })  # fmt: skip

    def test_other_algorithms_than_hs256_are_refused_whoever_signed(self):
        unsigned, forgeries = f"{part(self.claims)}.", {}
        for algorithm in ("none", "None", "NONE", "nOnE", "", None, 0):
            header = part({"alg": algorithm, "typ": "JWT"})
            forgeries[f"{algorithm!r} without a signature"] = f"{header}.{unsigned}"
            forgeries[f"{algorithm!r} signed"] = sign(self.claims, {"alg": algorithm, "typ": "JWT"})
        for algorithm, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("HS512", "sha256"),
                                  ("RS256", "sha256"), ("ES256", "sha256"), ("PS256", "sha256"),
                                  ("HS256", "sha512"), ("HS256", "sha1")):  # fmt: skip
            header = {"alg": algorithm, "typ": "JWT"}
            forgeries[f"{algorithm} with {digest}"] = sign(self.claims, header, digest=digest)
        forgeries["no algorithm"] = sign(self.claims, {"typ": "JWT"})
        forgeries["no header"] = sign(self.claims, b"")
        forgeries["a header that is a list"] = sign(self.claims, ["HS256"])
        forgeries["another type"] = sign(self.claims, {"alg": "HS256", "typ": "JWE"})
        self.expect_all_refused(forgeries)

    def test_a_signature_of_a_real_rsa_key_is_refused(self):
        key, public = self.folder / "rsa.pem", self.folder / "rsa.pub"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        header = {"alg": "RS256", "typ": "JWT", "jwk": {"kty": "oct", "k": base64url(b"k" * 32)}}
        text = f"{part(header)}.{part(self.claims)}"
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), check=True,
                              capture_output=True)  # fmt: skip
        self.expect_all_refused({
            "signed with it": f"{text}.{base64url(done.stdout)}",
            "its public half as the secret of HS256": sign(self.claims, key=public.read_bytes()),
            "a key in the header": sign(self.claims, {**header, "alg": "HS256"}, key=b"k" * 32),
        })  # fmt: skip

    def test_keys_that_are_not_this_registrys_are_refused(self):
        self.expect_all_refused({
            "another secret's": sign(self.claims, key=signing_key("another secret")),
            "the secret itself": sign(self.claims, key=SECRET.encode()),
            "nothing": sign(self.claims, key=b"\0"),
            "zeros": sign(self.claims, key=bytes(32)),
            "hexadecimal digits": sign(self.claims, key=signing_key(SECRET).hex().encode()),
            "the first half": sign(self.claims, key=signing_key(SECRET)[:16]),
        })  # fmt: skip
        folder = self.folder / "other"
        folder.mkdir()
        other = self.start_registry("-tokensecret", "another secret", folder=folder)
        client = other.client()
        self.addCleanup(client.close)
        self.expect_refused(client.get("/token?service=simple-registry").json()["token"])

    def test_what_is_not_exactly_a_token_is_refused(self):
        header, payload, signature = self.right.split(".")
        self.expect_all_refused({
            "one dot": f"{header}.{payload}",
            "no signature": f"{header}.{payload}.",
            "no claims": f"{header}..{signature}",
            "no header": f".{payload}.{signature}",
            "only dots": "..",
            "a dot before": f".{self.right}",
            "a dot behind": f"{self.right}.",
            "a part more": f"{self.right}.{signature}",
            "a part more between": f"{header}.{payload}.{payload}.{signature}",
            "parts in another order": f"{payload}.{header}.{signature}",
            "cut off": self.right[:-1],
            "cut off in the claims": self.right[: len(header) + 20],
            "a character more": f"{self.right}A",
            "twice": f"{self.right}{self.right}",
            "two tokens": f"{self.right} {self.right}",
            "a word behind": f"{self.right} x",
            "a comma behind": f"{self.right},",
            "a semicolon behind": f"{self.right};",
            "a tab inside": f"{header}.{payload}\t.{signature}",
            "a space inside": f"{header}. {payload}.{signature}",
            "an escape inside": f"{header}%2E{payload}.{signature}",
            "quotes around": f'"{self.right}"',
            "padding of the signature": f"{self.right}=",
            "more padding": f"{self.right}==",
            "padding of the claims": f"{header}.{payload}=.{signature}",
            "padding of the header": f"{header}=.{payload}.{signature}",
            "the other base64": self.right.replace("-", "+").replace("_", "/") + "+",
            "hexadecimal digits": f"{header}.{payload}.{'ab' * 32}",
            "claims that are no JSON": sign(b"{"),
            "claims that are a list": sign([self.claims]),
            "claims of two documents": sign(json.dumps(self.claims).encode() + b"{}"),
            "claims that are not UTF-8": sign(b'{"iss":"\xff"}'),
            "very many letters": "x" * 16_000,
        })  # fmt: skip

    def test_no_token_at_all_is_refused(self):
        for value in ("Bearer", "Bearer ", "Bearer \t "):
            client = self.registry.client(value)
            self.addCleanup(client.close)
            for path in ("/v2/", MANIFEST):
                challenge_parameters(client.get(path, expect=401))

    def test_a_token_is_taken_from_its_header_only(self):
        anonymous = self.registry.client(authorization=None)
        self.addCleanup(anonymous.close)
        for query in ("access_token", "token", "jwt", "authorization"):
            anonymous.get(f"{MANIFEST}?{query}={self.right}", expect=401)
        for name in ("X-Registry-Auth", "Proxy-Authorization", "Cookie", "X-Authorization"):
            anonymous.get(MANIFEST, {name: f"Bearer {self.right}"}, expect=401)
        # Nor does it work as a password.
        client = self.registry.client(basic(USER, self.right))
        self.addCleanup(client.close)
        client.get(MANIFEST, expect=401)

    def test_several_authorization_headers_are_refused(self):
        right, wrong = f"Bearer {self.right}", f"Bearer {sign(self.claims, key=b'0' * 32)}"
        for first, second in ((right, wrong), (wrong, right), (right, basic(USER, "wrong")), (right, right)):
            with self.registry.connect() as connection:
                connection.request("GET", MANIFEST, {"Authorization": second}, authorization=first)
                self.expect_error(connection.response(), 401, "UNAUTHORIZED")

    def test_white_space_around_a_token_is_not_part_of_it(self):
        for value in (f"Bearer   {self.right}", f"Bearer {self.right}  ", f"bearer {self.right}\t"):
            client = self.registry.client(value)
            self.addCleanup(client.close)
            client.get(MANIFEST)


if __name__ == "__main__":
    unittest.main()
