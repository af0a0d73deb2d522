"""Finds the test methods in Python files and writes a CMake file that registers each with ctest.

The files are parsed, not imported. A test is named FOLDER.FILE.METHOD without the "test_" prefixes:
integration.uploads.post_then_put_stores_the_blob. A class may set properties of its ctest entries:

    class Memory(RegistryTestCase):
        ctest = {"RUN_SERIAL": True, "TIMEOUT": 300}

Tests of the folder integration run on SQLite. Those of MAIN_FILES run on PostgreSQL too, and with the
label "all" the others: integration.postgres.FILE.METHOD. A class with `engines = ("sqlite",)` does not.

A class with `long = {"VARIABLE": "value"}` has its tests once more with these variables, under the label
"all": integration.long.FILE.METHOD.

A base class that is written MODULE.CLASS, and is in the same folder, brings its test methods:

    class SkopeoAccess(client_access.Scenarios, SkopeoCase):

A method that the class defines itself replaces the one of the base.
"""

import argparse
import ast
import pathlib
import sys

DEFAULT_TIMEOUT_S = 120
# Push, pull and access: these run on every engine, even without ./dev test -all.
MAIN_FILES = {"test_access.py", "test_blobs.py", "test_manifests.py", "test_uploads.py"}
# Instrumented code is slower.
SANITIZER_TIMEOUT_FACTOR = 3


def classes_in(path):
    return [node for node in ast.parse(path.read_text(), str(path)).body if isinstance(node, ast.ClassDef)]


def test_methods(node):
    methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
    return [name for name in methods if name.startswith("test_")]


def brought_by_bases(node, folder):
    for base in node.bases:
        if isinstance(base, ast.Attribute) and (module := folder / f"{base.value.id}.py").exists():
            for brought in classes_in(module):
                if brought.name == base.attr:
                    yield from test_methods(brought)


def tests_in(path):
    """Yields (class name, method name, variant, environment, ctest properties)."""
    for node in classes_in(path):
        values = {"ctest": {}, "engines": ("sqlite", "postgres"), "long": {}}
        for item in node.body:
            if isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") in values:
                values[item.targets[0].id] = ast.literal_eval(item.value)
        engines = values["engines"] if path.parent.name == "integration" else ("sqlite",)
        variants = {"": {}} if "sqlite" in engines else {}
        if "postgres" in engines:
            variants["postgres"] = {"REGISTRY_TEST_ENGINE": "postgres"}
        if values["long"]:
            variants["long"] = values["long"]
        for variant, environment in variants.items():
            for method in dict.fromkeys((*test_methods(node), *brought_by_bases(node, path.parent))):
                yield node.name, method, variant, environment, values["ctest"]


def quote(value):
    text = {True: "ON", False: "OFF"}.get(value, str(value)) if isinstance(value, bool) else value
    return f"[==[{text}]==]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", required=True)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--sanitizer", default="")
    parser.add_argument("--postgres", required=True, help="the folder of the server")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    options = parser.parse_args()

    runner = pathlib.Path(__file__).with_name("run.py")
    lines = []
    names = set()
    for path in options.files:
        for class_name, method, variant, variables, properties in tests_in(path):
            folder = f"{path.parent.name}.{variant}" if variant else path.parent.name
            name = f"{folder}.{path.stem.removeprefix('test_')}.{method.removeprefix('test_')}"
            if name in names:
                sys.exit(f"{path}: two tests are named {name}")
            names.add(name)
            command = [options.python, runner, path, f"{class_name}.{method}"]
            lines.append(f"add_test(NAME {name} COMMAND {' '.join(map(quote, command))})")
            properties = {"TIMEOUT": DEFAULT_TIMEOUT_S, "SKIP_RETURN_CODE": 77, **properties}
            if variant == "postgres":
                properties["FIXTURES_REQUIRED"] = "postgres"
            if variant == "long" or (variant == "postgres" and path.name not in MAIN_FILES):
                properties["LABELS"] = "all"
            if options.sanitizer:
                properties["TIMEOUT"] *= SANITIZER_TIMEOUT_FACTOR
            environment = {
                "REGISTRY_TEST_BINARY": options.binary,
                "REGISTRY_TEST_SANITIZER": options.sanitizer,
                "REGISTRY_TEST_POSTGRES_FOLDER": options.postgres,
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            }
            properties["ENVIRONMENT"] = ";".join(f"{k}={v}" for k, v in environment.items())
            settings = " ".join(f"{key} {quote(value)}" for key, value in properties.items())
            lines.append(f"set_tests_properties({name} PROPERTIES {settings})")
    options.output.write_text("\n".join(lines) + "\n")


main()
