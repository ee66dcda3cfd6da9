// libcurl's multi interface on our Poller: many transfers, one thread, nothing that blocks. Used by
// HttpProbe; no other file sees curl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/sockets.h"

namespace director::healthcheck {

struct HttpRequest {
    Target target;
    bool tls = false;
    bool verify = false;
    std::string sni;  // empty: none is sent
    std::string path;
    HttpVersion version = HttpVersion::k10;
    std::string host;  // as it is to stand in the request
};

struct HttpResponse {
    bool arrived = false;  // whole
    bool is_unable = false;
    std::string text;  // why not
    uint16_t status = 0;
};

// Told of one transfer.
class HttpReceiver {
  public:
    HttpReceiver() = default;
    HttpReceiver(const HttpReceiver&) = delete;
    HttpReceiver& operator=(const HttpReceiver&) = delete;
    virtual ~HttpReceiver() = default;
    // A piece of the page. False ends the transfer.
    [[nodiscard]] virtual bool on_page(std::string_view piece) = 0;
    // It is over; the transfer may be destroyed here.
    virtual void on_response(const HttpResponse& response, TimePoint now) = 0;
};

class HttpClient final : public PollHandler {
  public:
    struct Transfer;
    struct Cancel {
        void operator()(Transfer* transfer) const;
    };
    // Destroying it ends the transfer.
    using TransferPtr = std::unique_ptr<Transfer, Cancel>;

    [[nodiscard]] static Result<std::unique_ptr<HttpClient>> make(Poller& poller, Sockets& sockets);
    ~HttpClient() override;

    // Null if there is no memory. `receiver` outlives the transfer.
    [[nodiscard]] TransferPtr fetch(const HttpRequest& request,
                                    HttpReceiver& receiver,
                                    TimePoint now);

    void on_ready(int fd, Readiness readiness, TimePoint now) override;
    void on_deadline(TimePoint now) override;

  private:
    struct Callbacks;
    HttpClient(Poller& poller, Sockets& sockets) : poller_(poller), sockets_(sockets) {}
    void take_finished(TimePoint now);

    Poller& poller_;
    Sockets& sockets_;
    Poller::Seat seat_ = 0;
    void* multi_ = nullptr;  // CURLM*
    TimePoint now_;          // of the call that we are in
};

}  // namespace director::healthcheck
