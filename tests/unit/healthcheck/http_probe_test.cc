// HTTP and HTTPS probes: the request on the wire, status, digest, pattern, several pages, hostile
// servers.
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/healthcheck/probe_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::seconds;

// Answers a whole request by its path.
Say page_server(std::string_view received) {
    if (!received.ends_with("\r\n\r\n")) {
        return {};
    }
    const std::string_view path = received.substr(4, received.find(' ', 4) - 4);
    if (path == "/down") {
        return {"HTTP/1.0 503 Service Unavailable\r\n\r\nsorry", true};
    }
    if (path == "/hang") {
        return {"HTTP/1.0 200 OK\r\n\r\nbegin", false};
    }
    return {"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello world\n", true};
}

Url url_of(std::string path) {
    Url url;
    url.path = std::move(path);
    return url;
}

class HttpProbe : public testing::Test {
  protected:
    HttpProbe() { lab_.add(server_); }

    ProbeResult probe(const HttpCheck& check) {
        return lab_.probe(check_of(server_.endpoint(), check));
    }

    ProbeLab lab_;
    StreamServer server_{page_server};
};

TEST_F(HttpProbe, AsksAsKeepalivedDoes) {
    const ProbeResult result = probe(HttpCheck());
    EXPECT_EQ(result.outcome, Outcome::kPassed) << result.text;
    EXPECT_EQ(server_.received,
              "GET / HTTP/1.0\r\nHost: " + to_string(server_.endpoint()) +
                  "\r\nUser-Agent: KeepAliveClient\r\n\r\n");
    HttpCheck check;
    check.version = HttpVersion::k11;
    check.host = "www.example.org";
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
    EXPECT_EQ(server_.received,
              "GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: KeepAliveClient\r\n"
              "Connection: close\r\n\r\n");
    check.version = HttpVersion::k10Close;
    check.urls[0].host = "inner.example.org";
    check.urls[0].path = "/a/../b?c=d";
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
    EXPECT_EQ(
        server_.received,
        "GET /a/../b?c=d HTTP/1.0\r\nHost: inner.example.org\r\nUser-Agent: KeepAliveClient\r\n"
        "Connection: close\r\n\r\n");
}

TEST_F(HttpProbe, StatusDecides) {
    HttpCheck check;
    check.urls = {url_of("/down")};
    const ProbeResult result = probe(check);
    EXPECT_EQ(result.outcome, Outcome::kFailed);
    EXPECT_EQ(result.text, "/down: status 503, expected 200-299");
    check.urls[0].status = {{200, 200}, {500, 503}};
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
    check.urls[0].status = {{200, 200}, {301, 302}};
    EXPECT_EQ(probe(check).text, "/down: status 503, expected 200 301-302");
}

TEST_F(HttpProbe, DigestIsOfTheBody) {
    HttpCheck check;
    check.urls[0].digest = "6F5902AC237024BDD0C176CB93063DC4";  // printf 'hello world\n' | md5sum
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
    check.urls[0].digest = std::string(32, '0');
    EXPECT_EQ(probe(check).text,
              "/: digest 6f5902ac237024bdd0c176cb93063dc4, expected "
              "00000000000000000000000000000000");
}

TEST_F(HttpProbe, PatternIsSearchedInTheBody) {
    HttpCheck check;
    check.urls[0].body.pattern = "w.rld";
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
    check.urls[0].body.pattern = "text/plain";
    EXPECT_EQ(probe(check).text, "/: the page does not match \"text/plain\"");
    check.urls[0].body.must_match = false;
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
}

TEST_F(HttpProbe, EveryPageMustBeRight) {
    HttpCheck check;
    check.urls = {url_of("/one"), url_of("/two"), url_of("/three")};
    EXPECT_EQ(probe(check).outcome, Outcome::kPassed);
    EXPECT_EQ(server_.accepted, 3U);
    check.urls[2] = url_of("/down");
    EXPECT_EQ(probe(check).text, "/down: status 503, expected 200-299");
    EXPECT_EQ(lab_.prober->running(), 0U);
}

TEST_F(HttpProbe, OneDeadlineForAllPages) {
    HttpCheck check;
    check.urls = {url_of("/one"), url_of("/hang")};
    lab_.start(check_of(server_.endpoint(), check));
    ASSERT_TRUE(lab_.run_until([&] { return server_.received.starts_with("GET /hang"); }));
    EXPECT_EQ(lab_.result(), std::nullopt);
    lab_.jump(seconds(1));
    EXPECT_EQ(lab_.result()->text, "no answer within 1000 ms");
}

TEST_F(HttpProbe, RefusedConnection) {
    server_.close();
    const ProbeResult result = probe(HttpCheck());
    EXPECT_EQ(result.outcome, Outcome::kFailed);
    EXPECT_TRUE(result.text.starts_with("/: Failed to connect")) << result.text;
}

TEST_F(HttpProbe, HostileServers) {
    for (const char* answer : {"",
                               "nonsense\r\n\r\n",
                               "HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nshort",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                               "HTTP/9.9 -5\r\n\r\n"}) {
        StreamServer hostile([answer](std::string_view received) {
            return received.empty() ? Say{} : Say{answer, true};
        });
        ProbeLab lab;
        lab.add(hostile);
        const ProbeResult result = lab.probe(check_of(hostile.endpoint(), HttpCheck()));
        EXPECT_EQ(result.outcome, Outcome::kFailed) << answer;
    }
}

TEST_F(HttpProbe, RedirectionsAreNotFollowed) {
    StreamServer server([](std::string_view received) {
        return received.empty()
                   ? Say{}
                   : Say{"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", true};
    });
    ProbeLab lab;
    lab.add(server);
    EXPECT_EQ(lab.probe(check_of(server.endpoint(), HttpCheck())).text,
              "/: status 302, expected 200-299");
}

TEST_F(HttpProbe, IPv6) {
    StreamServer server(page_server, Tls::kNo, "::1");
    ProbeLab lab;
    lab.add(server);
    const ProbeResult result = lab.probe(check_of(server.endpoint(), HttpCheck()));
    EXPECT_EQ(result.outcome, Outcome::kPassed) << result.text;
    EXPECT_NE(server.received.find("Host: " + to_string(server.endpoint()) + "\r\n"),
              std::string::npos);
}

TEST_F(HttpProbe, Https) {
    StreamServer server(page_server, Tls::kYes);
    ProbeLab lab;
    lab.add(server);
    HttpCheck check;
    check.tls = true;
    check.host = "www.example.org";
    ProbeResult result = lab.probe(check_of(server.endpoint(), check));
    EXPECT_EQ(result.outcome, Outcome::kPassed) << result.text;
    EXPECT_EQ(server.server_name, "") << "keepalived sends none unless told";
    check.send_sni = true;
    result = lab.probe(check_of(server.endpoint(), check));
    EXPECT_EQ(result.outcome, Outcome::kPassed) << result.text;
    EXPECT_EQ(server.server_name, "www.example.org");
    check.sni = "sni.example.org";
    EXPECT_EQ(lab.probe(check_of(server.endpoint(), check)).outcome, Outcome::kPassed);
    EXPECT_EQ(server.server_name, "sni.example.org");
    check.verify = true;
    EXPECT_EQ(lab.probe(check_of(server.endpoint(), check)).outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace director::healthcheck::test
