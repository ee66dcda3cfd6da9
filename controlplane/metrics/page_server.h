// The HTTP server: one thread of libmicrohttpd's that answers GET of /metrics, the status page at /
// and what that one reads, /status.json. Nothing can be changed by it.
//
// Not prometheus-cpp's own exposer: its civetweb, as Debian builds it, knows no IPv6.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/address.h"
#include "common/result.h"

struct MHD_Daemon;

namespace director::metrics {

class PageServer {
  public:
    struct Pages {
        std::function<std::string()> metrics;
        std::function<std::string()> status;  // JSON
    };

    // Listens on `address`; [::] is every address of both families. `pages` are made by the
    // server's thread for every request, until this object is gone.
    [[nodiscard]] static Result<std::unique_ptr<PageServer>> start(const Endpoint& address,
                                                                   Pages pages);
    PageServer(const PageServer&) = delete;
    PageServer& operator=(const PageServer&) = delete;
    ~PageServer();

    // The TCP port that it got.
    [[nodiscard]] int port() const;
    [[nodiscard]] const Pages& pages() const { return pages_; }

  private:
    explicit PageServer(Pages pages) : pages_(std::move(pages)) {}

    Pages pages_;
    MHD_Daemon* daemon_ = nullptr;
};

}  // namespace director::metrics
