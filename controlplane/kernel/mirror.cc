#include "controlplane/kernel/mirror.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "common/log.h"
#include "controlplane/kernel/kernel_event.h"
#include "controlplane/kernel/netlink_reader.h"

namespace director::kernel {
namespace {

using namespace std::chrono_literals;

constexpr LogArea kLog{"mirror"};

// Route changes come in bursts (a link that comes up, a BGP session); the workers get one table for
// all that comes within this time.
constexpr Duration kRouteDelay = 5ms;
// When the kernel refuses a dump (out of memory).
constexpr Duration kRetryDelay = 1s;

constexpr std::array<uint32_t, 6> kGroups{RTNLGRP_LINK,
                                          RTNLGRP_IPV4_IFADDR,
                                          RTNLGRP_IPV6_IFADDR,
                                          RTNLGRP_IPV4_ROUTE,
                                          RTNLGRP_IPV6_ROUTE,
                                          RTNLGRP_NEIGH};

NetlinkMessage dump_request(MirrorModel::Part part) {
    switch (part) {
        case MirrorModel::Part::kLinks: {
            const ifinfomsg fixed{};
            NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP, std::as_bytes(std::span(&fixed, 1)));
            message.add_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
            return message;
        }
        case MirrorModel::Part::kAddresses: {
            const ifaddrmsg fixed{};
            return {RTM_GETADDR, NLM_F_DUMP, std::as_bytes(std::span(&fixed, 1))};
        }
        case MirrorModel::Part::kRoutes: {
            const rtmsg fixed{};  // of all families
            return {RTM_GETROUTE, NLM_F_DUMP, std::as_bytes(std::span(&fixed, 1))};
        }
        case MirrorModel::Part::kNeighbours:
            break;
    }
    const ndmsg fixed{};
    return {RTM_GETNEIGH, NLM_F_DUMP, std::as_bytes(std::span(&fixed, 1))};
}

}  // namespace

Result<std::unique_ptr<KernelMirror>> KernelMirror::start(asio::io_context& io,
                                                          const std::vector<TapLink>& taps,
                                                          MirrorSink& sink) {
    std::unique_ptr<KernelMirror> mirror(new KernelMirror(io, taps, sink));
    auto monitor = NetlinkMonitor::open(io, kGroups, *mirror);
    if (!monitor) {
        return Failure(monitor.error());
    }
    mirror->monitor_ = std::move(*monitor);
    mirror->monitor_->start();
    mirror->read_everything();
    return mirror;
}

KernelMirror::KernelMirror(asio::io_context& io, const std::vector<TapLink>& taps, MirrorSink& sink)
    : sink_(sink), model_(taps), timer_(io) {}

KernelMirror::~KernelMirror() = default;

void KernelMirror::read_everything() {
    is_overrun_ = false;
    to_dump_ = {Part::kLinks, Part::kAddresses, Part::kRoutes, Part::kNeighbours};
    dump_next();
}

void KernelMirror::dump_next() {
    is_dumping_ = true;
    is_dump_torn_ = false;
    NetlinkMessage request = dump_request(to_dump_.front());
    request.set_sequence(++dump_sequence_);
    model_.begin_dump(to_dump_.front());
    if (const auto sent = monitor_->send(request); !sent) {
        kLog.error("cannot read the kernel's state error=\"{}\"", sent.error().message);
        is_dumping_ = false;
        arm(kRetryDelay);
    }
}

void KernelMirror::on_message(std::span<const uint8_t> message) {
    const MessageHeader header = read_header(message);
    // A notification has the sequence number of whoever caused it, but neither type nor flag of
    // these.
    const bool is_answer = is_dumping_ && header.sequence == dump_sequence_;
    is_dump_torn_ |= is_answer && (header.flags & (NLM_F_MULTI | NLM_F_DUMP_INTR)) ==
                                      (NLM_F_MULTI | NLM_F_DUMP_INTR);
    if (header.type == NLMSG_DONE || header.type == NLMSG_ERROR) {
        if (is_answer) {
            on_dump_end(-static_cast<int>(read_u32(payload_of(message)).value_or(0)));
        }
        return;
    }
    if (const auto event = parse_kernel_event(message)) {
        model_.apply(*event, sink_);
    }
}

void KernelMirror::on_dump_end(int error) {
    is_dumping_ = false;
    if (error != 0) {
        kLog.error("cannot read the kernel's state error=\"{}\"",
                   std::error_code(error, std::generic_category()).message());
        arm(kRetryDelay);
        return;
    }
    if (is_overrun_) {
        read_everything();
        return;
    }
    if (is_dump_torn_) {
        dump_next();
        return;
    }
    const Part part = to_dump_.front();
    to_dump_.pop_front();
    model_.end_dump(part, sink_);
    if (part == Part::kRoutes) {
        model_.deliver_routes(sink_);
    }
    if (!to_dump_.empty()) {
        dump_next();
    } else if (!is_synced_) {
        is_synced_ = true;
        sink_.synced();
    }
}

void KernelMirror::on_turn_end() {
    if (!is_dumping_ && (model_.are_routes_changed() || model_.are_routes_uncertain())) {
        arm(kRouteDelay);
    }
}

void KernelMirror::on_overrun() {
    ++resyncs_;
    kLog.warning("kernel notifications were lost, reading everything anew");
    is_overrun_ = true;
    if (!is_dumping_) {
        read_everything();
    }
}

void KernelMirror::arm(Duration delay) {
    if (is_armed_) {
        return;
    }
    is_armed_ = true;
    timer_.expires_after(delay);
    timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const std::error_code& error) {
        if (!error && !alive.expired()) {
            is_armed_ = false;
            on_timer();
        }
    });
}

void KernelMirror::on_timer() {
    if (is_dumping_) {
        return;
    }
    if (!to_dump_.empty()) {  // a dump failed
        dump_next();
    } else if (model_.are_routes_uncertain()) {
        to_dump_ = {Part::kRoutes};
        dump_next();
    } else {
        model_.deliver_routes(sink_);
    }
}

}  // namespace director::kernel
