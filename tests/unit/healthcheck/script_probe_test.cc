// Scripts and notify commands as real processes: exit codes, weights, timeouts that reach the whole
// process group, order.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "healthcheck/probes/command_runner.h"
#include "tests/unit/healthcheck/probe_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::seconds;

Command shell(const std::string& text) {
    Command command;
    command.arguments = {"/bin/sh", "-c", text};
    return command;
}

CheckSettings script(const std::string& text, ScriptWeight weight = ScriptWeight::kNone) {
    ScriptCheck check;
    check.command = shell(text);
    check.weight = weight;
    return check_of(Endpoint(), check);
}

TEST(ScriptProbe, ExitCodeDecides) {
    ProbeLab lab;
    EXPECT_EQ(lab.probe(script("exit 0")).outcome, Outcome::kPassed);
    const ProbeResult failed = lab.probe(script("exit 3"));
    EXPECT_EQ(failed.outcome, Outcome::kFailed);
    EXPECT_EQ(failed.text, "exit code 3");
    EXPECT_EQ(lab.probe(script("kill -9 $$")).text, "signal 9");
    ScriptCheck missing;
    missing.command.arguments = {"/no/such/script"};
    EXPECT_EQ(lab.probe(check_of(Endpoint(), missing)).text,
              "/no/such/script: No such file or directory");
}

TEST(ScriptProbe, WeightsAreAbsolute) {
    ProbeLab lab;
    const auto by_code = [&lab](int code) {
        return lab.probe(script("exit " + std::to_string(code), ScriptWeight::kExitCode));
    };
    EXPECT_EQ(by_code(0).weight, std::nullopt);
    EXPECT_EQ(by_code(1).outcome, Outcome::kFailed);
    EXPECT_EQ(by_code(2).weight, 0U);
    EXPECT_EQ(by_code(255).weight, 253U);
    EXPECT_EQ(by_code(12).outcome, Outcome::kPassed);
    const auto by_text = [&lab](const std::string& text) {
        return lab.probe(script(text, ScriptWeight::kPrinted));
    };
    EXPECT_EQ(by_text("echo ' 1000 '; echo more").weight, 1000U);
    EXPECT_EQ(by_text("echo 2147483648").outcome, Outcome::kFailed);
    EXPECT_EQ(by_text("echo fast").text, "printed \"fast\" instead of a weight");
    EXPECT_EQ(by_text("echo 5; exit 1").outcome, Outcome::kFailed);
    // More than a pipe holds, and a script that closes its output before it ends.
    EXPECT_EQ(by_text("echo 7; head -c 300000 /dev/zero; exec >&-; exit 0").weight, 7U);
}

TEST(ScriptProbe, HasNothingOfOurs) {
    ProbeLab lab;
    const ProbeResult result =
        lab.probe(script("ls /proc/self/fd | wc -l", ScriptWeight::kPrinted));
    EXPECT_EQ(result.weight, 4U) << "0, 1, 2 and ls's own";
}

// A FIFO that tells who still lives: it hangs up when the last process that has it open is gone.
class Witness {
  public:
    Witness() {
        EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
        fd_ = OwnedFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }
    ~Witness() { std::filesystem::remove_all(folder_); }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    [[nodiscard]] std::string path() const { return path_; }
    // Waits until a process has written to it.
    [[nodiscard]] bool sees_life() const {
        std::array<char, 16> bytes{};
        return wait_for_any({fd_.get()}) && ::read(fd_.get(), bytes.data(), bytes.size()) > 0;
    }
    [[nodiscard]] bool sees_end() const {
        std::array<char, 16> bytes{};
        return wait_for_any({fd_.get()}) && ::read(fd_.get(), bytes.data(), bytes.size()) == 0;
    }

  private:
    static std::string make_folder() {
        std::string folder = std::filesystem::temp_directory_path() / "director-witness-XXXXXX";
        EXPECT_NE(::mkdtemp(folder.data()), nullptr);
        return folder;
    }
    std::string folder_ = make_folder();
    std::string path_ = folder_ + "/fifo";
    OwnedFd fd_;
};

TEST(ScriptProbe, TimeoutEndsTheWholeGroup) {
    Witness witness;
    ProbeLab lab;
    lab.start(script("exec 3>" + witness.path() + "; sleep 1000 & echo x >&3; wait"));
    ASSERT_TRUE(witness.sees_life());
    lab.jump(seconds(1));
    EXPECT_EQ(lab.result()->text, "no answer within 1000 ms");
    // The shell's end is what makes us kill its child for good.
    ASSERT_TRUE(lab.run_until([&] { return witness.sees_end(); }));
}

TEST(ScriptProbe, DeafGroupIsKilled) {
    Witness witness;
    ProbeLab lab;
    lab.start(script("trap '' TERM; exec 3>" + witness.path() +
                     "; echo x >&3; while :; do sleep 1000; done"));
    ASSERT_TRUE(witness.sees_life());
    lab.jump(seconds(1));
    ASSERT_TRUE(lab.result());
    EXPECT_EQ(lab.prober->undertaker().waiting(), 1U);
    lab.jump(seconds(2));
    EXPECT_TRUE(witness.sees_end());
}

TEST(ScriptProbe, CancellingEndsIt) {
    Witness witness;
    ProbeLab lab;
    lab.start(script("exec 3>" + witness.path() + "; echo x >&3; exec sleep 1000"));
    ASSERT_TRUE(witness.sees_life());
    lab.cancel();
    EXPECT_TRUE(witness.sees_end());
}

// --- notify commands ---

class Commands : public testing::Test {
  protected:
    RunCommand of(std::string service, const std::string& text) {
        RunCommand run;
        run.service = std::move(service);
        run.command = shell(text);
        return run;
    }
    bool run_all() {
        return lab_.run_until([this] { return commands_.pending() == 0; });
    }
    std::vector<std::string> complaints() {
        std::vector<std::string> texts;
        for (const Event& event : commands_.take_events()) {
            texts.push_back(event.service + ": " + event.text);
        }
        return texts;
    }

    ProbeLab lab_;
    CommandRunner commands_{lab_.poller, lab_.prober->undertaker()};
};

TEST_F(Commands, OfOneServiceRunInOrder) {
    const std::string folder = testing::TempDir();
    const std::string file = folder + "director-commands-" + std::to_string(::getpid());
    for (int i = 0; i < 5; ++i) {
        commands_.run(of("vs", "echo " + std::to_string(i) + " >> " + file), lab_.clock.now());
    }
    EXPECT_EQ(commands_.pending(), 5U);
    ASSERT_TRUE(run_all());
    std::ifstream stream(file);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    EXPECT_EQ(text, "0\n1\n2\n3\n4\n");
    std::filesystem::remove(file);
    EXPECT_THAT(complaints(), testing::IsEmpty());
}

TEST_F(Commands, FailuresAndTimeoutsAreTold) {
    commands_.run(of("vs", "exit 4"), lab_.clock.now());
    commands_.run(of("other", "sleep 1000"), lab_.clock.now());
    commands_.run(of("other", "exit 0"), lab_.clock.now());
    ASSERT_TRUE(lab_.run_until([this] { return commands_.pending() == 2; }));
    EXPECT_THAT(complaints(), testing::ElementsAre("vs: /bin/sh: exit code 4"));
    lab_.jump(seconds(60));
    EXPECT_THAT(complaints(), testing::ElementsAre("other: /bin/sh is ended: it ran too long"));
    ASSERT_TRUE(run_all());
}

}  // namespace
}  // namespace director::healthcheck::test
