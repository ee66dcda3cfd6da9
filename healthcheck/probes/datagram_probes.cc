#include "healthcheck/probes/datagram_probes.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "healthcheck/codecs/dns_message.h"

namespace director::healthcheck {
namespace {

// More than any check sends or wants; the rest of a longer one is cut off, and told by its length.
using Datagram = std::array<uint8_t, 4096>;

// The next datagram, or why there is none: EAGAIN, or what an ICMP error said.
struct Received {
    std::span<const uint8_t> bytes;
    size_t length = 0;  // as sent, even if longer than the buffer
    int error = 0;
};

Received receive(int fd, Datagram& buffer) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_TRUNC);
    if (count < 0) {
        return {{}, 0, errno};
    }
    const auto length = static_cast<size_t>(count);
    return {std::span(buffer).first(std::min(length, buffer.size())), length, 0};
}

constexpr std::string_view kUdpText = "keepalived check - keepalived che";
constexpr size_t kUdpTextBytes = 32;

}  // namespace

// --- ping ---

bool PingProbe::open(TimePoint now) {
    Target to = target();
    to.to.port = Be16();
    to.source_port = 0;
    const int protocol = to.to.address.is_ipv4() ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    auto opened = tools().sockets.open(to, SOCK_DGRAM, protocol);
    is_raw_ = !opened.has_value();
    if (is_raw_) {
        opened = tools().sockets.open(to, SOCK_RAW, protocol);
    }
    if (!opened) {
        unable(now, opened.error().message);
        return false;
    }
    socket_ = std::move(*opened);
    const SocketAddress address(to.to);
    if (::connect(socket_.get(), address.get(), address.length) != 0) {
        fail_by_errno(now, "connect", errno);
        return false;
    }
    return watch(now, socket_.get(), Readiness::kRead);
}

void PingProbe::begin(TimePoint now) {
    const uint64_t dice = tools().random.next();
    number_ = {
        static_cast<uint16_t>(dice), static_cast<uint16_t>(dice >> 16), tools().random.next()};
    if (!open(now)) {
        return;
    }
    const auto request = make_echo_request(target().to.address.family(), number_);
    if (::send(socket_.get(), request.data(), request.size(), 0) < 0) {
        fail_by_errno(now, "send", errno);
    }
}

void PingProbe::on_ready(int fd, Readiness /*readiness*/, TimePoint now) {
    Datagram buffer;  // NOLINT(*-member-init): written by the kernel
    const Received received = receive(fd, buffer);
    if (received.error == EAGAIN || received.error == EINTR) {
        return;
    }
    if (received.error != 0) {
        fail_by_errno(now, "echo", received.error);
        return;
    }
    const Family family = target().to.address.family();
    const bool has_header = is_raw_ && family == Family::kIpv4;
    const auto message = has_header ? skip_ipv4_header(received.bytes) : received.bytes;
    if (is_echo_reply(family, message, number_, is_raw_ ? IdCheck::kOurs : IdCheck::kKernels)) {
        pass(now);
    }
}

// --- UDP ---

bool is_wanted_reply(const UdpCheck& check, std::span<const uint8_t> reply) {
    if (reply.size() < check.reply_length_min || reply.size() > check.reply_length_max ||
        reply.size() < check.reply.size()) {
        return false;
    }
    for (size_t i = 0; i < check.reply.size(); ++i) {
        if (((reply[i] ^ check.reply[i]) & check.reply_mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

void UdpProbe::begin(TimePoint now) {
    if (!connect(now, socket_, SOCK_DGRAM, IPPROTO_UDP, Readiness::kRead)) {
        return;
    }
    const UdpCheck& check = sort<UdpCheck>();
    const ssize_t sent = check.payload.empty()
                             ? ::send(socket_.get(), kUdpText.data(), kUdpTextBytes, 0)
                             : ::send(socket_.get(), check.payload.data(), check.payload.size(), 0);
    if (sent < 0) {
        fail_by_errno(now, "send", errno);
    }
}

void UdpProbe::on_ready(int fd, Readiness /*readiness*/, TimePoint now) {
    Datagram buffer;  // NOLINT(*-member-init): written by the kernel
    const Received received = receive(fd, buffer);
    if (received.error == EAGAIN || received.error == EINTR) {
        return;
    }
    const UdpCheck& check = sort<UdpCheck>();
    if (received.error != 0) {
        fail_by_errno(now, "no service", received.error);
    } else if (!check.require_reply ||
               (received.length <= buffer.size() && is_wanted_reply(check, received.bytes))) {
        pass(now);
    } else {
        fail(now, fmt::format("another reply than expected, of {} bytes", received.length));
    }
}

void UdpProbe::on_deadline(TimePoint now) {
    if (sort<UdpCheck>().require_reply) {
        Probe::on_deadline(now);
    } else {
        pass(now);
    }
}

// --- DNS ---

void DnsProbe::begin(TimePoint now) {
    const DnsCheck& check = sort<DnsCheck>();
    query_ = make_dns_query(static_cast<uint16_t>(tools().random.next()), check.type, check.name);
    if (connect(now, socket_, SOCK_DGRAM, IPPROTO_UDP, Readiness::kRead) &&
        ::send(socket_.get(), query_.data(), query_.size(), 0) < 0) {
        fail_by_errno(now, "send", errno);
    }
}

void DnsProbe::on_ready(int fd, Readiness /*readiness*/, TimePoint now) {
    Datagram buffer;  // NOLINT(*-member-init): written by the kernel
    const Received received = receive(fd, buffer);
    if (received.error == EAGAIN || received.error == EINTR) {
        return;
    }
    if (received.error != 0) {
        fail_by_errno(now, "no service", received.error);
        return;
    }
    DnsAnswer answer = judge_dns_reply(query_, received.bytes);
    if (answer.verdict == DnsVerdict::kGood) {
        pass(now);
    } else if (answer.verdict == DnsVerdict::kBad) {
        fail(now, std::move(answer.text));
    }
}

}  // namespace director::healthcheck
