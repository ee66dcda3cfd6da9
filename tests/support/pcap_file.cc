#include "tests/support/pcap_file.h"

#include <pcap/pcap.h>

#include <array>
#include <memory>

namespace director::test {
namespace {

struct PcapCloser {
    void operator()(pcap_t* handle) const { pcap_close(handle); }
};

}  // namespace

std::string test_data(std::string_view name) {
    return std::string(DIRECTOR_TEST_DATA "/").append(name);
}

Result<std::vector<CapturedFrame>> read_pcap_file(const std::string& path) {
    std::array<char, PCAP_ERRBUF_SIZE> message{};
    const std::unique_ptr<pcap_t, PcapCloser> file(pcap_open_offline_with_tstamp_precision(
        path.c_str(), PCAP_TSTAMP_PRECISION_NANO, message.data()));
    if (!file) {
        return failure(path + ": " + message.data());
    }
    if (pcap_datalink(file.get()) != DLT_EN10MB) {
        return failure(path + ": not an Ethernet capture");
    }
    std::vector<CapturedFrame> frames;
    pcap_pkthdr* header = nullptr;
    const uint8_t* bytes = nullptr;
    int outcome = 0;
    while ((outcome = pcap_next_ex(file.get(), &header, &bytes)) == 1) {
        if (header->caplen != header->len) {
            return failure(path + ": frame " + std::to_string(frames.size() + 1) + " was cut");
        }
        // With nanosecond precision asked for, tv_usec holds nanoseconds.
        frames.push_back(
            {std::chrono::seconds(header->ts.tv_sec) + std::chrono::nanoseconds(header->ts.tv_usec),
             Frame(bytes, bytes + header->caplen)});
    }
    if (outcome != PCAP_ERROR_BREAK) {
        return failure(path + ": " + pcap_geterr(file.get()));
    }
    return frames;
}

}  // namespace director::test
