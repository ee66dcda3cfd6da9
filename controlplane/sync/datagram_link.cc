#include "controlplane/sync/datagram_link.h"

#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <asio/ip/multicast.hpp>
#include <utility>

#include "controlplane/sync/socket_address.h"

namespace director::sync {

namespace {

using asio::ip::udp;

// Datagrams taken at one go, so that a flood of them leaves time for the rest.
constexpr int kPerTurn = 64;
// Of the socket: a twin's burst waits here while the event loop is busy.
constexpr int kBufferBytes = 4 << 20;

[[nodiscard]] Failure because(std::string_view what, const asio::error_code& error) {
    return failure(fmt::format("connection sync: {}: {}", what, error.message()));
}

[[nodiscard]] asio::error_code bind_to_interface(udp::socket& socket, const std::string& name) {
    if (name.empty() || ::setsockopt(socket.native_handle(),
                                     SOL_SOCKET,
                                     SO_BINDTODEVICE,
                                     name.c_str(),
                                     static_cast<socklen_t>(name.size() + 1)) == 0) {
        return {};
    }
    return {errno, asio::error::get_system_category()};
}

// Messages above the MTU travel in fragments.
void allow_fragments(udp::socket& socket, bool is_ipv4) {
    static_assert(IP_PMTUDISC_DONT == IPV6_PMTUDISC_DONT);
    const int off = IP_PMTUDISC_DONT;
    ::setsockopt(socket.native_handle(),
                 is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                 is_ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
                 &off,
                 sizeof off);
}

}  // namespace

DatagramLink::DatagramLink(asio::io_context& io,
                           const LinkSettings& settings,
                           OnDatagram on_datagram)
    : settings_(settings), on_datagram_(std::move(on_datagram)), sender_(io), receiver_(io) {}

Result<std::unique_ptr<DatagramLink>> DatagramLink::open(asio::io_context& io,
                                                         const LinkSettings& settings,
                                                         OnDatagram on_datagram) {
    std::unique_ptr<DatagramLink> link(new DatagramLink(io, settings, std::move(on_datagram)));
    if (settings.sends) {
        if (auto opened = link->open_sender(); !opened) {
            return Failure(opened.error());
        }
    }
    if (settings.receives) {
        if (auto opened = link->open_receiver(); !opened) {
            return Failure(opened.error());
        }
        link->wait();
    }
    return link;
}

Result<void> DatagramLink::open_sender() {
    const bool is_group = settings_.peers.empty();
    const IpAddress first = is_group ? settings_.group : settings_.peers.front();
    for (const IpAddress& peer : settings_.peers) {
        targets_.emplace_back(to_asio(peer), settings_.port);
    }
    if (is_group) {
        targets_.emplace_back(to_asio(settings_.group), settings_.port);
    }
    asio::error_code error;
    sender_.open(first.is_ipv4() ? udp::v4() : udp::v6(), error);
    if (error) {
        return because("cannot open a socket", error);
    }
    if (error = bind_to_interface(sender_, settings_.interface); error) {
        return because("cannot send by interface " + settings_.interface, error);
    }
    allow_fragments(sender_, first.is_ipv4());
    sender_.non_blocking(true, error);
    sender_.set_option(asio::socket_base::send_buffer_size(kBufferBytes), error);
    if (is_group) {
        sender_.set_option(asio::ip::multicast::hops(settings_.ttl), error);
        sender_.set_option(asio::ip::multicast::enable_loopback(false), error);
        const unsigned index = ::if_nametoindex(settings_.interface.c_str());
        if (first.is_ipv4()) {
            const ip_mreqn by{{0}, {0}, static_cast<int>(index)};
            ::setsockopt(sender_.native_handle(), IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by);
        } else {
            sender_.set_option(asio::ip::multicast::outbound_interface(index), error);
        }
        if (error) {
            return because("cannot send to a group", error);
        }
    }
    return {};
}

Result<void> DatagramLink::open_receiver() {
    const bool is_group = settings_.peers.empty();
    const IpAddress first = is_group ? settings_.group : settings_.peers.front();
    asio::error_code error;
    receiver_.open(first.is_ipv4() ? udp::v4() : udp::v6(), error);
    if (error) {
        return because("cannot open a socket", error);
    }
    receiver_.set_option(asio::socket_base::reuse_address(true), error);
    receiver_.set_option(asio::socket_base::receive_buffer_size(kBufferBytes), error);
    receiver_.non_blocking(true, error);
    if (error = bind_to_interface(receiver_, settings_.interface); error) {
        return because("cannot listen on interface " + settings_.interface, error);
    }
    const udp::endpoint any(first.is_ipv4() ? udp::v4() : udp::v6(), settings_.port);
    receiver_.bind(is_group ? udp::endpoint(to_asio(first), settings_.port) : any, error);
    if (error) {
        return because(fmt::format("cannot listen on port {}", settings_.port), error);
    }
    if (!is_group) {
        return {};
    }
    const unsigned index = ::if_nametoindex(settings_.interface.c_str());
    if (first.is_ipv4()) {
        ip_mreqn join{};
        join.imr_multiaddr.s_addr = first.ipv4().bits.raw;
        join.imr_ifindex = static_cast<int>(index);
        if (::setsockopt(
                receiver_.native_handle(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) !=
            0) {
            error = {errno, asio::error::get_system_category()};
        }
    } else {
        receiver_.set_option(asio::ip::multicast::join_group(to_asio(first).to_v6(), index), error);
    }
    return error ? Result<void>(because("cannot join the group", error)) : Result<void>();
}

void DatagramLink::wait() {
    receiver_.async_wait(udp::socket::wait_read, [this](const asio::error_code& error) {
        if (error == asio::error::operation_aborted) {
            return;
        }
        receive();
        wait();
    });
}

void DatagramLink::receive() {
    for (int i = 0; i < kPerTurn; ++i) {
        udp::endpoint from;
        asio::error_code error;
        const size_t size = receiver_.receive_from(asio::buffer(buffer_), from, 0, error);
        if (error) {
            return;  // nothing more, or an ICMP error about what we have sent
        }
        on_datagram_(std::span(buffer_).first(size), from_asio(from.address()));
    }
}

void DatagramLink::send(std::span<const Bytes> messages) {
    for (const Bytes& message : messages) {
        for (const udp::endpoint& target : targets_) {
            asio::error_code error;
            sender_.send_to(asio::buffer(message), target, 0, error);
            send_errors_ += error ? 1U : 0U;
        }
    }
}

}  // namespace director::sync
