"""Tokens for many repositories, as clients ask for them that name all they have used so far (oras)."""

import unittest
import urllib.parse

from registry import PASSWORD, USER, basic
from test_access import AccessCase, challenge_parameters

# base/limits.h.
MAX_SCOPES = 400
# Proxies refuse longer ones.
MAX_TOKEN_BYTES = 8000


def repository(number):
    return f"team/project-{number:03}/service"


def scope(number, actions="pull,push"):
    return f"repository:{repository(number)}:{actions}"


class TokenScopes(AccessCase):
    def ask(self, scopes, joined=False):
        """GET /token; a parameter for each scope, or one for all."""
        parameters = [("service", "registry")] + [("scope", s) for s in ([" ".join(scopes)] if joined else scopes)]
        token = self.client.get("/token?" + urllib.parse.urlencode(parameters)).json()["token"]
        self.assertLessEqual(len(token), MAX_TOKEN_BYTES)
        return token

    def begin_uploads(self, token, numbers, expect=202):
        client = self.bearer(token)
        for number in numbers:
            answer = client.post(f"/v2/{repository(number)}/blobs/uploads/", expect=expect)
            if expect == 401:
                self.assertEqual(challenge_parameters(answer)["error"], "insufficient_scope")

    def test_a_client_that_asks_for_all_it_has_used_may_use_400_repositories(self):
        used = []
        for number in range(MAX_SCOPES):
            used.append(scope(number))
            token = self.ask(used)
            self.begin_uploads(token, [number])
        # The token is for all of them, and the registry still tells them apart.
        self.begin_uploads(token, range(0, MAX_SCOPES, 50))
        self.begin_uploads(token, [MAX_SCOPES], expect=401)
        self.bearer(token).delete(f"/v2/{repository(0)}/manifests/v1", expect=401)

    def test_all_scopes_may_stand_in_one_parameter(self):
        token = self.ask([scope(number) for number in range(MAX_SCOPES)], joined=True)
        self.begin_uploads(token, (0, 99, 100, MAX_SCOPES - 1))

    def test_of_more_than_400_the_last_are_kept_and_the_log_names_the_rest(self):
        token = self.ask([scope(number) for number in range(MAX_SCOPES + 3)])
        self.begin_uploads(token, (3, MAX_SCOPES + 2))
        self.begin_uploads(token, (0, 1, 2), expect=401)
        line = self.registry.logged(principal=USER, left_out=3)[0]
        self.assertEqual(line["names"], " ".join(map(repository, range(3))))

    def test_a_repository_that_is_asked_for_again_counts_once_and_as_the_last(self):
        first = scope(0, "pull")
        token = self.ask([first, *(scope(number) for number in range(1, MAX_SCOPES)), scope(0, "push")])
        self.begin_uploads(token, (0, 1, MAX_SCOPES - 1))
        self.bearer(token).get(f"/v2/{repository(0)}/tags/list", expect=404)
        dropped = "a client asked for more scopes than a token can hold; the first ones were dropped"
        self.assertEqual(self.registry.log(message=dropped), [])

    def test_the_scope_of_a_form_s_reply_is_whole(self):
        asked = [scope(number) for number in range(MAX_SCOPES + 1)]
        answer = self.post_token(grant_type="password", username=USER, password=PASSWORD, scope=" ".join(asked))
        self.assertEqual(answer.json()["scope"].split(), asked[1:])
        self.begin_uploads(answer.json()["access_token"], (1, MAX_SCOPES))

    def test_scopes_that_nobody_may_have_take_no_place_from_others(self):
        strangers = [f"printer:{number}:print" for number in range(50)]
        token = self.ask([scope(0), *strangers, scope(1)])
        self.begin_uploads(token, (0, 1))

    def test_a_narrow_token_stays_narrow(self):
        client = self.bearer(self.token(scope(0, "pull"), basic(USER, PASSWORD))["token"])
        client.get(f"/v2/{repository(0)}/tags/list", expect=404)
        client.get(f"/v2/{repository(1)}/tags/list", expect=401)
        client.post(f"/v2/{repository(0)}/blobs/uploads/", expect=401)
        client.get("/v2/_catalog", expect=401)


if __name__ == "__main__":
    unittest.main()
