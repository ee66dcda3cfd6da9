"""Every ban catches what it is for, names a replacement, and leaves innocent lines alone."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import scripts_loader

check_banned = scripts_loader.load("check_banned")

# (place, line, part of the complaint)
BANNED = [
    ("vrrp/a.cc", "auto t = std::chrono::steady_clock::now();", "common/time.h"),
    ("vrrp/a.cc", "auto t = std::chrono::system_clock :: now();", "common/time.h"),
    ("tests/unit/a.cc", "auto t = high_resolution_clock::now();", "common/time.h"),
    ("vrrp/a.cc", "clock_gettime(CLOCK_MONOTONIC, &t);", "common/time.h"),
    ("vrrp/a.cc", "gettimeofday(&t, nullptr);", "common/time.h"),
    ("vrrp/a.cc", "srand(time(nullptr));", "common/time.h"),
    ("vrrp/a.cc", "const auto t = std::time(&now);", "common/time.h"),
    ("tests/lab/a.cc", "std::this_thread::sleep_for(1s);", "deadline"),
    ("vrrp/a.cc", "usleep(5);", "deadline"),
    ("vrrp/a.cc", "nanosleep(&t, nullptr);", "deadline"),
    ("vrrp/a.cc", "sleep(1);", "deadline"),
    ("vrrp/a.cc", "int x = rand() % 5;", "common/random.h"),
    ("vrrp/a.cc", "std::random_device device;", "common/random.h"),
    ("vrrp/a.cc", "std::mt19937_64 engine;", "common/random.h"),
    ("config/a.cc", "auto* p = new Thing(5);", "make_unique"),
    ("config/a.cc", "auto* p = new int[5];", "make_unique"),
    ("config/a.cc", "std::unique_ptr<A> a(new A); keep(new B);", "make_unique"),
    ("config/a.cc", "auto* p = new (std::nothrow) Thing;", "make_unique"),
    ("config/a.cc", "delete p;", "unique_ptr"),
    ("config/a.cc", "delete[] p;", "unique_ptr"),
    ("config/a.cc", "void* p = malloc(5);", "make_unique"),
    ("config/a.cc", "std::free(p);", "make_unique"),
    ("config/a.cc", "std::cout << 5;", "common/log.h"),
    ("config/a.cc", "std::cerr << 5;", "common/log.h"),
    ("config/a.cc", 'std::fprintf(stderr, "x");', "common/log.h"),
    ("config/a.cc", 'printf("x");', "common/log.h"),
    ("tests/unit/a.cc", 'fmt::print("x");', "common/log.h"),
    ("config/a.cc", "assert(x == 5);", "DIRECTOR_ASSERT"),
    ("config/a.cc", "#include <cassert>", "DIRECTOR_ASSERT"),
    ("config/a.cc", "#include <ranges>", "range algorithms"),
    ("config/a.cc", "for (int i : std::views::iota(0, 5)) {}", "range algorithms"),
    ("config/a.cc", "using namespace std;", "std::"),
    ("config/a.cc", "goto out;", "RAII"),
    ("config/a.h", "#ifndef CONFIG_A_H_", "pragma once"),
    ("dataplane/core/a.cc", "virtual void f();", "packet path"),
    ("dataplane/core/a.cc", "std::shared_ptr<int> p;", "packet path"),
    ("dataplane/core/a.cc", "double rate = 0;", "packet path"),
    ("dataplane/core/a.cc", "std::unordered_map<int, int> m;", "packet path"),
    ("config/a.cc", "int x;  // FIXME", "TODO(#number)"),
    ("config/a.cc", "int x;  // XXX: odd", "TODO(#number)"),
    ("config/a.cc", "// TODO: later", "TODO(#number)"),
    ("config/a.cc", "// TODO(somebody): later", "TODO(#number)"),
    ("config/a.cc", "/* old style */", "// comments"),
    ("config/a.cc", "int x; /* old */", "// comments"),
    ("scripts/demo", "# TODO mend", "TODO(#number)"),
    ("scripts/demo", "cp /work/main/x .", "project's root"),
    ("docs/a.md", "see ../shared/a.md", "project's root"),
    ("docs/a.md", "built in /home/somebody/director", "project's root"),
    ("config/a.cc", 'const char* const kPath = "/tmp/wt/a";', "project's root"),
    ("scripts/demo", "pkill directord", "pid"),
    ("tests/lab/a.sh", "killall nginx", "pid"),
]

INNOCENT = [
    ("common/clock.cc", "return std::chrono::steady_clock::now();"),
    ("tests/bench/a.cc", "auto t = std::chrono::steady_clock::now();"),
    ("dataplane/io/lcore_loop.cc", "nanosleep(&pause, nullptr);"),
    ("common/random.cc", "getrandom(&value, sizeof value, 0);"),
    ("vrrp/a.cc", "// steady_clock::now() would be wrong here, and so would new Thing"),
    ("vrrp/a.cc", 'const char* const kText = "sleep(1); new Thing; /* no comment */ // none";'),
    ("vrrp/a.cc", 'auto text = R"(delete p; /* " */)";'),
    ("vrrp/a.cc", "[[nodiscard]] TimePoint time() const;"),
    ("vrrp/a.cc", "strand(io);"),
    ("vrrp/a.cc", "operand();"),
    ("vrrp/a.cc", "TimePoint new_deadline = renew(deadline);"),
    ("vrrp/a.cc", "A(const A&) = delete;"),
    ("vrrp/a.cc", "new (memory) Thing(5);"),
    ("vrrp/a.cc", "return std::unique_ptr<Server>(new Server(listener));"),
    ("vrrp/a.cc", "std::unique_ptr<Tap> tap(new Tap(io, name));"),
    ("vrrp/a.cc", "using namespace std::chrono_literals;"),
    ("vrrp/a.cc", "void operator delete(void* p);"),
    ("vrrp/a.cc", "pool.free(x); pool->free(x);"),
    ("vrrp/a.cc", "std::snprintf(text, 5, format);"),
    ("vrrp/a.cc", "DIRECTOR_ASSERT(x); static_assert(sizeof(int) == 4);"),
    ("vrrp/a.cc", "constexpr int kMillion = 1'000'000;  // it's fine"),
    ("vrrp/a.cc", "const char quote = '\"'; int x = 0;"),
    ("vrrp/a.cc", "int f(int /*unused*/);"),
    ("vrrp/a.cc", "// TODO(#17): IPv6"),
    ("cli/main.cc", "std::cout << text;"),
    ("controlplane/daemon/main.cc", "std::cerr << text;"),
    ("config/a.cc", "double weight = 0.5;"),
    ("docs/a.md", "make https://example.org/work/order and network/work/x"),
    ("tests/checks/a.py", "pkill"),
]


class CheckBanned(unittest.TestCase):
    def complaints(self, path, line):
        start = "#pragma once\n" if path.endswith(".h") else "\n"
        return check_banned.complaints(path, start + line + "\n")

    def test_banned(self):
        for path, line, replacement in BANNED:
            with self.subTest(path=path, line=line):
                found = [text for number, text in self.complaints(path, line) if number == 2]
                self.assertTrue(any(replacement in text for text in found), found)

    def test_innocent(self):
        for path, line in INNOCENT:
            with self.subTest(path=path, line=line):
                self.assertEqual(self.complaints(path, line), [])

    def test_every_ban_is_tried(self):
        lines = [line for _, line, _ in BANNED]
        for ban in check_banned.CODE + check_banned.COMMENTS + check_banned.TEXT:
            hit = any(check_banned.re.search(ban.pattern, line) for line in lines)
            self.assertTrue(hit, ban.pattern)
            self.assertGreater(len(ban.instead), 10)

    def test_header_without_pragma_once(self):
        self.assertEqual(len(check_banned.complaints("common/a.h", "int x();\n")), 1)
        self.assertEqual(check_banned.complaints("common/a.h", "#pragma once\n"), [])

    def test_file_length(self):
        full = "int x;\n" * 600
        self.assertEqual(check_banned.complaints("common/a.cc", full), [])
        self.assertEqual(len(check_banned.complaints("common/a.cc", full + "int y;\n")), 1)
        excused = "// Longer than 600 lines: one table, generated.\n" + full
        self.assertEqual(check_banned.complaints("common/a.cc", excused), [])

    def test_name_of_the_machine(self):
        with mock.patch.object(check_banned.socket, "gethostname", lambda: "buildbox7.lan"):
            self.assertEqual(len(check_banned.complaints("docs/a.md", "measured on buildbox7\n")),
                             1)
        with mock.patch.object(check_banned.socket, "gethostname", lambda: "client"):
            self.assertEqual(check_banned.complaints("docs/a.md", "the client\n"), [])

    # A comment over several lines: the line numbers behind it stay right.
    def test_lines_are_counted_over_comments(self):
        text = "/* a\n b */ int x;\ndelete p;\n"
        self.assertEqual([number for number, _ in check_banned.complaints("common/a.cc", text)],
                         [1, 3])

    # Canary: the program itself must fail on a bad file, and only there.
    def test_exit_code(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for line, code in (("delete p;\n", 1), ("int x = 0;\n", 0)):
                (root / "a.cc").write_text(line)
                program = [sys.executable, scripts_loader.SCRIPTS / "check_banned"]
                run = subprocess.run([*program, "--root", root, "a.cc"], capture_output=True,
                                     text=True, check=False)
                self.assertEqual(run.returncode, code, run.stdout + run.stderr)
                self.assertEqual("a.cc:1: " in run.stdout, code == 1)


if __name__ == "__main__":
    unittest.main()
