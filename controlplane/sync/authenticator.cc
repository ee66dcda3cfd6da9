#include "controlplane/sync/authenticator.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "common/assert.h"

namespace director::sync {

Tag Authenticator::tag_of(std::span<const uint8_t> bytes) const {
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    const uint8_t* const made = HMAC(EVP_sha256(),
                                     key_.data(),
                                     static_cast<int>(key_.size()),
                                     bytes.data(),
                                     bytes.size(),
                                     digest.data(),
                                     &length);
    DIRECTOR_ASSERT(made != nullptr && length >= kTagBytes);
    Tag tag{};
    std::copy_n(digest.begin(), kTagBytes, tag.begin());
    return tag;
}

bool Authenticator::is_right(std::span<const uint8_t> bytes, std::span<const uint8_t> tag) const {
    return tag.size() == kTagBytes &&
           CRYPTO_memcmp(tag_of(bytes).data(), tag.data(), kTagBytes) == 0;
}

ReplayWindow::Answer ReplayWindow::take(uint64_t incarnation, uint64_t sequence) {
    if (incarnation < incarnation_) {
        return Answer::kOldIncarnation;
    }
    if (incarnation > incarnation_) {
        // Whatever was sent before we began to listen is not lost.
        incarnation_ = incarnation;
        first_ = sequence;
        highest_ = sequence;
        seen_.reset();
        seen_.set(sequence % kWidth);
        return Answer::kNew;
    }
    if (sequence > highest_) {
        const uint64_t step = sequence - highest_;
        for (uint64_t i = 1; i <= std::min(step, kWidth); ++i) {
            seen_.reset((highest_ + i) % kWidth);
        }
        lost_ += step - 1;
        highest_ = sequence;
        seen_.set(sequence % kWidth);
        return Answer::kNew;
    }
    if (highest_ - sequence >= kWidth || seen_.test(sequence % kWidth)) {
        return Answer::kTwice;
    }
    seen_.set(sequence % kWidth);
    lost_ -= sequence > first_ && lost_ > 0 ? 1 : 0;
    return Answer::kLate;
}

}  // namespace director::sync
