#include "healthcheck/probes/http_probe.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace director::healthcheck {
namespace {

// A page to check is small; one without end must neither fill memory nor hold the check's time.
constexpr size_t kPageBytesMax = size_t{16} << 20;
constexpr size_t kPatternBytesMax = size_t{1} << 20;

bool is_default_port(const HttpCheck& check, uint16_t port) {
    return port == (check.tls ? 443 : 80);
}

// keepalived: a name as it was written, an address with its port when that is not the usual one.
std::string host_of(const HttpCheck& check, const Url& url, const Endpoint& server) {
    if (!url.host.empty() || !check.host.empty()) {
        return url.host.empty() ? check.host : url.host;
    }
    const std::string with_port = to_string(server);
    return is_default_port(check, server.port.host())
               ? with_port.substr(0, with_port.find_last_of(':'))
               : with_port;
}

std::string ranges_text(const std::vector<StatusRange>& ranges) {
    std::string text;
    for (const StatusRange& range : ranges) {
        text += fmt::format("{}{}", text.empty() ? "" : " ", range.first);
        text += range.last != range.first ? fmt::format("-{}", range.last) : "";
    }
    return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

}  // namespace

void HttpProbe::begin(TimePoint now) {
    const HttpCheck& check = sort<HttpCheck>();
    open_ = check.urls.size();
    for (const Url& url : check.urls) {
        HttpRequest request;
        request.target = target();
        request.tls = check.tls;
        request.verify = check.verify;
        request.path = url.path;
        request.version = check.version;
        request.host = host_of(check, url, target().to);
        if (check.send_sni) {
            const std::string name = url.host.empty() ? check.host : url.host;
            request.sni = check.sni.empty() ? name : check.sni;
        }
        pages_.push_back(std::make_unique<Page>(*this, url));
        pages_.back()->ask(request, now);
        if (is_finished()) {
            return;
        }
    }
}

void HttpProbe::on_page_done(const Url& url,
                             const std::optional<std::string>& wrong,
                             TimePoint now) {
    if (wrong) {
        fail(now, fmt::format("{}: {}", url.path, *wrong));
    } else if (--open_ == 0) {
        pass(now);
    }
}

void HttpProbe::Page::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

void HttpProbe::Page::ask(const HttpRequest& request, TimePoint now) {
    if (!url_.digest.empty()) {
        digest_.reset(EVP_MD_CTX_new());
        if (!digest_ || EVP_DigestInit_ex(digest_.get(), EVP_md5(), nullptr) != 1) {
            probe_.unable(now, "OpenSSL has no MD5");
            return;
        }
    }
    if (!url_.body.pattern.empty()) {
        auto matcher = BodyMatcher::compile(url_.body);
        if (!matcher) {
            probe_.unable(now, matcher.error().message);
            return;
        }
        matcher_ = std::move(*matcher);
    }
    transfer_ = probe_.tools().http.fetch(request, *this, now);
    if (!transfer_) {
        probe_.unable(now, "libcurl: no memory");
    }
}

bool HttpProbe::Page::on_page(std::string_view piece) {
    length_ += piece.size();
    if (length_ > kPageBytesMax) {
        return false;
    }
    if (digest_) {
        EVP_DigestUpdate(digest_.get(), piece.data(), piece.size());
    }
    if (matcher_) {
        body_ += piece.substr(0, kPatternBytesMax - std::min(body_.size(), kPatternBytesMax));
    }
    return true;
}

void HttpProbe::Page::on_response(const HttpResponse& response, TimePoint now) {
    if (response.is_unable) {
        probe_.unable(now, response.text);
    } else {
        probe_.on_page_done(url_, judge(response), now);
    }
}

std::optional<std::string> HttpProbe::Page::judge(const HttpResponse& response) {
    if (length_ > kPageBytesMax) {
        return fmt::format("a page of more than {} bytes", kPageBytesMax);
    }
    if (!response.arrived) {
        return response.text;
    }
    const bool is_wanted =
        std::any_of(url_.status.begin(), url_.status.end(), [&](const StatusRange& range) {
            return range.first <= response.status && response.status <= range.last;
        });
    if (!is_wanted) {
        return fmt::format("status {}, expected {}", response.status, ranges_text(url_.status));
    }
    auto wrong = judge_digest();
    return wrong ? wrong : judge_body();
}

std::optional<std::string> HttpProbe::Page::judge_digest() {
    if (!digest_) {
        return std::nullopt;
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(digest_.get(), bytes.data(), &length) != 1) {
        return "OpenSSL: no digest";
    }
    std::string text;
    for (unsigned i = 0; i < length; ++i) {
        text += fmt::format("{:02x}", bytes.at(i));
    }
    if (equal_ignoring_case(text, url_.digest)) {
        return std::nullopt;
    }
    return fmt::format("digest {}, expected {}", text, url_.digest);
}

std::optional<std::string> HttpProbe::Page::judge_body() const {
    if (!matcher_ || matcher_->accepts(body_)) {
        return std::nullopt;
    }
    return fmt::format("the page {} \"{}\"",
                       url_.body.must_match ? "does not match" : "matches",
                       url_.body.pattern);
}

}  // namespace director::healthcheck
