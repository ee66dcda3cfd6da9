// print() and parse_text() are each other's inverse; print_defaults() is held by a golden file.
//
// Regenerate the golden file with DIRECTOR_REGENERATE=1 in the environment of this program.
#include "config/print.h"

#include <cstdlib>
#include <set>

#include "common/random.h"
#include "config/settings.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

// A random model that keeps every rule of validate.cc: all addresses come from counters.
class ModelMaker {
  public:
    explicit ModelMaker(uint64_t seed) : random_(seed) {}

    [[nodiscard]] Model make() {
        Model model;
        visit_settings(model.control, *this);
        visit_settings(model.dataplane, *this);
        visit_settings(model.timeouts, *this);
        visit_settings(model.health_checks, *this);
        model.dataplane.services_max += 8;
        model.dataplane.idle = IdleMode::kAdaptive;  // polling forbids shared CPUs
        model.dataplane.connections_max += 64 * 64;
        model.dataplane.services_max += 8;
        model.dataplane.real_servers_max += 64;
        for (uint64_t i = 1 + random_.below(4); i > 0; --i) {
            model.ports.push_back(make_port());
        }
        for (uint64_t i = random_.below(4); i > 0 && !gateways_.empty(); --i) {
            const auto to = Ipv4Address::from_host((100U << 24) + (serial_++ << 8));
            const auto via = gateways_[random_.below(gateways_.size())];
            model.routes.push_back({{to, static_cast<uint8_t>(24 + random_.below(9))}, via});
        }
        model.local_pools = {{"pool \"of\" both", {any_address(1), any_address(0)}, {1, 9}},
                             {"other", {any_address(0), any_address(1)}, {1024, 65535}}};
        for (uint64_t i = random_.below(6); i > 0; --i) {
            model.virtual_services.push_back(random_.below(3) == 0 ? make_service_by_rules()
                                                                   : make_service());
        }
        for (uint64_t i = random_.below(3); i > 0; --i) {
            const IpAddress from = any_address(random_.below(2));
            model.source_nat.push_back({{from, IpPrefix::length_max(from.family())},
                                        {Ipv4Address(), 0},
                                        model.local_pools[random_.below(2)].name});
        }
        return model;
    }

    // The visitor that fills the single groups.
    void text(std::string_view name, std::string& to, const TextForm<std::string>&, Need) {
        const bool is_path = name == "socket" || name == "log_file";
        const std::string word = name.ends_with("_group") ? "wheel" : "10.9.8.7:65535";
        to = is_path ? "/" + any_text() : (random_.below(2) == 0 ? "" : word);
    }
    void texts(std::string_view, std::vector<std::string>& to, const TextForm<std::string>&) {
        to.clear();
        for (uint64_t i = random_.below(4); i > 0; --i) {
            to.push_back(any_text());
        }
    }
    template <typename Integer>
    void number(std::string_view, Integer& to, const Range& range, Need) {
        to = number_in(range);
    }
    void numbers(std::string_view, std::vector<uint16_t>& to, const Range& range) {
        to.clear();
        for (uint64_t i = 1 + random_.below(64); i > 0; --i) {
            to.push_back(number_in(range));
        }
    }
    template <typename Enum, size_t kCount>
    void choice(std::string_view, Enum& to, std::span<const Choice<Enum>, kCount> choices) {
        to = choices[random_.below(choices.size())].value;
    }
    void flag(std::string_view, bool& to) { to = random_.below(2) == 0; }
    // Of health checks these are filled by hand.
    template <typename Struct>
    void list(std::string_view, std::vector<Struct>&) {}
    template <typename Struct>
    void group(std::string_view, Struct&) {}
    template <typename T>
    void text(std::string_view, T&, const TextForm<T>&, Need) {}

  private:
    struct AnyInteger {
        int64_t value;
        template <typename Integer>
        operator Integer() const {  // NOLINT(google-explicit-constructor): to whatever is filled
            return static_cast<Integer>(value);
        }
    };

    AnyInteger number_in(const Range& range) {
        if (range.shape == Shape::kPowerOfTwo) {
            return {range.min << random_.below(8)};
        }
        // Leaves room above for make()'s additions.
        const auto span = static_cast<uint64_t>((range.max - range.min) / 2 + 1);
        return {range.min + static_cast<int64_t>(random_.below(span))};
    }

