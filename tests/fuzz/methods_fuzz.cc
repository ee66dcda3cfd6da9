// Any traffic through services of every kind at once: all forwarding methods, families, protocols
// and links of the rewrite oracle's laboratory, and beside them the FTP helper, the SYN proxy, the
// client's address told to servers, persistence and source NAT. Frames are built, answered, quoted
// in ICMP errors, cut into fragments, patched and sent again. WorkerFleet holds every one to the
// dataplane's promises (worker_fleet.h): an exception is a finding, as is what the sanitizers see.
// frame_fuzz is about what a single worker makes of frames and commands, with tiny tables.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/packet_builder.h"
#include "tests/support/packet_pieces.h"
#include "tests/support/packet_reader.h"
#include "tests/unit/oracle/oracle_lab.h"

namespace director::test {
namespace {

using namespace dataplane;
using oracle::OracleLab;
using oracle::Story;

constexpr int kStepsMax = 96;
constexpr size_t kRememberedMax = 16;

// A step is the first byte modulo kCount.
enum class Step : uint8_t {
    kRaw,         // side, length, bytes: as they are
    kOpen,        // story, client, faults: a client's first packet
    kSay,         // frame, flags, length, faults: its sender's next packet
    kReply,       // frame, flags, length, faults: from whom it was for
    kText,        // frame, direction, text: FTP
    kError,       // frame, kind, quoted bytes: an ICMP error about it
    kFragments,   // bytes, order: what follows comes in fragments; 0: whole
    kPatch,       // frame, offset, value: sent again, one byte changed
    kAdvance,     // amount
    kChangeLink,  // interface, MTU
    kChange,      // story, what: weight, server gone
    kOutbound,    // kind, client, faults: a server's own first packet
    kCount,
};

constexpr uint8_t kPieces = 0x01;
constexpr uint8_t kBadL4 = 0x02;
constexpr uint8_t kBadIp = 0x04;
constexpr uint8_t kTtlOne = 0x08;
constexpr uint8_t kOffloaded = 0x10;
constexpr uint8_t kOptions = 0x20;
constexpr uint8_t kUnfragmented = 0x40;

constexpr std::array<std::string_view, 12> kTexts{
    "PORT 198,51,0,9,156,64\r\n",
    "PORT 198,51,0,9",
    ",156,64\r\n",
    "EPRT |1|198.51.0.9|40000|\r\n",
    "EPRT |2|2001:db8:c::9|40000|\r\n",
    "PASV\r\n",
    "EPSV\r\n",
    "227 Entering Passive Mode (10,5,0,1,4,5).\r\n",
    "227 Entering Passive Mode (10,5",
    "229 Entering Extended Passive Mode (|||40001|)\r\n",
    "EPSV ALL\r\n",
    "220 ready\r\n",
};

[[nodiscard]] WorkerSettings tiny(WorkerSettings settings) {
    settings.connections_max = 64;
    settings.details_max = 64;
    settings.ftp_controls_max = 2;
    settings.services_max = 256;
    settings.real_servers_max = 256;
    settings.neighbours_max = 32;
    return settings;
}

class Session {
  public:
    explicit Session(std::span<const uint8_t> input)
        : rest_(input),
          lab_({.workers = static_cast<uint16_t>(1 + take() % 3),
                .decrements_ttl = take() % 2 == 0,
                .worker = tiny({}),
                .tailroom_bytes = 128,
                .templates_max = 16,
                .local_port_last = 1087}) {
        add_special_stories();
        lab_.add_source_nat();
    }

    void run() {
        for (int i = 0; i < kStepsMax && !rest_.empty(); ++i) {
            step(static_cast<Step>(take() % static_cast<uint8_t>(Step::kCount)));
        }
        lab_.fleet().run_for(std::chrono::seconds(2));
        lab_.fleet().check_gauges();
    }

  private:
    // A frame that went in or came out, and on which side the machine is that sent or got it.
    struct Seen {
        PortId side{};
        Frame frame;
    };

    [[nodiscard]] uint8_t take() {
        if (rest_.empty()) {
            return 0;
        }
        const uint8_t value = rest_.front();
        rest_ = rest_.subspan(1);
        return value;
    }
    [[nodiscard]] std::vector<uint8_t> take(size_t count) {
        const auto taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return {taken.begin(), taken.end()};
    }

