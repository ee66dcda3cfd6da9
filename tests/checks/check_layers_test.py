"""Every row of the layer table catches what it forbids and lets pass what it allows."""

import subprocess
import tempfile
import pathlib
import sys
import unittest

import scripts_loader

check_layers = scripts_loader.load("check_layers")

OURS = {"common/log.h", "common/address.h", "config/model.h", "dataplane/api/ids.h",
        "dataplane/core/worker.h", "dataplane/io/engine.h", "vrrp/router.h",
        "healthcheck/target.h", "diagnostics/flow.h", "controlplane/plan/diff.h",
        "controlplane/kernel/mirror.h", "controlplane/server/server.h",
        "controlplane/server/protocol.h", "controlplane/metrics/page.h",
        "controlplane/sync/codec.h", "controlplane/daemon/daemon.h", "cli/table.h",
        "tests/support/sim_clock.h"}

FORBIDDEN = [
    ("common/a.cc", '"config/model.h"'),
    ("common/a.cc", "<nlohmann/json.hpp>"),
    ("config/a.cc", '"dataplane/api/ids.h"'),
    ("config/model.cc", "<libconfig.h++>"),
    ("vrrp/a.cc", '"healthcheck/target.h"'),
    ("vrrp/a.cc", "<sys/socket.h>"),
    ("healthcheck/a.cc", '"vrrp/router.h"'),
    ("dataplane/api/a.h", '"dataplane/core/worker.h"'),
    ("dataplane/core/a.cc", '"dataplane/io/engine.h"'),
    ("dataplane/core/a.cc", '"config/model.h"'),
    ("dataplane/core/codecs/a.cc", '"dataplane/core/worker.h"'),
    ("dataplane/core/schedulers/a.cc", '"dataplane/core/worker.h"'),
    ("dataplane/core/tables/a.cc", '"dataplane/core/worker.h"'),
    ("controlplane/sync/a.cc", '"config/model.h"'),
    ("dataplane/core/a.cc", '"common/log.h"'),
    ("dataplane/core/a.cc", "<rte_mbuf.h>"),
    ("dataplane/core/a.cc", "<mutex>"),
    ("dataplane/core/a.cc", "<fmt/format.h>"),
    ("dataplane/api/a.h", "<functional>"),
    ("dataplane/io/a.cc", '"config/model.h"'),
    ("dataplane/io/a.cc", '"controlplane/daemon/daemon.h"'),
    ("diagnostics/a.cc", '"dataplane/api/ids.h"'),
    ("controlplane/plan/a.cc", '"dataplane/core/worker.h"'),
    ("controlplane/plan/a.cc", "<asio.hpp>"),
    ("controlplane/edit/a.cc", '"controlplane/server/server.h"'),
    ("controlplane/kernel/a.cc", '"dataplane/io/engine.h"'),
    ("controlplane/server/a.cc", '"config/model.h"'),
    ("controlplane/server/a.cc", "<libmnl/libmnl.h>"),
    ("controlplane/metrics/a.cc", '"controlplane/server/server.h"'),
    ("controlplane/daemon/a.cc", "<rte_eal.h>"),
    ("controlplane/daemon/a.cc", '"cli/table.h"'),
    ("controlplane/daemon/a.cc", '"tests/support/sim_clock.h"'),
    ("cli/a.cc", '"controlplane/server/server.h"'),
    ("cli/a.cc", '"vrrp/router.h"'),
    ("cli/a.cc", "<asio/io_context.hpp>"),
    ("cli/a.cc", "<generic/rte_cycles.h>"),
    ("tests/unit/core/a.cc", "<rte_mbuf.h>"),
    ("config/a.cc", "<gtest/gtest.h>"),
    ("common/a.cc", '"log.h"'),
    ("common/a.cc", '"../config/model.h"'),
    ("common/a.cc", "<common/address.h>"),
    ("newfolder/a.cc", "<vector>"),
]

ALLOWED = [
    ("common/a.cc", '"common/log.h"'),
    ("common/a.cc", "<fmt/format.h>"),
    ("config/parse.cc", "<libconfig.h++>"),
    ("config/a.cc", '"common/address.h"'),
    ("healthcheck/probes/tcp.cc", "<sys/socket.h>"),
    ("dataplane/core/a.cc", '"dataplane/api/ids.h"'),
    ("dataplane/io/a.cc", '"dataplane/core/worker.h"'),
    ("dataplane/io/a.cc", "<rte_mbuf.h>"),
    ("tests/bench/a.cc", "<rte_hash.h>"),
    ("controlplane/kernel/a.cc", "<libmnl/libmnl.h>"),
    ("controlplane/server/a.cc", "<asio/io_context.hpp>"),
    ("controlplane/daemon/a.cc", '"dataplane/io/engine.h"'),
    ("controlplane/daemon/a.cc", '"controlplane/plan/diff.h"'),
    ("cli/a.cc", '"config/model.h"'),
    ("cli/a.cc", '"controlplane/server/protocol.h"'),
    ("tests/unit/core/a.cc", '"dataplane/core/worker.h"'),
    ("tests/unit/core/a.cc", "<gtest/gtest.h>"),
]


class CheckLayers(unittest.TestCase):
    def complaints(self, path, target):
        text = f"// A comment.\n#include {target}\n"
        return check_layers.complaints(path, text, OURS.__contains__)

    def test_forbidden(self):
        for path, target in FORBIDDEN:
            with self.subTest(path=path, target=target):
                found = self.complaints(path, target)
                self.assertEqual([number for number, _ in found], [2])

    def test_allowed(self):
        for path, target in ALLOWED:
            with self.subTest(path=path, target=target):
                self.assertEqual(self.complaints(path, target), [])

    def test_every_layer_is_tried(self):
        tried = {check_layers.layer_of(path) for path, _ in FORBIDDEN + ALLOWED}
        self.assertEqual(set(check_layers.LAYERS) - tried, set())

    def test_spelling_of_include(self):
        text = '  #  include   "config/model.h" // why\n'
        self.assertEqual(len(check_layers.complaints("common/a.h", text, OURS.__contains__)), 1)

    # Canary: the program itself must fail on a bad tree, and only there.
    def test_exit_code(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "common").mkdir()
            (root / "config").mkdir()
            (root / "config/model.h").write_text("")
            for text, code in (('#include "config/model.h"\n', 1), ("#include <vector>\n", 0)):
                (root / "common/a.cc").write_text(text)
                program = [sys.executable, scripts_loader.SCRIPTS / "check_layers"]
                run = subprocess.run([*program, "--root", root, "common/a.cc"],
                                     capture_output=True, text=True, check=False)
                self.assertEqual(run.returncode, code, run.stdout + run.stderr)
                self.assertEqual("common/a.cc:1: " in run.stdout, code == 1)


if __name__ == "__main__":
    unittest.main()
