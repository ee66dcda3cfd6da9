// Writes the frame fuzzer's first inputs into a folder: sessions that do something sensible, from
// which the fuzzer departs. See corpus/how-made.md.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/assert.h"
#include "tests/fuzz/frame_fuzz_input.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap_file.h"

namespace director::test {
namespace {

constexpr uint8_t kClient = 0x20;

class Story {
  public:
    explicit Story(uint8_t shape) { add(shape); }

    Story& talk(FuzzTalk what, uint8_t flags, uint8_t faults = 0, uint8_t who = kClient) {
        add(static_cast<uint8_t>(FuzzStep::kTalk));
        add(who);
        add(static_cast<uint8_t>(what));
        add(flags);
        add(faults);
        return *this;
    }
    Story& process() { return step(FuzzStep::kProcess, {}); }
    Story& advance(uint8_t amount) { return step(FuzzStep::kAdvance, {amount}); }
    Story& step(FuzzStep step, std::initializer_list<uint8_t> bytes) {
        add(static_cast<uint8_t>(step));
        for (const uint8_t byte : bytes) {
            add(byte);
        }
        return *this;
    }
    Story& frame(FuzzStep step, uint8_t port, const Frame& frame) {
        DIRECTOR_ASSERT(frame.size() <= 255);
        add(static_cast<uint8_t>(step));
        add(port);
        add(static_cast<uint8_t>(frame.size()));
        bytes_.insert(bytes_.end(), frame.begin(), frame.end());
        return *this;
    }
    void write(const std::filesystem::path& folder, const std::string& name) const {
        std::ofstream file(folder / name, std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes_.data()),
                   static_cast<std::streamsize>(bytes_.size()));
        DIRECTOR_ASSERT(file.good());
    }

  private:
    void add(uint8_t byte) { bytes_.push_back(byte); }

    std::vector<uint8_t> bytes_;
};

Story whole_connection(uint8_t shape, uint8_t faults) {
    Story story(shape);
    story.talk(FuzzTalk::kClientToService, kTcpSyn, faults).process();
    story.talk(FuzzTalk::kServerToClient, kTcpSyn | kTcpAck, faults).process();
    story.talk(FuzzTalk::kClientToService, kTcpAck, faults);
    story.talk(FuzzTalk::kClientToService, kTcpAck | kTcpPsh, faults).process();
    story.talk(FuzzTalk::kServerToClient, kTcpAck, faults).process().advance(30);
    story.talk(FuzzTalk::kClientToService, kTcpFin | kTcpAck, faults).process();
    story.talk(FuzzTalk::kServerToClient, kTcpFin | kTcpAck, faults).process();
    story.talk(FuzzTalk::kClientToService, kTcpAck, faults).process().advance(255);
    return story;
}

// Every command while connections are open.
Story all_commands() {
    Story story(0);
    for (uint8_t kind = 0; kind < 64; ++kind) {
        story.talk(FuzzTalk::kClientToService, kTcpSyn, 0, static_cast<uint8_t>(kind * 16));
        story.step(FuzzStep::kCommand, {kind, kind, static_cast<uint8_t>(kind * 3)}).process();
    }
    return story;
}

Story full_table(uint8_t shape) {
    Story story(shape);
    for (uint8_t who = 0; who < 40; ++who) {
        story.talk(FuzzTalk::kClientToService, kTcpSyn, 0, static_cast<uint8_t>(who * 5));
    }
    story.process().step(FuzzStep::kReport, {2}).step(FuzzStep::kReport, {7}).process();
    return story;
}

// A frame cut at every byte of its headers.
Story truncated() {
    Story story(0);
    for (size_t length = 0; length < 58; ++length) {
        story.frame(FuzzStep::kRawFrame,
                    0,
                    PacketBuilder()
                        .eth(kDefaultSourceMac, mac("02:00:00:00:01:00"))
                        .vlan(7)
                        .ipv4("170.210.122.1", "170.210.122.104")
                        .tcp(1, 80)
                        .tcp_flags(kTcpSyn)
                        .truncate_to(length)
                        .build());
    }
    return story;
}

Story other_protocols() {
    Story story(8);
    const auto base = PacketBuilder()
                          .eth(kDefaultSourceMac, mac("02:00:00:00:01:00"))
                          .ipv4("170.210.122.1", "192.168.0.107");
    const MacAddress asker = kDefaultSourceMac;
    for (const Frame& frame :
         {PacketBuilder(base).icmp_echo(1, 2).payload_size(20).build(),
          PacketBuilder(base).udp(53, 53).no_udp_checksum().payload_size(9).build(),
          PacketBuilder(base).udp(53, 53).udp_length(7).build(),
          PacketBuilder(base).tcp(9, 9).tcp_header_words(4).build(),
          PacketBuilder(base).tcp(9, 9).more_fragments().build(),
          PacketBuilder(base).ip_protocol(47).payload_size(30).build(),
          PacketBuilder(base).ip_version(6).build(),
          PacketBuilder(base).ip_header_words(15).build(),
          PacketBuilder().arp_request(asker, ip("170.210.122.1"), ip("170.210.122.104")).build()}) {
        story.frame(FuzzStep::kRawFrame, 0, frame).frame(FuzzStep::kMendedFrame, 0, frame);
    }
    return story;
}

Story report_frames() {
    Story story(4);
    const auto client_side = read_pcap_file(test_data("pcaps/lvs-nat-client-side.pcap"));
    DIRECTOR_ASSERT(client_side.has_value());
    for (const CapturedFrame& frame : *client_side) {
        if (frame.bytes.size() <= 255) {
            story.frame(FuzzStep::kMendedFrame, 0, frame.bytes).process();
        }
    }
    return story;
}

}  // namespace
}  // namespace director::test

int main(int count, char** arguments) {
    using namespace director::test;
    DIRECTOR_ASSERT(count == 2);
    const std::filesystem::path folder = arguments[1];
    std::filesystem::create_directories(folder);
    whole_connection(0, 0).write(folder, "tcp");
    whole_connection(4, 0).write(folder, "tcp-ttl-kept");
    whole_connection(1, kFuzzHandedOver).write(folder, "tcp-handed-over");
    whole_connection(1, 0).write(folder, "tcp-two-workers");
    whole_connection(0, kFuzzVlan).write(folder, "tcp-vlan");
    whole_connection(0, kFuzzUdp).write(folder, "udp");
    whole_connection(0, kFuzzShortContiguous).write(folder, "tcp-in-pieces");
    whole_connection(0, kFuzzBadL4Checksum).write(folder, "tcp-bad-checksum");
    whole_connection(0, kFuzzBadL4Checksum | kFuzzOffloaded).write(folder, "tcp-offloaded");
    whole_connection(0, kFuzzTtlOne).write(folder, "tcp-ttl-one");
    all_commands().write(folder, "commands");
    full_table(0).write(folder, "full-table-evict");
    full_table(2).write(folder, "full-table-refuse");
    truncated().write(folder, "truncated");
    other_protocols().write(folder, "other-protocols");
    report_frames().write(folder, "report");
    return EXIT_SUCCESS;
}