    // Each on NAT, full NAT and, from IPv6, on full NAT to IPv4.
    void add_special_stories() {
        ServiceOptions ftp;
        ftp.has_ftp_helper = true;
        ServiceOptions guarded;
        guarded.syn_proxy = SynProxy::kAlways;
        ServiceOptions told;
        told.client_address = ClientAddressVia::kProxyV2;
        ServiceOptions option;
        option.client_address = ClientAddressVia::kTcpOption;
        ServiceOptions sticky;
        sticky.persistence_seconds = 60;
        sticky.clamp_mss = true;
        ServiceOptions both = ftp;
        both.client_address = ClientAddressVia::kProxyV2;
        uint16_t port = 21;
        for (const ServiceOptions& options : {ftp, guarded, told, option, sticky, both}) {
            for (const auto& [method, outside, inside] :
                 {std::tuple{ForwardingMethod::kNat, Family::kIpv4, Family::kIpv4},
                  std::tuple{ForwardingMethod::kNat, Family::kIpv6, Family::kIpv6},
                  std::tuple{ForwardingMethod::kFullNat, Family::kIpv4, Family::kIpv4},
                  std::tuple{ForwardingMethod::kFullNat, Family::kIpv6, Family::kIpv4}}) {
                const bool is_full = method == ForwardingMethod::kFullNat;
                const bool tells = options.client_address != ClientAddressVia::kNothing;
                if (is_full || !tells) {
                    lab_.add_story(
                        {method, outside, inside, Protocol::kTcp, {}, 0, {}, {}}, options, port++);
                }
            }
        }
    }

    void step(Step what) {
        switch (what) {
            case Step::kRaw: {
                const PortId side = take() % 2 == 0 ? oracle::kOutside : oracle::kInside;
                send({side, take(take())});
                break;
            }
            case Step::kOpen:
                open();
                break;
            case Step::kSay:
            case Step::kReply:
                speak(what == Step::kReply);
                break;
            case Step::kText: {
                const Seen* const seen = remembered();
                const bool is_reply = take() % 2 != 0;
                const std::string_view text = kTexts.at(take() % kTexts.size());
                say(seen, is_reply, kTcpAck | kTcpPsh, {text.begin(), text.end()}, 0);
                break;
            }
            case Step::kError:
                complain();
                break;
            case Step::kFragments:
                fragment_bytes_ = take() / 8 * size_t{8};
                fragment_order_ = take();
                break;
            case Step::kPatch:
                patch();
                break;
            case Step::kAdvance: {
                const uint64_t amount = take();
                lab_.fleet().run_for(std::chrono::milliseconds(amount * amount));
                break;
            }
            case Step::kChangeLink:
                change_link();
                break;
            case Step::kChange:
                change();
                break;
            case Step::kOutbound:
                open_outbound();
                break;
            case Step::kCount:
                break;
        }
    }

    // --- Frames in ---

    void open() {
        const Story& story =
            lab_.stories().at((take() + take() * size_t{256}) % lab_.stories().size());
        const uint8_t who = take();
        const uint16_t link = who % oracle::kLinks;
        Random random(who / 4U);
        const Endpoint client = OracleLab::client(random, story.outside, link);
        PacketBuilder builder = on_link(OracleLab::to_director(oracle::kOutside, link));
        builder.ip(client.address, story.service.address);
        const std::array<uint8_t, 12> options{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1};
        if (story.protocol == Protocol::kTcp) {
            builder.tcp(client.port.host(), story.service.port.host())
                .tcp_flags(kTcpSyn)
                .seq(who)
                .tcp_options(options);
        } else if (story.protocol == Protocol::kUdp) {
            builder.udp(client.port.host(), story.service.port.host()).payload_size(40);
        } else {
            const std::array<uint8_t, 16> init{0, 0, 0, 7, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 9};
            builder.sctp(client.port.host(), story.service.port.host()).chunk(1, 0, init);
        }
        send({oracle::kOutside, finish(builder, take())});
    }

    void open_outbound() {
        const uint8_t kind = take();
        const uint8_t who = take();
        const uint16_t link = who % oracle::kLinks;
        const Family family = kind % 2 == 0 ? Family::kIpv4 : Family::kIpv6;
        Random random(who / 4U);
        const Endpoint remote = OracleLab::client(random, family, kind / 8 % oracle::kLinks);
        PacketBuilder builder = on_link(OracleLab::to_director(oracle::kInside, link));
        builder.ip(OracleLab::server(family, link), remote.address);
        switch (kind / 2 % 4) {
            case 0:
                builder.tcp(remote.port.host(), 80).tcp_flags(kTcpSyn).seq(who);
                break;
            case 1:
                builder.udp(remote.port.host(), 53).payload_size(40);
                break;
            case 2:
                builder.sctp(remote.port.host(), 132).chunk(1, 0, std::array<uint8_t, 16>{});
                break;
            default:
                builder.icmp(family == Family::kIpv4 ? 8 : 128, 0, who * 0x10001U).payload_size(40);
                break;
        }
        send({oracle::kInside, finish(builder, take())});
    }

