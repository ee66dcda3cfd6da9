// The HTTP server of the metrics page: one thread of libmicrohttpd's that answers GET /metrics.
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
    using Page = std::function<std::string()>;

    // Listens on `address`; [::] is every address of both families. `page` is called from the
    // server's thread for every scrape, until this object is gone.
    [[nodiscard]] static Result<std::unique_ptr<PageServer>> start(const Endpoint& address,
                                                                   Page page);
    PageServer(const PageServer&) = delete;
    PageServer& operator=(const PageServer&) = delete;
    ~PageServer();

    // The TCP port that it got.
    [[nodiscard]] int port() const;
    [[nodiscard]] const Page& page() const { return page_; }

  private:
    explicit PageServer(Page page) : page_(std::move(page)) {}

    Page page_;
    MHD_Daemon* daemon_ = nullptr;
};

}  // namespace director::metrics
