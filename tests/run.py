"""Runs the tests of one Python file, or one test of it:

    python3 tests/run.py tests/integration/test_uploads.py [Class.method]

The binary is build/simple-registry, or what the environment variable REGISTRY_TEST_BINARY names.
A test that cannot run here ends with exit status 77 and a line "SKIPPED test: reason".
"""

import pathlib
import sys
import unittest

EXIT_SKIPPED = 77


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    tests = pathlib.Path(__file__).resolve().parent
    sys.path[:0] = [str(path.parent), str(tests / "integration")]
    names = [f"{path.stem}.{name}" for name in sys.argv[2:]] or [path.stem]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    for test, reason in result.skipped:
        name = test.id().rpartition(".")[2].removeprefix("test_")
        print(f"SKIPPED {path.parent.name}.{path.stem.removeprefix('test_')}.{name}: {reason}")
    if not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    if result.skipped and len(result.skipped) == result.testsRun:
        sys.exit(EXIT_SKIPPED)


main()
