#include "controlplane/daemon/probe_side.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "common/log.h"

namespace director::daemon {

namespace {

constexpr LogArea kLog{"health"};

// Packets taken in one turn of the event loop, so that thousands of probes that start together
// leave time for what is urgent.
constexpr int kPacketsPerTurn = 64;

}  // namespace

Result<void> ProbeSide::make_network() {
    auto network = healthcheck::PrivateNetwork::make();
    if (!network) {
        return failure("through_forwarding: " + network.error().message);
    }
    network_ = std::move(*network);
    packets_.emplace(io_, ::dup(network_->tun_fd()));
    wait_for_packets();
    return {};
}

Result<void> ProbeSide::put(const std::vector<ProbePath>& paths,
                            healthcheck::KernelSockets& sockets) {
    if (!paths.empty() && !network_) {
        if (auto made = make_network(); !made) {
            return made;
        }
    }
    paths_.put(paths);
    std::set<uint64_t> numbers;
    for (const ProbePath& path : paths) {
        const uint64_t number = number_of(path);
        numbers.insert(number);
        const IpAddress inner = *paths_.inner_address(number);
        if (auto added = network_->add_address(inner); !added) {
            return failure("through_forwarding: " + added.error().message);
        }
        healthcheck::KernelSockets::Path how;
        how.source = inner;
        how.network_namespace = network_->namespace_fd();
        sockets.set_path(number, how);
    }
    for (const uint64_t number : numbers_) {
        if (!numbers.contains(number)) {
            sockets.remove_path(number);
        }
    }
    numbers_ = std::move(numbers);
    are_refused_.clear();
    return {};
}

void ProbeSide::wait_for_packets() {
    packets_->async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](const asio::error_code& error) {
                             if (!error) {
                                 take_packets();
                                 wait_for_packets();
                             }
                         });
}

void ProbeSide::take_packets() {
    std::array<uint8_t, healthcheck::PrivateNetwork::kMtuBytes> packet{};
    for (int i = 0; i < kPacketsPerTurn; ++i) {
        const ssize_t count = ::read(network_->tun_fd(), packet.data(), packet.size());
        if (count <= 0) {
            return;
        }
        send(std::span(packet).first(static_cast<size_t>(count)));
    }
}

// What cannot go is lost, as on a wire: the probe finds that out.
void ProbeSide::send(std::span<const uint8_t> packet) {
    const ProbePath* const path = paths_.path_of(packet);
    if (path == nullptr) {
        return;  // what a kernel says by itself: router solicitations
    }
    const auto way = around_.way_to(path->server);
    const auto frame =
        way ? paths_.wrapped(*path, packet, *way, around_.clock.now()) : std::vector<uint8_t>();
    if (!frame.empty()) {
        around_.send(*way, frame);
    } else if (are_refused_.insert(number_of(*path)).second) {
        kLog.warning(
            "probe through the forwarding method cannot be sent to={} server={} why=\"{}\"",
            to_string(path->virtual_address),
            to_string(path->server),
            way ? "no address of that family on the interface" : "no route");
    }
}

bool ProbeSide::receive(std::span<const uint8_t> frame) {
    const auto answer = paths_.answer_in(frame, around_.clock.now());
    if (answer) {
        // A probe that has gone meanwhile does not miss it.
        static_cast<void>(!::write(network_->tun_fd(), answer->data(), answer->size()));
    }
    return answer.has_value();
}

}  // namespace director::daemon