    // Quotes, backslashes, control and high characters: all that a string may have to escape.
    std::string any_text() {
        constexpr std::string_view kAlphabet = "ab\"\\\n\t\r\x01\x7f\xc3\xbc x#;/*{}@";
        std::string out = "t";
        for (uint64_t i = random_.below(20); i > 0; --i) {
            out += kAlphabet[random_.below(kAlphabet.size())];
        }
        return out + "t";
    }

    IpPrefix make_interface_address() {
        const auto network = (10U << 24) + (serial_++ << 8);
        gateways_.push_back(Ipv4Address::from_host(network + 9));
        return {Ipv4Address::from_host(network + 1 + static_cast<uint32_t>(random_.below(8))), 24};
    }

    Port make_port() {
        Port port;
        port.name = "port" + std::to_string(serial_);
        port.device = "net_null" + std::to_string(serial_) + ",quote=\"";
        ++serial_;
        port.side = kPortSides[random_.below(kPortSides.size())].value;
        port.mtu_bytes = static_cast<uint16_t>(68 + random_.below(9000));
        port.rx_descriptors = static_cast<uint16_t>(32 + random_.below(9000));
        port.tx_descriptors = static_cast<uint16_t>(32 + random_.below(9000));
        for (uint64_t i = random_.below(3); i > 0; --i) {
            port.addresses.push_back(make_interface_address());
        }
        for (uint64_t i = random_.below(3); i > 0; --i) {
            port.vlans.push_back({static_cast<uint16_t>(i),
                                  static_cast<uint16_t>(i % 2 * 100),
                                  0,
                                  {make_interface_address()}});
        }
        return port;
    }

    VirtualService make_service() {
        VirtualService service;
        const uint64_t family = random_.below(2);
        service.endpoint = {any_address(family), any_port()};
        service.protocol = kProtocols[random_.below(3)].value;
        add_options(service, service.protocol);
        for (uint64_t i = random_.below(8); i > 0; --i) {
            service.real_servers.push_back(make_server(family, any_port()));
            service.real_servers.back().quic_id = service.quic.id_length != 0 ? i : 0;
        }
        add_health(service, family);
        return service;
    }

    VirtualService make_service_by_rules() {
        VirtualService service;
        const uint64_t family = random_.below(2);
        service.mark = serial_++;
        const Protocol protocol = kMatchProtocols[random_.below(4)].value;
        for (uint64_t i = 1 + random_.below(3); i > 0; --i) {
            const IpAddress first = any_address(family);
            service.match.push_back(
                {{first, random_.below(2) == 0 ? first : any_address(family)}, {80, 81}, protocol});
        }
        add_options(service, protocol);
        for (uint64_t i = random_.below(4); i > 0; --i) {
            service.real_servers.push_back(make_server(family, Be16{}));
            RealServer& server = service.real_servers.back();
            server.quic_id = service.quic.id_length != 0 ? 1000 + i : 0;
            server.endpoint.address = any_address(family);
            constexpr std::array kMethods{ForwardingMethod::kNat,
                                          ForwardingMethod::kDirect,
                                          ForwardingMethod::kTunnel,
                                          ForwardingMethod::kLocal};
            server.forwarding = kMethods[random_.below(kMethods.size())];
            if (server.forwarding == ForwardingMethod::kTunnel) {
                server.tunnel = {TunnelType::kGue, 6080, TunnelChecksum::kRemote};
            }
        }
        service.syn_proxy = SynProxy::kOff;
        service.client_address = ClientAddress::kNothing;
        service.ftp = false;
        return service;
    }

