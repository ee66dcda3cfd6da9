// main() for a fuzz target without a fuzzer: runs every file of the given folders through it once.
// A target aborts when something is wrong.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int count, char** arguments) {
    int replayed = 0;
    for (int i = 1; i < count; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
            // A block of exactly this size, so that AddressSanitizer sees a read behind its end.
            std::vector<uint8_t> input(bytes.begin(), bytes.end());
            input.shrink_to_fit();
            LLVMFuzzerTestOneInput(input.data(), input.size());
            ++replayed;
        }
    }
    return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;  // an empty corpus shows nothing
}
