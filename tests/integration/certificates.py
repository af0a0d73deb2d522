"""Certificates for tests, made with openssl: a CA, and certificates that it signs."""

import pathlib
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A certificate authority in a folder.

    ca = Authority(folder, "ca")
    certificate, key = ca.issue("alice", "/O=example/CN=alice")
    """

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.certificate, self.key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        openssl("req", "-x509", *self.new_key(self.key), "-days", "2", "-subj", f"/CN={name}",
                "-out", self.certificate)  # fmt: skip

    def new_key(self, path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path

    def issue(self, name, subject, days=2, extensions="subjectAltName=IP:127.0.0.1"):
        """Returns the paths of certificate and key. Negative days make an expired certificate."""
        certificate, key, request = (self.folder / f"{name}.{suffix}" for suffix in ("crt", "key", "csr"))
        openssl("req", "-new", "-utf8", *self.new_key(key), "-subj", subject, "-out", request)
        (self.folder / f"{name}.ext").write_text(extensions + "\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-days", days, "-extfile", self.folder / f"{name}.ext", "-out", certificate)  # fmt: skip
        return certificate, key
