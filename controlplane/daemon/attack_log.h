// One line in the log when a service comes under a SYN flood, and one when that is over.
#pragma once

#include <string>
#include <vector>

namespace director::daemon {

class AttackLog {
  public:
    // Takes the names of the services that are under attack now.
    void update(std::vector<std::string> now);

  private:
    std::vector<std::string> before_;
};

}  // namespace director::daemon
