// TCP, TLS, SMTP, ping, UDP and DNS probes against servers of our own: what passes, what fails and
// with which words, what happens at the deadline.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/healthcheck/probe_lab.h"

namespace director::healthcheck::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<uint8_t>;

Say silent(std::string_view /*received*/) {
    return {};
}
std::vector<Bytes> no_reply(const Bytes& /*request*/) {
    return {};
}

#define EXPECT_PASSED(result) EXPECT_EQ((result).outcome, Outcome::kPassed) << (result).text
void expect_failed(const ProbeResult& seen, std::string_view words) {
    EXPECT_EQ(seen.outcome, Outcome::kFailed);
    EXPECT_EQ(seen.text, words);
}
#define EXPECT_FAILED(result, words)  \
    do {                              \
        SCOPED_TRACE("");             \
        expect_failed(result, words); \
    } while (false)

// --- TCP ---

TEST(TcpProbe, PassesAndIsRefused) {
    for (const char* address : {"127.0.0.1", "::1"}) {
        ProbeLab lab;
        StreamServer server(silent, Tls::kNo, address);
        lab.add(server);
        const CheckSettings check = check_of(server.endpoint(), TcpCheck());
        EXPECT_PASSED(lab.probe(check));
        server.close();
        EXPECT_FAILED(lab.probe(check), "connect: Connection refused");
        EXPECT_EQ(lab.prober->running(), 0U);
    }
}

TEST(TcpProbe, FailsAtTheDeadline) {
    ProbeLab lab;
    // Linux keeps no more than backlog + 1 connections that nobody accepts; SYNs beyond are
    // dropped.
    StreamServer server(silent);
    const CheckSettings check = check_of(server.endpoint(), TcpCheck());
    std::vector<OwnedFd> fillers;
    const SocketAddress address(server.endpoint());
    for (int i = 0; i < 70; ++i) {
        fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        static_cast<void>(::connect(fillers.back().get(), address.get(), address.length));
    }
    lab.start(check);
    lab.jump(milliseconds(999));
    EXPECT_EQ(lab.result(), std::nullopt);
    lab.jump(milliseconds(1));
    const auto result = lab.result();
    ASSERT_TRUE(result);
    EXPECT_FAILED(*result, "no answer within 1000 ms");
    EXPECT_EQ(result->took, seconds(1));
}

TEST(TcpProbe, CancelledSaysNothing) {
    ProbeLab lab;
    StreamServer server(silent);
    lab.add(server);
    lab.start(check_of(server.endpoint(), TcpCheck()));
    lab.cancel();
    EXPECT_EQ(lab.prober->running(), 0U);
    lab.jump(seconds(5));
    EXPECT_EQ(lab.result(), std::nullopt);
}

TEST(TcpProbe, ComesFromWhereItShould) {
    ProbeLab lab;
    StreamServer server([](std::string_view) { return Say{"220 hello\r\n", false}; });
    lab.add(server);
    // An SMTP check, since a TCP check's connection is gone before a server can look at it.
    CheckSettings check = check_of(server.endpoint(), SmtpCheck());
    check.target.source = *IpAddress::parse("127.0.0.77");
    lab.start(check);
    ASSERT_TRUE(lab.run_until([&] { return server.accepted == 1; }));
    EXPECT_EQ(to_string(server.client.address), "127.0.0.77");
    lab.cancel();
    // A path of the daemon's with a source of its own.
    KernelSockets::Path path;
    path.source = *IpAddress::parse("127.0.0.78");
    lab.kernel_sockets.set_path(5, path);
    check.target.source.reset();
    check.target.path = 5;
    lab.start(check);
    ASSERT_TRUE(lab.run_until([&] { return server.accepted == 2; }));
    EXPECT_EQ(to_string(server.client.address), "127.0.0.78");
    lab.cancel();
    lab.kernel_sockets.remove_path(5);
    const ProbeResult result = lab.probe(check);
    EXPECT_EQ(result.outcome, Outcome::kUnable);
    EXPECT_EQ(result.text, "path 5 is not there");
}

TEST(TcpProbe, LackOfSocketsIsNotTheServersFault) {
    class NoSockets final : public Sockets {
      public:
        Result<OwnedFd> open(const Target& /*target*/, int /*type*/, int /*protocol*/) override {
            return failure("Too many open files");
        }
    };
    NoSockets none;
    ProbeLab lab(none);
    for (const CheckSort& sort : {CheckSort(TcpCheck()),
                                  CheckSort(HttpCheck()),
                                  CheckSort(PingCheck()),
                                  CheckSort(DnsCheck())}) {
        const ProbeResult result = lab.probe(check_of(*Endpoint::parse("127.0.0.1:1"), sort));
        EXPECT_EQ(result.outcome, Outcome::kUnable) << to_string(sort);
        EXPECT_EQ(result.text, "Too many open files") << to_string(sort);
    }
}

// --- TLS ---

TEST(TlsProbe, HandshakeCompletes) {
    ProbeLab lab;
    StreamServer server(silent, Tls::kYes);
    lab.add(server);
    TlsCheck tls;
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), tls)));
    EXPECT_EQ(server.server_name, "");
    tls.sni = "www.example.org";
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), tls)));
    EXPECT_EQ(server.server_name, "www.example.org");
    tls.verify = true;
    EXPECT_FAILED(lab.probe(check_of(server.endpoint(), tls)),
                  "certificate: self-signed certificate");
}

TEST(TlsProbe, PlainServerFails) {
    ProbeLab lab;
    StreamServer server([](std::string_view) {
        return Say{"HTTP/1.0 400 Bad Request\r\n\r\n", true};
    });
    lab.add(server);
    EXPECT_FAILED(lab.probe(check_of(server.endpoint(), TlsCheck())),
                  "TLS handshake: wrong version number");
}

