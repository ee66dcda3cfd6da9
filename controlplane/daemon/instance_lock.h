// One directord per control socket. A second one must be refused before it touches a port: opening
// an AF_XDP port takes the frames away from whoever had them.
#pragma once

#include <string>

#include "common/result.h"
#include "controlplane/kernel/file_descriptor.h"

namespace director::daemon {

class InstanceLock {
  public:
    // Locks `socket_path`.lock for as long as the object, or the process, lives. The file stays: to
    // remove it would let two processes lock two files of the same name.
    [[nodiscard]] static Result<InstanceLock> take(const std::string& socket_path);

  private:
    explicit InstanceLock(kernel::FileDescriptor file) : file_(std::move(file)) {}

    kernel::FileDescriptor file_;
};

}  // namespace director::daemon
