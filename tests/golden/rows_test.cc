// Runs the packet path's table of rows: frames in, frames out to the byte, verdicts and drop
// counters, with 1, 2 and 4 workers and in bursts of 1 and 32. The last test holds the table to
// raising every drop reason that the core knows.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "tests/golden/golden_row.h"
#include "tests/support/frame_assertions.h"

namespace director::test::golden {
namespace {

using dataplane::DropReason;
using dataplane::kDropReasonCount;
using dataplane::Verdict;

[[nodiscard]] std::vector<Row> all_rows() {
    std::vector<Row> rows;
    for (std::vector<Row> part : {balanced_rows(), routed_rows(), hostile_rows()}) {
        std::move(part.begin(), part.end(), std::back_inserter(rows));
    }
    return rows;
}

void configure_default(WorkerFleet& fleet) {
    const auto service =
        fleet.put_service(nat_lab::kHttp, "rr", {{nat_lab::at(nat_lab::kServer108, 80)}});
    ASSERT_EQ(service, dataplane::ServiceId{0});
}

void expect_outcome(const Step& step, const Outcome& outcome, size_t number) {
    SCOPED_TRACE(fmt::format("step {}: {}", number, summary(step.in->bytes)));
    ASSERT_EQ(outcome.verdict, step.verdict)
        << (outcome.verdict == Verdict::kDrop ? to_string(outcome.drop_reason) : "");
    if (step.verdict == Verdict::kDrop) {
        EXPECT_EQ(to_string(outcome.drop_reason), to_string(step.reason));
    }
    if (step.out) {
        EXPECT_EQ(outcome.out_port, step.out_port);
        EXPECT_TRUE(same_frame(*step.out, outcome.bytes));
    }
    if (step.verdict == Verdict::kPuntForNeighbour) {
        EXPECT_EQ(outcome.out_interface, step.out_interface);
        EXPECT_EQ(outcome.next_hop, step.next_hop);
    }
}

struct Parameters {
    Row row;
    uint16_t workers;
    uint32_t burst;
};

class PacketPath : public ::testing::TestWithParam<Parameters> {};

TEST_P(PacketPath, Row) {
    const Row& row = GetParam().row;
    FleetSettings settings{.workers = GetParam().workers, .burst = GetParam().burst};
    settings.worker.connections_max = 64;
    if (row.settings) {
        row.settings(settings.worker);
    }
    WorkerFleet fleet(settings);
    nat_lab::configure(fleet);
    row.configure ? row.configure(fleet) : configure_default(fleet);

    // Steps run together in bursts as large as they get.
    std::array<uint64_t, kDropReasonCount> drops{};
    std::vector<FrameIn> waiting;
    std::vector<size_t> numbers;
    const auto send_waiting = [&] {
        const std::vector<Outcome> outcomes = fleet.send(waiting);
        for (size_t i = 0; i < outcomes.size(); ++i) {
            expect_outcome(row.steps[numbers[i]], outcomes[i], numbers[i]);
        }
        waiting.clear();
        numbers.clear();
    };
    for (size_t i = 0; i < row.steps.size(); ++i) {
        const Step& step = row.steps[i];
        if (step.in) {
            if (step.in->port == nat_lab::kInside && !waiting.empty() &&
                waiting.back().port == nat_lab::kOutside) {
                send_waiting();  // no answer is in the burst of what it answers
            }
            waiting.push_back(*step.in);
            numbers.push_back(i);
            drops[static_cast<size_t>(step.reason)] += step.verdict == Verdict::kDrop ? 1 : 0;
        } else {
            send_waiting();
            step.action(fleet);
        }
    }
    send_waiting();
    for (size_t reason = 0; reason < kDropReasonCount; ++reason) {
        EXPECT_EQ(fleet.dropped(static_cast<DropReason>(reason)), drops[reason])
            << to_string(static_cast<DropReason>(reason));
    }
    fleet.check_gauges();
}

[[nodiscard]] std::vector<Parameters> all_parameters() {
    std::vector<Parameters> parameters;
    for (const Row& row : all_rows()) {
        for (const uint16_t workers : {uint16_t{1}, uint16_t{2}, uint16_t{4}}) {
            for (const uint32_t burst : {1U, 32U}) {
                parameters.push_back({row, workers, burst});
            }
        }
    }
    return parameters;
}

INSTANTIATE_TEST_SUITE_P(
    Table, PacketPath, ::testing::ValuesIn(all_parameters()), [](const auto& tested) {
        return fmt::format(
            "{}_w{}_b{}", tested.param.row.name, tested.param.workers, tested.param.burst);
    });

TEST(PacketPathTable, RaisesEveryDropReasonOfTheCore) {
    std::set<DropReason> raised;
    for (const Row& row : all_rows()) {
        for (const Step& step : row.steps) {
            if (step.in && step.verdict == Verdict::kDrop) {
                raised.insert(step.reason);
            }
        }
    }
    // The I/O layer's: Worker::retract() has a test of its own.
    const std::set<DropReason> of_io{DropReason::kPuntRingFull,
                                     DropReason::kHandOverRingFull,
                                     DropReason::kTransmitFull,
                                     DropReason::kNotCut};
    // Scenarios tell these.
    const std::set<DropReason> of_scenarios{DropReason::kNoLocalPort,
                                            DropReason::kServerGone,
                                            DropReason::kUntranslatableIcmp,
                                            DropReason::kNoSourceAddress,
                                            DropReason::kFragment,
                                            DropReason::kFragmentOverlap,
                                            DropReason::kFragmentDuplicate,
                                            DropReason::kFragmentLate,
                                            DropReason::kFragmentTableFull,
                                            DropReason::kNotAllowed,
                                            DropReason::kServiceRate,
                                            DropReason::kServiceConnections,
                                            DropReason::kClientRate,
                                            DropReason::kClientConnections,
                                            DropReason::kInPieces,
                                            DropReason::kFtpTableFull,
                                            DropReason::kFtpHeld,
                                            DropReason::kSynCookieSent,
                                            DropReason::kSynCookieWrong,
                                            DropReason::kSynProxyWaiting,
                                            DropReason::kSynProxyMismatch,
                                            DropReason::kStrayHeld};
    for (size_t i = 0; i < kDropReasonCount; ++i) {
        const DropReason reason = static_cast<DropReason>(i);
        const bool is_elsewhere = of_io.contains(reason) || of_scenarios.contains(reason);
        EXPECT_NE(raised.contains(reason), is_elsewhere) << to_string(reason);
    }
}

}  // namespace
}  // namespace director::test::golden
