#include "controlplane/kernel/netlink.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "common/assert.h"
#include "controlplane/kernel/netlink_reader.h"

namespace director::kernel {
namespace {

// The kernel cuts dumps at the largest buffer that it saw, at most 32 KiB; one link with many
// virtual functions may need more.
constexpr size_t kReceiveBytes = size_t{64} * 1024;
// Datagrams read in one turn of the event loop, so that a flood of notifications leaves time for
// the rest.
constexpr int kDatagramsPerTurn = 64;
// Room for some 10,000 notifications (a BGP session coming up) before one is lost.
constexpr int kReceiveBufferBytes = 8 * 1024 * 1024;
// The kernel answers at once; this ends the wait if it does not.
constexpr timeval kAnswerTimeout{.tv_sec = 5, .tv_usec = 0};

std::string error_text(int error) {
    return std::error_code(error, std::generic_category()).message();
}

Result<MnlSocket> open_socket(int flags) {
    MnlSocket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags));
    if (!socket) {
        return failure("cannot open a netlink socket: " + error_text(errno));
    }
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) {
        return failure("cannot bind a netlink socket: " + error_text(errno));
    }
    // Words with the error numbers. Kernels before 4.12 have none; then errno has to do.
    int on = 1;
    static_cast<void>(mnl_socket_setsockopt(socket.get(), NETLINK_EXT_ACK, &on, sizeof(on)));
    return socket;
}

struct Datagram {
    int error = 0;  // errno; EAGAIN when nothing waits
    bool is_cut_off = false;
    std::span<const uint8_t> bytes;  // empty: not from the kernel
};

// Not mnl_socket_recvfrom(), which neither tells who sent nor how much was cut off.
Datagram receive(const MnlSocket& socket, std::vector<uint8_t>& buffer) {
    sockaddr_nl sender{};
    iovec part{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_name = &sender;
    header.msg_namelen = sizeof(sender);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    const ssize_t length = ::recvmsg(mnl_socket_get_fd(socket.get()), &header, 0);
    if (length < 0) {
        return {errno, false, {}};
    }
    if (sender.nl_pid != 0) {
        return {};
    }
    return {0,
            (header.msg_flags & MSG_TRUNC) != 0,
            std::span<const uint8_t>(buffer).first(static_cast<size_t>(length))};
}

Result<void> send_bytes(const MnlSocket& socket, std::span<const uint8_t> bytes) {
    if (mnl_socket_sendto(socket.get(), bytes.data(), bytes.size()) < 0) {
        return failure("cannot send to the kernel: " + error_text(errno));
    }
    return {};
}

// NLMSG_ERROR (also an acknowledgement) and NLMSG_DONE both begin with a negative errno.
NetlinkReply read_reply(std::span<const uint8_t> message) {
    const MessageHeader header = read_header(message);
    const auto payload = payload_of(message);
    const int error = -static_cast<int>(read_u32(payload).value_or(0));
    if (error == 0) {
        return {};
    }
    std::string text = error_text(error);
    if (header.type == NLMSG_ERROR && (header.flags & NLM_F_ACK_TLVS) != 0) {
        // The request follows the error number, cut to its header where NLM_F_CAPPED says so.
        size_t request_bytes = kMessageHeaderBytes;
        if ((header.flags & NLM_F_CAPPED) == 0 && payload.size() >= sizeof(uint32_t)) {
            request_bytes = read_u32(payload.subspan(sizeof(uint32_t))).value_or(0);
        }
        AttributeReader attributes(after(payload, sizeof(uint32_t) + request_bytes));
        while (const auto attribute = attributes.next()) {
            if (attribute->type == NLMSGERR_ATTR_MSG) {
                text = fmt::format("{} ({})", read_text(attribute->value), text);
            }
        }
    }
    return {error, std::move(text)};
}

}  // namespace

// --- NetlinkMessage

NetlinkMessage::NetlinkMessage(uint16_t type, uint16_t flags, std::span<const std::byte> fixed) {
    nlmsghdr* const message = mnl_nlmsg_put_header(buffer_.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
    void* const place = mnl_nlmsg_put_extra_header(message, fixed.size());
    std::memcpy(place, fixed.data(), fixed.size());
}

// buffer_ is aligned for it and begins with it.
nlmsghdr* NetlinkMessage::header() {
    return static_cast<nlmsghdr*>(static_cast<void*>(buffer_.data()));
}

const nlmsghdr* NetlinkMessage::header() const {
    return static_cast<const nlmsghdr*>(static_cast<const void*>(buffer_.data()));
}

void NetlinkMessage::add(uint16_t type, std::span<const uint8_t> value) {
    DIRECTOR_ASSERT(mnl_attr_put_check(header(), buffer_.size(), type, value.size(), value.data()));
}

void NetlinkMessage::add_u16(uint16_t type, uint16_t value) {
    DIRECTOR_ASSERT(mnl_attr_put_u16_check(header(), buffer_.size(), type, value));
}

void NetlinkMessage::add_u32(uint16_t type, uint32_t value) {
    DIRECTOR_ASSERT(mnl_attr_put_u32_check(header(), buffer_.size(), type, value));
}

void NetlinkMessage::add_text(uint16_t type, std::string_view value) {
    const std::string terminated(value);
    DIRECTOR_ASSERT(mnl_attr_put_strz_check(header(), buffer_.size(), type, terminated.c_str()));
}

nlattr* NetlinkMessage::begin_nest(uint16_t type) {
    nlattr* const nest = mnl_attr_nest_start_check(header(), buffer_.size(), type);
    DIRECTOR_ASSERT(nest != nullptr);
    return nest;
}

void NetlinkMessage::end_nest(nlattr* nest) {
    mnl_attr_nest_end(header(), nest);
}

void NetlinkMessage::set_sequence(uint32_t sequence) {
    header()->nlmsg_seq = sequence;
}

void NetlinkMessage::add_flags(uint16_t flags) {
    header()->nlmsg_flags |= flags;
}

uint16_t NetlinkMessage::flags() const {
    return header()->nlmsg_flags;
}

std::span<const uint8_t> NetlinkMessage::bytes() const {
    return std::span<const uint8_t>(buffer_).first(header()->nlmsg_len);
}

// --- Addresses

uint8_t address_family(const IpAddress& address) {
    return address.is_ipv4() ? AF_INET : AF_INET6;
}

std::span<const uint8_t> wire_bytes(const IpAddress& address) {
    return std::span(address.bytes).last(address.is_ipv4() ? 4 : 16);
}

// --- NetlinkSocket

void CloseMnlSocket::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}