    void add_options(VirtualService& service, Protocol protocol) {
        const bool is_tcp = protocol == Protocol::kTcp;
        const auto coin = [this] { return random_.below(2) == 0; };
        service.scheduler = coin() ? "rr" : "sh";
        if (service.scheduler == "sh" && coin()) {
            service.flags = {SchedulerFlag::kHashFallback, SchedulerFlag::kHashPort};
        }
        visit_settings(service.persistence, *this);
        service.persistence.prefix = static_cast<uint8_t>(random_.below(33));
        visit_settings(service.limits, *this);
        visit_settings(service.timeouts, *this);
        service.one_packet = protocol == Protocol::kUdp && coin();
        service.quic = {3, static_cast<uint8_t>(protocol == Protocol::kUdp ? 4 : 0)};
        service.ftp = is_tcp && coin();
        service.clamp_mss = is_tcp && coin();
        service.stateless_when_full = coin();
        service.load_bound_percent = coin() ? 0 : static_cast<uint16_t>(101 + random_.below(900));
        service.client_address = is_tcp ? ClientAddress::kTcpOption : ClientAddress::kNothing;
        service.syn_proxy = is_tcp ? SynProxy::kAlways : SynProxy::kOff;
        visit_settings(service.syn_proxy_offer, *this);
        visit_settings(service.syn_flood, *this);
        SynFlood& flood = service.syn_flood;
        flood.half_open_off = std::min(flood.half_open_off, flood.half_open_on);
        flood.syns_off = std::min(flood.syns_off, flood.syns_on);
        service.when_server_gone = WhenServerGone::kLeave;
        service.local_pool = "other";
        service.allow = {{any_address(0), 32}};
        service.deny = {{any_address(1), 128}, {any_address(0), 32}};
    }

    void add_health(VirtualService& service, uint64_t family) {
        for (uint64_t i = random_.below(4); i > 0; --i) {
            service.health.checks.push_back(make_check());
        }
        visit_settings(service.health, *this);
        service.health.quorum += service.health.quorum_hysteresis;
        for (RealServer& server : service.real_servers) {
            visit_settings(server.health, *this);
            server.health.slow_start.duration = any_duration();
        }
        if (random_.below(2) == 0) {
            service.sorry_server.endpoint = {any_address(family), any_port()};
            service.sorry_server.weight = 7;
            service.sorry_server.inhibit = random_.below(2) == 0;
        }
    }

    HealthCheck make_check() {
        HealthCheck check;
        visit_settings(check, *this);
        check.interface = "eth0";
        check.address = random_.below(2) == 0 ? std::optional(any_address(1)) : std::nullopt;
        check.source = any_address(0);
        check.interval = any_duration();
        check.timeout = any_duration();
        check.warm_up = Duration::zero();
        switch (check.type) {
            case CheckType::kHttp:
            case CheckType::kHttps:
                visit_settings(check.http, *this);
                check.http.host = any_text();
                check.http.urls.resize(random_.below(3));
                for (CheckUrl& url : check.http.urls) {
                    url.path = "/" + any_text();
                    url.pattern = any_text();
                    url.pattern_options = {PatternOption::kUtf, PatternOption::kCaseless};
                    url.status = {{200, 200}, {301, 399}};
                }
                break;
            case CheckType::kUdp:
                visit_settings(check.udp, *this);
                check.udp.payload = {0, 255, 10};
                check.udp.reply = {'"', '\\'};
                check.udp.reply_mask = {0xf0, 0};
                break;
            case CheckType::kDns:
                visit_settings(check.dns, *this);
                check.dns.name = "example.org";
                break;
            case CheckType::kScript:
                visit_settings(check.script, *this);
                break;
            case CheckType::kPassive:
                visit_settings(check.passive, *this);
                break;
            case CheckType::kTls:
            case CheckType::kTcp:
            case CheckType::kPing:
            case CheckType::kSmtp:
                break;
        }
        return check;
    }

    Duration any_duration() {
        constexpr std::array<Duration, 5> kUnits{std::chrono::microseconds(1),
                                                 std::chrono::milliseconds(1),
                                                 std::chrono::seconds(1),
                                                 std::chrono::minutes(1),
                                                 std::chrono::hours(1)};
        return kUnits[random_.below(kUnits.size())] * static_cast<int64_t>(random_.below(700));
    }

