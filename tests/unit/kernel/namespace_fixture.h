// Gives each test a network namespace of its own, with loopback up, in which `ip` acts from outside
// and an event loop runs until what is awaited has happened. Fails, and does not skip, without
// root: a suite that ran nothing must not look green.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace director::kernel {

class NamespaceTest : public testing::Test {
  public:
    // Leaves the namespace that the program was started in, for good. False without the right to.
    [[nodiscard]] static bool enter_new_namespace();

  protected:
    void SetUp() override;

    // Runs a shell command; its failure is the test's.
    static void run(const std::string& command);
    // The same, but tells whether it succeeded.
    [[nodiscard]] static bool succeeds(const std::string& command);
    // What a shell command prints.
    [[nodiscard]] static std::string output_of(const std::string& command);
    // Runs the event loop until `condition` holds; false after `deadline`.
    [[nodiscard]] bool await(const std::function<bool()>& condition,
                             std::chrono::seconds deadline = std::chrono::seconds(10));

    asio::io_context io_;
};

}  // namespace director::kernel