    void speak(bool is_reply) {
        const Seen* const seen = remembered();
        const uint8_t flags = take();
        const std::vector<uint8_t> payload(take() * size_t{11}, 0x5a);
        say(seen, is_reply, flags, payload, take());
    }

    // Goes on from a TCP, UDP or SCTP packet that was seen: its sender's next one, or an answer.
    void say(const Seen* seen,
             bool is_reply,
             uint8_t flags,
             const std::vector<uint8_t>& payload,
             uint8_t faults) {
        const DecodedFrame was = seen != nullptr ? decode(seen->frame) : DecodedFrame{};
        if (was.icmp) {
            answer_echo(*seen, was, faults);
        }
        if (!was.tcp && !was.udp && !was.sctp) {
            return;
        }
        IpAddress from = was.source_address();
        IpAddress to = was.destination_address();
        Endpoint source = was.source();
        Endpoint destination = was.destination();
        if (is_reply) {
            std::swap(from, to);
            std::swap(source, destination);
        }
        PacketBuilder builder = like(was, is_reply);
        builder.ip(from, to);
        if (was.tcp) {
            const auto length = static_cast<uint32_t>(was.payload.size()) +
                                ((was.tcp->flags & (kTcpSyn | kTcpFin)) != 0 ? 1U : 0U);
            builder.tcp(source.port.host(), destination.port.host())
                .tcp_flags(flags)
                .seq(is_reply ? was.tcp->ack : was.tcp->seq + length)
                .ack(is_reply ? was.tcp->seq + length : was.tcp->ack);
        } else if (was.udp) {
            builder.udp(source.port.host(), destination.port.host());
        } else {
            builder.sctp(source.port.host(), destination.port.host())
                .verification_tag(was.sctp->verification_tag);
        }
        builder.payload(payload);
        send({seen->side, finish(builder, faults)});
    }

    void answer_echo(const Seen& seen, const DecodedFrame& was, uint8_t faults) {
        const bool is_ipv4 = was.ipv4.has_value();
        if (was.icmp->type == (is_ipv4 ? 8 : 128)) {
            PacketBuilder builder = like(was, true);
            builder.ip(was.destination_address(), was.source_address())
                .icmp(is_ipv4 ? 0 : 129, 0, was.icmp->rest)
                .payload(was.payload);
            send({seen.side, finish(builder, faults)});
        }
    }

    void complain() {
        const Seen* const seen = remembered();
        const uint8_t kind = take();
        const uint8_t quoted = take();
        const DecodedFrame was = seen != nullptr ? decode(seen->frame) : DecodedFrame{};
        if (!was.is_ip()) {
            return;
        }
        const bool is_ipv4 = was.ipv4.has_value();
        constexpr std::array<std::pair<uint8_t, uint8_t>, 4> kOfIpv4{
            {{3, 1}, {3, 4}, {11, 0}, {12, 0}}};
        constexpr std::array<std::pair<uint8_t, uint8_t>, 4> kOfIpv6{
            {{1, 4}, {2, 0}, {3, 0}, {4, 0}}};
        const auto [type, code] = (is_ipv4 ? kOfIpv4 : kOfIpv6).at(kind % 4);
        PacketBuilder builder = like(was, true);
        builder.ip(was.destination_address(), was.source_address())
            .icmp(type, code, 576U + kind * 4U)
            .payload(ip_packet_of(seen->frame, 20U + quoted * 4U));
        send({seen->side, builder.build()});
    }

    void patch() {
        const Seen* const seen = remembered();
        const size_t offset = take();
        const uint8_t value = take();
        if (seen != nullptr && offset < seen->frame.size()) {
            Frame frame = seen->frame;
            frame[offset] = value;
            send({seen->side, frame});
        }
    }

    [[nodiscard]] static PacketBuilder on_link(const oracle::Link& link) {
        PacketBuilder builder;
        builder.eth(link.source, link.destination);
        if (link.outer_vlan != 0) {
            builder.outer_vlan(link.outer_vlan);
        }
        if (link.vlan != 0) {
            builder.vlan(link.vlan);
        }
        return builder;
    }

    // The Ethernet header of a frame that goes to the director where `was` went or came from.
    [[nodiscard]] static PacketBuilder like(const DecodedFrame& was, bool is_answer) {
        const auto& ethernet = *was.ethernet;
        const auto& vlans = ethernet.vlans;
        const bool came_from_us = ethernet.source == oracle::kDirectorMac;
        PacketBuilder builder;
        builder.eth(came_from_us || is_answer ? ethernet.destination : ethernet.source,
                    oracle::kDirectorMac);
        if (vlans.size() > 1) {
            builder.outer_vlan(vlans[0]);
        }
        if (!vlans.empty()) {
            builder.vlan(vlans.back());
        }
        return builder;
    }