Result<NetlinkSocket> NetlinkSocket::open() {
    auto socket = open_socket(0);
    if (!socket) {
        return Failure(socket.error());
    }
    static_cast<void>(::setsockopt(mnl_socket_get_fd(socket->get()),
                                   SOL_SOCKET,
                                   SO_RCVTIMEO,
                                   &kAnswerTimeout,
                                   sizeof(kAnswerTimeout)));
    return NetlinkSocket(std::move(*socket));
}

NetlinkReply NetlinkSocket::ask(
    NetlinkMessage& message,
    const std::function<void(std::span<const uint8_t> message)>& receive_message) {
    buffer_.resize(kReceiveBytes);
    message.set_sequence(++sequence_);
    if ((message.flags() & NLM_F_DUMP) != NLM_F_DUMP) {
        message.add_flags(NLM_F_ACK);
    }
    if (const auto sent = send_bytes(socket_, message.bytes()); !sent) {
        return {EIO, sent.error().message};
    }
    for (;;) {
        const Datagram datagram = receive(socket_, buffer_);
        if (datagram.error == EINTR) {
            continue;
        }
        if (datagram.error != 0) {
            return {datagram.error, "no answer from the kernel: " + error_text(datagram.error)};
        }
        auto rest = datagram.bytes;
        while (const auto answer = take_message(rest)) {
            const MessageHeader header = read_header(*answer);
            if (header.sequence != sequence_) {
                continue;  // a late answer to a request that was given up
            }
            if (header.type == NLMSG_ERROR || header.type == NLMSG_DONE) {
                return read_reply(*answer);
            }
            if (receive_message) {
                receive_message(*answer);
            }
        }
    }
}

// --- NetlinkMonitor

Result<std::unique_ptr<NetlinkMonitor>> NetlinkMonitor::open(asio::io_context& io,
                                                             std::span<const uint32_t> groups,
                                                             Listener& listener) {
    auto socket = open_socket(SOCK_NONBLOCK);
    if (!socket) {
        return Failure(socket.error());
    }
    for (uint32_t group : groups) {
        if (mnl_socket_setsockopt(socket->get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) !=
            0) {
            return failure("cannot join netlink group " + std::to_string(group) + ": " +
                           error_text(errno));
        }
    }
    const int fd = mnl_socket_get_fd(socket->get());
    // Without the right to exceed net.core.rmem_max the default has to do: overruns are handled.
    static_cast<void>(::setsockopt(
        fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof(kReceiveBufferBytes)));
    std::unique_ptr<NetlinkMonitor> monitor(new NetlinkMonitor(io, std::move(*socket), listener));
    std::error_code error;
    monitor->descriptor_.assign(fd, error);
    if (error) {
        return failure("cannot watch a netlink socket: " + error.message());
    }
    return monitor;
}

NetlinkMonitor::NetlinkMonitor(asio::io_context& io, MnlSocket socket, Listener& listener)
    : socket_(std::move(socket)), descriptor_(io), listener_(listener), buffer_(kReceiveBytes) {}

NetlinkMonitor::~NetlinkMonitor() {
    if (descriptor_.is_open()) {
        static_cast<void>(descriptor_.release());
    }
}

void NetlinkMonitor::start() {
    wait();
}

Result<void> NetlinkMonitor::send(const NetlinkMessage& message) {
    return send_bytes(socket_, message.bytes());
}

void NetlinkMonitor::shrink_receive_buffer(int bytes) {
    static_cast<void>(::setsockopt(
        mnl_socket_get_fd(socket_.get()), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)));
}

void NetlinkMonitor::wait() {
    descriptor_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [this, alive = std::weak_ptr<bool>(alive_)](const std::error_code& error) {
            if (error || alive.expired()) {
                return;
            }
            receive_turn();
            wait();
        });
}

void NetlinkMonitor::receive_turn() {
    for (int i = 0; i < kDatagramsPerTurn; ++i) {
        const Datagram datagram = receive(socket_, buffer_);
        if (datagram.error == EAGAIN) {
            break;
        }
        if (datagram.error == EINTR) {
            continue;
        }
        if (datagram.error != 0 || datagram.is_cut_off) {
            // ENOBUFS says that the kernel threw notifications away; any other error may mean it.
            listener_.on_overrun();
            continue;
        }
        auto rest = datagram.bytes;
        while (const auto message = take_message(rest)) {
            listener_.on_message(*message);
        }
    }
    listener_.on_turn_end();
}

}  // namespace director::kernel
