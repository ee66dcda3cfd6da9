// How a function says that it could not do its work: Result<T> holds a value or an Error.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace director {

// What went wrong, in words for the operator: what was found and what was expected.
struct Error {
    std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

[[nodiscard]] inline Failure failure(std::string message) {
    return Failure(Error{std::move(message)});
}

}  // namespace director