    [[nodiscard]] Frame finish(PacketBuilder& builder, uint8_t faults) {
        faults_ = faults;
        if ((faults & kBadL4) != 0) {
            builder.bad_l4_checksum();
        }
        if ((faults & kTtlOne) != 0) {
            builder.ttl(1);
        }
        Frame frame = builder.build();
        const DecodedFrame decoded = decode(frame);
        if (decoded.ipv4 && (faults & kBadIp) != 0) {
            frame[frame.size() - decoded.ip_bytes() + 10] ^= 1;
        }
        return frame;
    }

    [[nodiscard]] const Seen* remembered() {
        const uint8_t number = take();
        return seen_.empty() ? nullptr : &seen_[seen_.size() - 1 - number % seen_.size()];
    }

    void send(const Seen& what) {
        const uint8_t faults = std::exchange(faults_, uint8_t{0});
        const bool is_whole = (faults & kUnfragmented) != 0 || fragment_bytes_ == 0 ||
                              what.frame.size() < fragment_bytes_ + 80 ||
                              !decode(what.frame).is_ip() || !decode(what.frame).problem.empty() ||
                              decode(what.frame).is_later_fragment() ||
                              decode(what.frame).has_more_fragments();
        std::vector<FrameIn> frames;
        if (is_whole) {
            frames.push_back({what.side, what.frame, touch_of(what.frame, faults)});
        } else {
            std::vector<Frame> fragments = fragments_of(what.frame, fragment_bytes_, ++id_);
            if ((fragment_order_ & 1) != 0) {
                std::reverse(fragments.begin(), fragments.end());
            }
            if ((fragment_order_ & 2) != 0) {
                fragments.push_back(fragments.front());
            }
            if ((fragment_order_ & 4) != 0) {
                fragments.erase(fragments.begin());
            }
            for (const Frame& fragment : fragments) {
                frames.push_back({what.side, fragment, {}});
            }
        }
        std::vector<Seen> results;
        for (const Outcome& out : lab_.fleet().send(frames)) {
            if (out.verdict == Verdict::kForward || out.verdict == Verdict::kForwardCut) {
                results.push_back({out.out_port, out.bytes});
            }
        }
        for (const FrameIn& made : lab_.fleet().take_made_frames()) {
            results.push_back({made.port, made.bytes});
        }
        remember(what);
        for (const Seen& result : results) {
            remember(result);
        }
    }

    // Pieces: the frame's tail is not at hand. Offloaded: the port vouches for the checksums.
    [[nodiscard]] static std::function<void(Packet&)> touch_of(const Frame& frame, uint8_t faults) {
        const bool is_good = (faults & kOffloaded) != 0 && bad_checksums(frame).empty();
        const bool in_pieces = (faults & kPieces) != 0;
        const uint32_t less = faults & kOptions ? 3 : 30;
        return [=](Packet& packet) {
            if (is_good) {
                packet.ip_checksum = ChecksumCheck::kGood;
                packet.l4_checksum = ChecksumCheck::kGood;
            }
            if (in_pieces && packet.contiguous_bytes > 60 + less) {
                packet.contiguous_bytes -= less;
                packet.tailroom_bytes = 0;
            }
        };
    }

    void remember(Seen what) {
        seen_.push_back(std::move(what));
        if (seen_.size() > kRememberedMax) {
            seen_.erase(seen_.begin());
        }
    }

    // --- What the control plane changes ---

    void change_link() {
        const uint8_t number = take() % (2 * oracle::kLinks);
        const auto mtu = static_cast<uint16_t>(80 + take() * 36);
        lab_.change_mtu(InterfaceId{number}, mtu);
    }

    void change() {
        const Story& story = lab_.stories().at(take() % lab_.stories().size());
        const uint8_t what = take();
        const auto service =
            lab_.fleet().service_id({story.service.address, story.service.port, story.protocol});
        if (!service) {
            return;
        }
        if (what % 4 == 3) {
            lab_.fleet().end_connections(
                lab_.fleet().server_id(*service, story.server),
                what % 8 == 3 ? WhenServerGone::kReset : WhenServerGone::kExpire);
        } else {
            lab_.fleet().set_weight(*service, story.server, what % 4);
        }
    }

    std::span<const uint8_t> rest_;
    OracleLab lab_;
    std::vector<Seen> seen_;
    size_t fragment_bytes_ = 0;
    uint8_t fragment_order_ = 0;
    uint8_t faults_ = 0;
    uint32_t id_ = 0;
};

}  // namespace
}  // namespace director::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    director::test::Session({data, size}).run();
    return 0;
}
