#include "diagnostics/files/packet_filter.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <utility>

namespace director::diagnostics {
namespace {

constexpr int kSnapLength = 262144;

// What pcap_compile() calls a link type: the same number but for raw IP, whose number differs
// between systems, and types that only files have.
[[nodiscard]] int number_in_libpcap(LinkType link) {
    switch (link) {
        case LinkType::kRaw:
        case LinkType::kRawBsd:
            return DLT_RAW;
        default:
            return static_cast<int>(link);
    }
}

}  // namespace

struct PacketFilter::Program {
    explicit Program(LinkType link_type) : link(link_type) {}
    ~Program() { pcap_freecode(&code); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    LinkType link;
    bpf_program code{};
};

PacketFilter::PacketFilter(std::string expression) : expression_(std::move(expression)) {}
PacketFilter::~PacketFilter() = default;
PacketFilter::PacketFilter(PacketFilter&&) noexcept = default;
PacketFilter& PacketFilter::operator=(PacketFilter&&) noexcept = default;

Result<void> PacketFilter::prepare(LinkType link) {
    if (expression_.empty()) {
        return {};
    }
    for (const auto& program : programs_) {
        if (program->link == link) {
            return {};
        }
    }
    auto program = std::make_unique<Program>(link);
    pcap_t* compiler = pcap_open_dead(number_in_libpcap(link), kSnapLength);
    if (compiler == nullptr) {
        return failure("no memory for a filter");
    }
    const int status =
        pcap_compile(compiler, &program->code, expression_.c_str(), 1, PCAP_NETMASK_UNKNOWN);
    const std::string message = status == 0 ? "" : pcap_geterr(compiler);
    pcap_close(compiler);
    if (status != 0) {
        return failure(fmt::format("filter \"{}\": {}", expression_, message));
    }
    programs_.push_back(std::move(program));
    return {};
}

bool PacketFilter::matches(const Packet& packet) const {
    pcap_pkthdr header{};
    header.caplen = static_cast<bpf_u_int32>(packet.bytes.size());
    header.len = packet.wire_bytes;
    for (const auto& program : programs_) {
        if (program->link == packet.link) {
            return pcap_offline_filter(&program->code, &header, packet.bytes.data()) != 0;
        }
    }
    return false;
}

}  // namespace director::diagnostics