    RealServer make_server(uint64_t family, Be16 port) {
        RealServer server;
        server.endpoint = {any_address(family), port};
        server.weight = static_cast<uint32_t>(random_.below(65536));
        server.upper_threshold = static_cast<uint32_t>(100 + random_.below(100));
        server.lower_threshold = static_cast<uint32_t>(random_.below(100));
        if (random_.below(2) == 0) {
            server.forwarding = ForwardingMethod::kFullNat;
            server.endpoint.address = any_address(random_.below(2));
        }
        return server;
    }

    IpAddress any_address(uint64_t family) {
        if (family == 0) {
            return Ipv4Address::from_host((30U << 24) + serial_++);
        }
        IpAddress address = *IpAddress::parse("2001:db8:77::");
        address.bytes[14] = static_cast<uint8_t>(serial_ >> 8);
        address.bytes[15] = static_cast<uint8_t>(serial_++);
        return address;
    }

    Be16 any_port() { return Be16::from_host(static_cast<uint16_t>(1 + random_.below(65535))); }

    Random random_;
    uint32_t serial_ = 1;
    std::vector<Ipv4Address> gateways_;
};

TEST(Print, ParsesBackToTheSameModel) {
    for (uint64_t seed = 0; seed < 500; ++seed) {
        const Model model = ModelMaker(seed).make();
        const std::string text = print(model);
        const auto parsed = parse(text);
        ASSERT_THAT(lines_of(parsed), testing::IsEmpty()) << "seed " << seed << "\n" << text;
        ASSERT_EQ(*parsed, model) << "seed " << seed << "\n" << text;
        ASSERT_EQ(print(*parsed), text) << "seed " << seed;
        const auto changes = parse(print_changes(model));
        ASSERT_THAT(lines_of(changes), testing::IsEmpty()) << "seed " << seed;
        ASSERT_EQ(*changes, model) << "seed " << seed << "\n" << print_changes(model);
    }
}

TEST(Print, ParsesBackTheExamples) {
    for (const char* const name : {"lvs-nat.conf", "full.conf"}) {
        const auto model =
            parse_file((source_root() / "config/examples" / name).string(), test_vocabulary());
        ASSERT_TRUE(model) << name;
        const auto again = parse(print(*model));
        ASSERT_THAT(lines_of(again), testing::IsEmpty()) << name;
        EXPECT_EQ(*again, *model) << name;
    }
}

TEST(PrintDefaults, IsTheGoldenText) {
    const auto path = source_root() / "tests/unit/config/defaults.golden";
    if (std::getenv("DIRECTOR_REGENERATE") != nullptr) {
        std::ofstream(path) << print_defaults();
    }
    EXPECT_EQ(print_defaults(), read_whole_file(path));
}

TEST(PrintDefaults, ChangesNothingWhenItIsParsed) {
    const auto model = parse(print_defaults() + std::string(kOnePort));
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_EQ(model->control, Control{});
    EXPECT_EQ(model->dataplane, Dataplane{});
    EXPECT_EQ(model->timeouts, Timeouts{});
}

TEST(PrintDefaults, CommentedEntriesAreAConfiguration) {
    std::string text = print_defaults();
    text = text.substr(text.find("\n# The lists"));
    text = text.substr(text.find('\n', 1) + 1);
    std::string uncommented;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        ASSERT_TRUE(line.starts_with("# ")) << line;
        uncommented += line.substr(2) + "\n";
    }
    const auto model = parse(uncommented);
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    ASSERT_EQ(model->ports.size(), 1U);
    EXPECT_EQ(model->ports[0].mtu_bytes, Port{}.mtu_bytes);
    ASSERT_EQ(model->virtual_services.size(), 2U);
    EXPECT_EQ(model->virtual_services[0].real_servers.at(0).weight, RealServer{}.weight);
}

TEST(DescribeSettings, NamesEachSettingOnce) {
    std::set<std::pair<std::string, std::string>> seen;
    for (const SettingDescription& setting : describe_settings()) {
        EXPECT_TRUE(seen.emplace(setting.group, setting.name).second) << setting.name;
    }
    EXPECT_TRUE(seen.contains({"ports[].vlans[]", "id"}));
    EXPECT_TRUE(seen.contains({"virtual_services[].real_servers[]", "weight"}));
    EXPECT_TRUE(seen.contains({"", "routes"}));
}

}  // namespace
}  // namespace director::config
