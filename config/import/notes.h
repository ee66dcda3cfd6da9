// What an import has to tell: where in the old file, what about it, and what to do.
#pragma once

#include <string>
#include <vector>

namespace director::config {

// A line of the file that is imported; line 0: the file as a whole.
struct Place {
    std::string file;
    int line = 0;

    friend bool operator==(const Place&, const Place&) = default;
};

enum class Gravity {
    kRemark,  // nothing is lost: there is no need for it here, or it is done in another way
    kLoss,    // left out or changed: somebody has to look at it
    kError,   // not readable
};

struct Note {
    Place place;
    Gravity gravity = Gravity::kLoss;
    std::string message;

    friend bool operator==(const Note&, const Note&) = default;
};

using Notes = std::vector<Note>;

}  // namespace director::config
