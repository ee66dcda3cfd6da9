#include "tests/unit/daemon/fake_engine.h"

#include "common/assert.h"
#include "tests/support/frame_burst.h"
#include "tests/support/nat_lab.h"

namespace director::test {

using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper

namespace {

constexpr int kCommandsPerPoll = 8;  // as LcoreLoop has it
constexpr uint32_t kMirrorSlots = 65536;

}  // namespace

FakeEngine::FakeEngine(const FakeEngineSettings& settings)
    : ring_entries_(settings.ring_entries),
      templates_(64, HashKey{}, plain_table_memory()),
      limits_(settings.services_max, 64, HashKey{}, plain_table_memory()),
      loads_(settings.real_servers_max, settings.workers, plain_table_memory()) {
    for (uint16_t i = 0; i < settings.workers; ++i) {
        WorkerSettings own;
        own.id = WorkerId{i};
        own.worker_count = settings.workers;
        own.connections_max = settings.connections_max;
        own.services_max = settings.services_max;
        own.real_servers_max = settings.real_servers_max;
        own.templates = &templates_;
        own.limits = &limits_;
        own.loads = settings.workers > 1 ? &loads_ : nullptr;
        auto mirror = std::make_unique<MirrorRing>(kMirrorSlots);
        own.mirror = mirror->sink();
        workers_.push_back({std::move(mirror), std::make_unique<Worker>(own), {}, {}});
        Command command(CommandKind::kPutInterface);
        command.put_interface = {nat_lab::kOutsideInterface,
                                 {.port = nat_lab::kOutside,
                                  .mtu_bytes = 1500,
                                  .is_up = true,
                                  .mac = nat_lab::kDirectorMac}};
        workers_.back().worker->apply(command, clock.now());
    }
}

FakeEngine::~FakeEngine() = default;

bool FakeEngine::send(WorkerId worker, const Command& command) {
    auto& ring = workers_.at(index(worker)).commands;
    if (is_ring_stuck || ring.size() >= ring_entries_) {
        return false;
    }
    ring.push_back(command);
    return true;
}

std::optional<Event> FakeEngine::next_event(WorkerId worker) {
    auto& ring = workers_.at(index(worker)).events;
    if (ring.empty()) {
        return std::nullopt;
    }
    const Event event = ring.front();
    ring.pop_front();
    return event;
}

uint32_t FakeEngine::read_mirror(WorkerId worker,
                                 const std::function<void(const io::MirroredPacket&)>& receive) {
    const auto records = workers_.at(index(worker)).mirror->take();
    for (const MirrorRing::Record& record : records) {
        receive({record.head, record.in, record.out});
    }
    return static_cast<uint32_t>(records.size());
}

const MirrorCounters& FakeEngine::mirror_counters(WorkerId worker) const {
    return workers_.at(index(worker)).mirror->counters();
}

void FakeEngine::collect_events(Member& member) {
    for (const Event& event : member.worker->events()) {
        member.events.push_back(event);
    }
    member.worker->clear_events();
}

void FakeEngine::poll(uint16_t worker) {
    Member& member = workers_.at(worker);
    for (int i = 0; i < kCommandsPerPoll && !member.commands.empty() && member.worker->can_apply();
         ++i) {
        member.worker->apply(member.commands.front(), clock.now());
        if (worker == 0) {
            sequences.push_back(member.commands.front().sequence);
        }
        member.commands.pop_front();
    }
    Burst nothing;
    nothing.count = 0;
    member.worker->process(nothing, clock.now());
    collect_events(member);
}

void FakeEngine::poll_all() {
    for (uint16_t i = 0; i < worker_count(); ++i) {
        poll(i);
    }
}

Packet FakeEngine::receive(const Frame& frame) {
    uint16_t owner = 0;
    for (int hop = 0; hop < 2; ++hop) {
        FrameBurst burst;
        burst.add(frame, nat_lab::kOutside).is_handed_over = hop > 0;
        Member& member = workers_.at(owner);
        member.worker->process(burst.burst(), clock.now());
        collect_events(member);
        const Packet packet = burst.packet(0);
        if (packet.verdict != Verdict::kHandOver) {
            return packet;
        }
        owner = index(packet.owner);
    }
    DIRECTOR_ASSERT(false);
    return {};
}

}  // namespace director::test
