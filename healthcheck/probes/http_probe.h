// Asks for all URLs of a check at once; the first wrong answer ends the round.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "healthcheck/codecs/body_pattern.h"
#include "healthcheck/probes/http_client.h"
#include "healthcheck/probes/probe.h"

struct evp_md_ctx_st;

namespace director::healthcheck {

class HttpProbe final : public Probe {
  public:
    using Probe::Probe;
    void begin(TimePoint now) override;
    // Nothing here is ours to watch: HttpClient does.
    void on_ready(int /*fd*/, Readiness /*readiness*/, TimePoint /*now*/) override {}

  private:
    // One URL's answer.
    class Page final : public HttpReceiver {
      public:
        Page(HttpProbe& probe, const Url& url) : probe_(probe), url_(url) {}
        void ask(const HttpRequest& request, TimePoint now);
        [[nodiscard]] bool on_page(std::string_view piece) override;
        void on_response(const HttpResponse& response, TimePoint now) override;

      private:
        struct Free {
            void operator()(evp_md_ctx_st* context) const;
        };
        // What is wrong with it, if anything.
        [[nodiscard]] std::optional<std::string> judge(const HttpResponse& response);
        [[nodiscard]] std::optional<std::string> judge_digest();
        [[nodiscard]] std::optional<std::string> judge_body() const;

        HttpProbe& probe_;
        const Url& url_;
        std::unique_ptr<evp_md_ctx_st, Free> digest_;
        std::optional<BodyMatcher> matcher_;
        size_t length_ = 0;
        std::string body_;  // kept for a pattern only
        HttpClient::TransferPtr transfer_;
    };

    void on_page_done(const Url& url, const std::optional<std::string>& wrong, TimePoint now);

    std::vector<std::unique_ptr<Page>> pages_;
    size_t open_ = 0;
};

}  // namespace director::healthcheck
