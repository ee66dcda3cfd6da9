"""scripts/check fails where it should: a copy of its scripts runs over small projects with one
mistake each. Those that need clang and a configured build are tried on a project of three files."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import scripts_loader

PROJECT = scripts_loader.SCRIPTS.parent

MESON = """project('tiny', 'cpp', default_options: ['cpp_std=c++20', 'warning_level=3'])
static_library('tiny', 'common/a.cc', include_directories: include_directories('.'))
"""
HEADER = """#pragma once

namespace director {

[[nodiscard]] int half(int value);

}  // namespace director
"""
SOURCE = """#include "common/a.h"

namespace director {

int half(int value) {
    return value / 2;
}

}  // namespace director
"""


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="director-check-")
        cls.root = pathlib.Path(cls.folder.name)
        (cls.root / "common").mkdir()
        (cls.root / "scripts").mkdir()
        for name in ("check", "check_layers", "check_banned", "source_files.py"):
            shutil.copy(scripts_loader.SCRIPTS / name, cls.root / "scripts" / name)
        for name in (".clang-format", ".clang-tidy"):
            shutil.copy(PROJECT / name, cls.root / name)
        (cls.root / "meson.build").write_text(MESON)
        (cls.root / "meson_options.txt").write_text("option('fuzzers', type: 'boolean')\n")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        for old in (self.root / "common").iterdir():
            old.unlink()
        self.write("common/a.h", HEADER)
        self.write("common/a.cc", SOURCE)

    def write(self, name, text):
        (self.root / name).write_text(text)

    def check(self, *arguments):
        """Exit code, and the names of the checks that failed."""
        result = subprocess.run([sys.executable, self.root / "scripts/check", *arguments],
                                cwd=self.root, capture_output=True, text=True, check=False,
                                env={**os.environ, "GIT_DIR": "/nonexistent"})
        failed = [line[5:].split(" (")[0] for line in result.stdout.splitlines()
                  if line.startswith("FAIL ")]
        return result.returncode, failed, result.stdout + result.stderr

    def expect(self, *failed):
        code, found, output = self.check("--all")
        self.assertEqual((code, found), (1 if failed else 0, list(failed)), output)
        return output

    def test_good_project(self):
        (self.root / "tests").mkdir(exist_ok=True)
        (self.root / "tests/binary").write_bytes(bytes(range(256)))
        self.expect()

    def test_layout(self):
        self.write("common/a.cc", SOURCE.replace("value / 2", "value/2"))
        self.assertIn("common/a.cc:6", self.expect("layout"))

    def test_layers(self):
        self.write("common/a.h", HEADER.replace("once\n", "once\n\n#include <gtest/gtest.h>\n"))
        self.assertIn("layers", self.check("--all", "--no-tidy")[1])

    def test_bans(self):
        self.write("common/a.h", HEADER + "// FIXME\n")
        self.assertIn("common/a.h:8", self.expect("bans"))

    def test_broken_script(self):
        self.write("scripts/broken", "#!/bin/bash\nif true; then\n")
        try:
            self.expect("scripts")
        finally:
            (self.root / "scripts/broken").unlink()

    def test_source_outside_the_build(self):
        self.write("common/b.cc", SOURCE)
        self.assertIn("common/b.cc", self.expect("every source is built"))

    def test_header_that_needs_another(self):
        self.write("common/b.h", "#pragma once\n\nstd::string name();\n")
        self.assertIn("common/b.h", self.expect("headers stand alone"))

    def test_static_analysis(self):
        self.write("common/a.cc", SOURCE.replace("return", "int Half;\n    return"))
        output = self.expect("static analysis")
        self.assertIn("common/a.cc:6", output)
        self.assertIn("readability-identifier-naming", output)

    # A header's mistake is found through the source that includes it, and not forgotten by what
    # an earlier run remembered of that source.
    def test_static_analysis_of_headers(self):
        self.expect()
        self.write("common/a.h", HEADER.replace("int half(int value);", "int half(int value);\nint Badly_Named();"))
        code, failed, output = self.check("common/a.h")
        self.assertEqual((code, failed), (1, ["static analysis"]), output)

    def test_unknown_file(self):
        self.assertEqual(self.check("common/none.cc")[0], 2)


if __name__ == "__main__":
    unittest.main()
