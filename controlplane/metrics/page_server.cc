#include "controlplane/metrics/page_server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

#include "controlplane/metrics/status_page.h"

namespace director::metrics {
namespace {

// A scraper or two, and those who look by hand.
constexpr unsigned int kClientsMax = 16;
constexpr unsigned int kIdleSecondsMax = 10;

// https://prometheus.io/docs/instrumenting/exposition_formats/
constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

// Of what is no page.
constexpr const char* kNothingAllowed = "default-src 'none'; frame-ancestors 'none'";

MHD_Result answer(MHD_Connection* client,
                  unsigned int status,
                  std::string_view body,
                  const char* content_type,
                  const char* policy = kNothingAllowed) {
    MHD_Response* const response = MHD_create_response_from_buffer(
        body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "Content-Security-Policy", policy);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    const MHD_Result queued = MHD_queue_response(client, status, response);
    MHD_destroy_response(response);
    return queued;
}

// Called once when a request's headers have come, and again for each piece of its body.
// NOLINTNEXTLINE(readability-function-size): the library's signature
MHD_Result on_request(void* server,
                      MHD_Connection* client,
                      const char* path,
                      const char* method,
                      const char* /*version*/,
                      const char* /*body*/,
                      size_t* body_bytes,
                      void** /*state*/) {
    *body_bytes = 0;
    const std::string_view verb(method);
    if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
        return answer(client, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n", "text/plain");
    }
    const PageServer::Pages& pages = static_cast<const PageServer*>(server)->pages();
    const std::string_view page(path);
    if (page == "/metrics") {
        return answer(client, MHD_HTTP_OK, pages.metrics(), kContentType);
    }
    if (page == "/") {
        return answer(
            client, MHD_HTTP_OK, kStatusPage, "text/html; charset=utf-8", kStatusPagePolicy);
    }
    if (page == "/status.json") {
        return answer(client, MHD_HTTP_OK, pages.status(), "application/json");
    }
    return answer(client, MHD_HTTP_NOT_FOUND, "the pages are / and /metrics\n", "text/plain");
}

sockaddr_storage socket_address(const Endpoint& endpoint) {
    sockaddr_storage storage{};
    if (endpoint.address.is_ipv4()) {
        sockaddr_in ipv4{};
        ipv4.sin_family = AF_INET;
        ipv4.sin_port = htons(endpoint.port.host());
        ipv4.sin_addr.s_addr = htonl(endpoint.address.ipv4().host());
        std::memcpy(&storage, &ipv4, sizeof ipv4);
    } else {
        sockaddr_in6 ipv6{};
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_port = htons(endpoint.port.host());
        std::memcpy(&ipv6.sin6_addr, endpoint.address.bytes.data(), sizeof ipv6.sin6_addr);
        std::memcpy(&storage, &ipv6, sizeof ipv6);
    }
    return storage;
}

unsigned int flags_for(const IpAddress& address) {
    if (address.is_ipv4()) {
        return MHD_USE_INTERNAL_POLLING_THREAD;
    }
    return MHD_USE_INTERNAL_POLLING_THREAD |
           (address == IpAddress() ? MHD_USE_DUAL_STACK : MHD_USE_IPv6);
}

}  // namespace

Result<std::unique_ptr<PageServer>> PageServer::start(const Endpoint& address, Pages pages) {
    std::unique_ptr<PageServer> server(new PageServer(std::move(pages)));
    const sockaddr_storage where = socket_address(address);
    errno = 0;
    server->daemon_ = MHD_start_daemon(flags_for(address.address),
                                       address.port.host(),
                                       nullptr,
                                       nullptr,
                                       &on_request,
                                       server.get(),
                                       MHD_OPTION_SOCK_ADDR,
                                       &where,
                                       MHD_OPTION_CONNECTION_LIMIT,
                                       kClientsMax,
                                       MHD_OPTION_CONNECTION_TIMEOUT,
                                       kIdleSecondsMax,
                                       MHD_OPTION_END);
    if (server->daemon_ == nullptr) {
        return failure("metrics on " + to_string(address) + ": " +
                       std::generic_category().message(errno));
    }
    return server;
}

PageServer::~PageServer() {
    if (daemon_ != nullptr) {
        MHD_stop_daemon(daemon_);
    }
}

int PageServer::port() const {
    const MHD_DaemonInfo* const info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
    return info != nullptr ? info->port : 0;
}

}  // namespace director::metrics
