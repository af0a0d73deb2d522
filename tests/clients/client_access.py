"""Access, as clients report it to people: the same scenarios for each client.

    class SkopeoAccess(client_access.Scenarios, SkopeoCase):
        pass

The policy is that of docs/examples. What a client must offer:

    login(password, succeeds=, user=), logout()
    push_image(name), pull_image(name)   with `succeeds`; pulling begins without a local copy
    use_new_config()                     as somebody who has never logged in
"""

import contextlib
import re
import socket
import threading

from admin_api import AdminApi
from registry import wait_for
from test_policy import PUBLIC, SHOP, TOKEN, PolicyTestCase

# Time after a change until all gateways must apply it.
LIVE_S = 2
# Repositories of the team "web"; dan may pull from web/shop, and may not even read web/blog.
BLOG = "web/blog"
# A repository of dan's team, "data".
LAKE = "data/lake"


class Recorder:
    """A proxy in front of a registry that records the requests of clients."""

    def __init__(self, port):
        self.target = port
        self.parts = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # Closed: the end.
            while True:
                client, _ = self.server.accept()
                upstream = socket.create_connection(("127.0.0.1", self.target))
                for source, target, keep in ((client, upstream, self.parts.append), (upstream, client, None)):
                    threading.Thread(target=self.relay, args=(source, target, keep), daemon=True).start()

    @staticmethod
    def relay(source, target, keep):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    keep(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def request_lines(self):
        lines = re.findall(rb"((?:GET|HEAD|POST|PUT|PATCH) /\S*) HTTP/1\.1\r\n", b"".join(self.parts))
        return [line.decode() for line in lines]

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def without_names(output, host, name):
    """A client's output, without the parts that differ between attempts."""
    output = re.sub(r'time="[^"]*"', "", output).replace(host, "HOST")
    output = re.sub(r"[?&]account=[^&\s]*|sha256:[0-9a-f]{64}", "", output)
    for text in (name, name.replace("/", "%2F")):
        output = output.replace(text, "NAME")
    return output


class Scenarios(PolicyTestCase):
    """Base class; has no tests itself."""

    def setUp(self):
        super().setUp()
        self.start()

    def login_as(self, user, password=None, succeeds=True):
        return self.login(password or f"{user}-example", succeeds=succeeds, user=user)

    def expect_denied(self, output, *words):
        """The client shows the registry's reason to its user."""
        # Some clients quote their output.
        output = output.replace('\\"', '"')
        for word in words:
            self.assertIn(word, output)

    def test_the_right_password_logs_in_and_a_wrong_one_is_told(self):
        self.assertIn("Login Succeeded", self.login_as("wendy"))
        output = self.login_as("wendy", "wrong", succeeds=False)
        self.assertRegex(output, "unauthorized|invalid username/password")

    def test_who_may_push_pushes_and_pulls(self):
        self.login_as("wendy")
        self.push_image(f"{SHOP}:v1")
        self.pull_image(f"{SHOP}:v1")
        principals = {line["principal"] for line in self.registry.logged(message="request", status=201)}
        self.assertEqual(principals, {"wendy"})

    def test_what_is_public_is_pulled_without_login_and_the_rest_is_not(self):
        self.login_as("admin")
        self.push_image(f"{PUBLIC}:v1")
        self.push_image(f"{SHOP}:v1")
        self.use_new_config()
        self.pull_image(f"{PUBLIC}:v1")
        existing = self.pull_image(f"{SHOP}:v1", succeeds=False)
        missing = self.pull_image("web/nope:v1", succeeds=False)
        # The answer does not reveal if something exists.
        self.assertEqual(
            without_names(existing, self.registry.host, SHOP),
            without_names(missing, self.registry.host, "web/nope"),
        )
        self.assertRegex(existing.lower(), "unauthorized|authentication required|denied")

    def test_who_may_only_pull_pulls_and_is_told_why_a_push_fails(self):
        # Either an upload is refused, or only the manifest, if the layers already exist.
        self.login_as("dan")
        output = self.push_image(f"{SHOP}:v1", succeeds=False)
        self.expect_denied(
            output,
            'user "dan" may not push to repository "web/shop" (POST blobs)',
            'role binding "web-guests" gives the role "pull" there, which has no POST on blobs',
        )
        self.login_as("wendy")
        self.push_image(f"{SHOP}:v1")
        self.use_new_config()
        self.login_as("dan")
        self.pull_image(f"{SHOP}:v1")
        output = self.push_image(f"{SHOP}:v2", succeeds=False)
        self.expect_denied(
            output,
            'user "dan" may not push to repository "web/shop',
            'role binding "web-guests" gives the role "pull" there',
        )

    def test_who_may_not_pull_is_told_why(self):
        self.login_as("wendy")
        self.push_image(f"{BLOG}:v1")
        self.use_new_config()
        self.login_as("dan")
        output = self.pull_image(f"{BLOG}:v1", succeeds=False)
        self.expect_denied(output, 'user "dan" may not pull from repository "web/blog')

    def test_who_has_no_right_at_all_cannot_push(self):
        self.login_as("dan")
        output = self.push_image(f"{BLOG}:v1", succeeds=False)
        # Some clients first check with HEAD if a layer exists, and that response has no reason.
        reason = r'user "dan" may not push to repository "web/blog"|403 \(?Forbidden'
        self.assertRegex(output.replace('\\"', '"'), reason)
        self.assertEqual(self.registry.log(message="request", status=201), [])

    def test_a_layer_of_an_unreadable_repository_is_pushed_again(self):
        recorder = Recorder(self.registry.port)
        self.addCleanup(recorder.close)
        direct, self.registry.port = self.registry.port, recorder.port
        self.login_as("wendy")
        self.push_image(f"{BLOG}:v1")
        self.login_as("dan")
        before = len(recorder.request_lines())
        self.push_image(f"{LAKE}:v1")
        self.registry.port = direct
        # The client remembered a repository with the layer, and tried to mount it.
        tried = [
            line
            for line in recorder.request_lines()[before:]
            if re.match(rf"POST /v2/{LAKE}/blobs/uploads/\?.*from=web(?:%2F|/)blog|HEAD /v2/{BLOG}/blobs/", line)
        ]
        self.assertTrue(tried, recorder.request_lines()[before:])
        begun = [
            line["status"]
            for line in self.registry.logged(message="request", method="POST", repository=LAKE)
        ]
        self.assertTrue(begun)
        self.assertEqual(set(begun), {202})
        dan = self.as_user("dan")
        manifest = dan.get(f"/v2/{LAKE}/manifests/v1").json()
        for layer in manifest["layers"]:
            # The layer exists, and is the same as in web/blog: a mount would have been possible.
            dan.head(f"/v2/{LAKE}/blobs/{layer['digest']}")
            self.admin.head(f"/v2/{BLOG}/blobs/{layer['digest']}")
            mount = f"/v2/data/other/blobs/uploads/?mount={layer['digest']}&from={BLOG}"
            dan.post(mount, expect=202)
            self.admin.post(mount, expect=201)

    def test_a_token_is_the_password_of_its_user_until_logout(self):
        self.login_as("web-ci", TOKEN)
        self.push_image(f"{SHOP}:build-7")
        self.pull_image(f"{SHOP}:build-7")
        # The right covers only its own tags.
        output = self.push_image(f"{SHOP}:v1", succeeds=False)
        # Some clients first check with HEAD if the tag exists, and may not read it either.
        self.expect_denied(output, 'user "web-ci" may not pu', 'repository "web/shop', "v1")
        self.logout()
        self.pull_image(f"{SHOP}:build-7", succeeds=False)
        self.push_image(f"{SHOP}:build-8", succeeds=False)
        self.assertEqual(self.admin.get(f"/v2/{SHOP}/tags/list").json()["tags"], ["build-7"])

    def test_who_lost_the_right_by_a_reload_pushes_no_more(self):
        self.login_as("wendy")
        self.push_image(f"{SHOP}:v1")
        self.edit("users.yaml", "groups: [web]", "groups: [web-guests]")
        self.reload()
        self.expect_gone("wendy", 403)
        output = self.push_image(f"{SHOP}:v2", succeeds=False)
        self.expect_denied(output, 'user "wendy" may not push to repository "web/shop', "web-guests")
        self.pull_image(f"{SHOP}:v1")

    def test_who_lost_the_right_by_the_admin_api_pushes_no_more(self):
        api = AdminApi(f"unix:{self.registry.datadir}/admin.sock")
        self.addCleanup(api.close)
        api.CreateUser(user_id="eve", user={"password": "eve-example", "groups": ["groups/web"]})
        self.login_as("eve")
        self.push_image(f"{SHOP}:v1")
        api.UpdateUser(user={"name": "users/eve", "groups": ["groups/web-guests"]})
        self.expect_gone("eve", 403)
        output = self.push_image(f"{SHOP}:v2", succeeds=False)
        self.expect_denied(output, 'user "eve" may not push to repository "web/shop', "web-guests")
        api.DeleteUser(name="users/eve")
        self.expect_gone("eve", 401)
        output = self.push_image(f"{SHOP}:v3", succeeds=False)
        self.assertRegex(output.lower(), "unauthorized|invalid username/password|authentication required")

    def expect_gone(self, user, status):
        """Within the time that a change may take, the right is gone for all clients."""
        client = self.as_user(user)
        wait_for(
            lambda: client.post(f"/v2/{SHOP}/blobs/uploads/", expect=None).status == status,
            f"{user} to lose the right",
            LIVE_S,
        )