TEST(TlsProbe, SilentServerFailsAtTheDeadline) {
    ProbeLab lab;
    StreamServer server(silent);
    lab.add(server);
    lab.start(check_of(server.endpoint(), TlsCheck()));
    ASSERT_TRUE(lab.run_until([&] { return !server.received.empty(); }));
    lab.jump(seconds(1));
    EXPECT_FAILED(*lab.result(), "no answer within 1000 ms");
}

// --- SMTP ---

Say mail_server(std::string_view received) {
    if (received.empty()) {
        return {"220-mail.example.org\r\n220 ready\r\n", false};
    }
    if (received.ends_with("QUIT\r\n")) {
        return {"221 bye\r\n", true};
    }
    return {"250 hello\r\n", false};
}

TEST(SmtpProbe, SaysHelo) {
    ProbeLab lab;
    StreamServer server(mail_server);
    lab.add(server);
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), SmtpCheck())));
    ASSERT_TRUE(lab.run_until([&] { return server.received.ends_with("QUIT\r\n"); }));
    EXPECT_EQ(server.received, "HELO smtpchecker.keepalived.org\r\nQUIT\r\n");
}

TEST(SmtpProbe, RefusalFails) {
    ProbeLab lab;
    StreamServer server([](std::string_view) { return Say{"554 no service here\r\n", false}; });
    lab.add(server);
    EXPECT_FAILED(lab.probe(check_of(server.endpoint(), SmtpCheck())),
                  "\"554 no service here\" instead of 220 as greeting");
    StreamServer closing([](std::string_view) { return Say{"", true}; });
    lab.add(closing);
    EXPECT_FAILED(lab.probe(check_of(closing.endpoint(), SmtpCheck())),
                  "the server closed the connection");
}

// --- ping ---

TEST(PingProbe, LoopbackAnswers) {
    for (const char* address : {"127.0.0.1", "::1"}) {
        ProbeLab lab;
        const ProbeResult result =
            lab.probe(check_of({*IpAddress::parse(address), Be16()}, PingCheck()));
        if (result.outcome == Outcome::kUnable) {
            GTEST_SKIP() << "needs CAP_NET_RAW or net.ipv4.ping_group_range: " << result.text;
        }
        EXPECT_PASSED(result) << address;
    }
}

// --- UDP ---

TEST(UdpProbe, SilenceIsConsentUnlessAReplyIsRequired) {
    ProbeLab lab;
    DatagramServer server(no_reply);
    lab.add(server);
    UdpCheck udp;
    for (const bool required : {false, true}) {
        udp.require_reply = required;
        lab.start(check_of(server.endpoint(), udp));
        ASSERT_TRUE(lab.run_until([&] { return !server.requests.empty(); }));
        EXPECT_EQ(lab.result(), std::nullopt);
        lab.jump(seconds(1));
        EXPECT_EQ(lab.result()->outcome, required ? Outcome::kFailed : Outcome::kPassed);
    }
    EXPECT_EQ(std::string(server.requests[0].begin(), server.requests[0].end()),
              "keepalived check - keepalived ch");
}

TEST(UdpProbe, IcmpErrorFails) {
    ProbeLab lab;
    DatagramServer server(no_reply);
    server.close();
    EXPECT_FAILED(lab.probe(check_of(server.endpoint(), UdpCheck())),
                  "no service: Connection refused");
}

TEST(UdpProbe, ReplyIsCompared) {
    ProbeLab lab;
    DatagramServer server([](const Bytes& request) { return std::vector<Bytes>{request}; });
    lab.add(server);
    UdpCheck udp;
    udp.payload = {0xab, 0xcd, 0xef};
    udp.require_reply = true;
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), udp)));
    udp.reply = {0xab, 0xc0};
    udp.reply_mask = {0xff, 0xf0};
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), udp)));
    udp.reply_mask = {0xff, 0xff};
    EXPECT_FAILED(lab.probe(check_of(server.endpoint(), udp)),
                  "another reply than expected, of 3 bytes");
    udp.reply.clear();
    udp.reply_mask.clear();
    udp.reply_length_min = 4;
    EXPECT_EQ(lab.probe(check_of(server.endpoint(), udp)).outcome, Outcome::kFailed);
    udp.reply_length_min = 3;
    udp.reply_length_max = 3;
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), udp)));
}

// --- DNS ---

Bytes answer_to(const Bytes& query) {
    Bytes reply = query;
    reply[2] |= 0x80;
    return reply;
}

TEST(DnsProbe, WaitsForItsOwnAnswer) {
    ProbeLab lab;
    DatagramServer server([](const Bytes& query) {
        Bytes other = answer_to(query);
        other[0] ^= 1;
        return std::vector<Bytes>{{}, {1, 2, 3}, query, other, answer_to(query)};
    });
    lab.add(server);
    DnsCheck dns;
    dns.type = 1;
    dns.name = "www.example.org";
    EXPECT_PASSED(lab.probe(check_of(server.endpoint(), dns)));
    const std::string sent(server.requests[0].begin(), server.requests[0].end());
    EXPECT_EQ(sent.substr(12), std::string("\3www\7example\3org\0\0\1\0\1", 21));
}

TEST(DnsProbe, ErrorsFail) {
    ProbeLab lab;
    DatagramServer server([](const Bytes& query) {
        Bytes reply = answer_to(query);
        reply[3] |= 2;
        return std::vector<Bytes>{reply};
    });
    lab.add(server);
    EXPECT_FAILED(lab.probe(check_of(server.endpoint(), DnsCheck())),
                  "response code 2 (server failure)");
}

}  // namespace
}  // namespace director::healthcheck::test
