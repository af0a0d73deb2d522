"""A client of the admin API for tests: gRPC by Debian's python3-grpcio, messages by protoc.

    admin = AdminApi(f"unix:{registry.datadir}/admin.sock")
    admin.CreateUser(user_id="bob", user={"password": "secret"})

A method takes the fields of its request and returns its response, or raises AdminError.
"""

import functools
import pathlib
import subprocess
import tempfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
FILES = ["registry/v1/admin.proto", "google/rpc/error_details.proto", "google/rpc/status.proto"]
TIMEOUT_S = 30


@functools.cache
def contract():
    """The messages of the contract. Not protoc's modules, because a package `google` already exists."""
    with tempfile.NamedTemporaryFile() as output:
        subprocess.run(
            ["protoc", "-I", PROTO, "--include_imports", f"--descriptor_set_out={output.name}", *FILES],
            check=True,
            cwd=PROTO,
        )
        compiled = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(output.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in compiled.file:
        pool.Add(file)
    return pool


@functools.cache
def message_class(name):
    return message_factory.MessageFactory(contract()).GetPrototype(contract().FindMessageTypeByName(name))


class AdminError(Exception):
    """`code` is a grpc.StatusCode; `details` are the google.rpc messages by their short names."""

    def __init__(self, error):
        self.code, self.message = error.code(), error.details()
        self.details = {}
        for key, value in error.trailing_metadata():
            if key == "grpc-status-details-bin":
                for detail in message_class("google.rpc.Status").FromString(value).details:
                    name = detail.type_url.rpartition("/")[2]
                    self.details[name.rpartition(".")[2]] = message_class(name).FromString(detail.value)
        super().__init__(f"{self.code.name}: {self.message}")

    @property
    def reason(self):
        return self.details["ErrorInfo"].reason


class AdminApi:
    def __init__(self, target, credentials=None, user="tester"):
        # New connections, not one of another client to a process that is gone.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = (
            grpc.secure_channel(target, credentials, options)
            if credentials
            else grpc.insecure_channel(target, options)
        )
        self.metadata = [("x-local-user", user)]
        service = contract().FindServiceByName("registry.v1.AdminService")
        for method in service.methods:
            setattr(self, method.name, functools.partial(self.call, method))

    def close(self):
        self.channel.close()

    def call(self, method, **fields):
        request = json_format.ParseDict(fields, message_class(method.input_type.full_name)())
        send = self.channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_class(method.output_type.full_name).FromString,
        )
        try:
            return send(request, timeout=TIMEOUT_S, metadata=self.metadata)
        except grpc.RpcError as error:
            raise AdminError(error) from None

    def raw(self, path, body, streams=False):
        """Sends bytes to any method; returns the bytes of the (first) response."""
        if streams:
            return next(self.channel.stream_stream(path)(iter([body]), timeout=TIMEOUT_S))
        try:
            return self.channel.unary_unary(path)(body, timeout=TIMEOUT_S, metadata=self.metadata)
        except grpc.RpcError as error:
            raise AdminError(error) from None
