// SPDX-License-Identifier: Apache-2.0
// Names of the policy language, each given once.
#ifndef PORTMATRIX_TOOLS_IMPORT_UNIQUE_NAMES_H_
#define PORTMATRIX_TOOLS_IMPORT_UNIQUE_NAMES_H_

#include <cstddef>
#include <set>
#include <string>

#include "agent/policy/limits.h"

namespace portmatrix {

class UniqueNames {
 public:
  // `name`, or where it was taken before, with a number behind it: "access-2".
  std::string Take(const std::string& name) {
    std::string free = name;
    for (size_t twin = 2; !taken_.insert(free).second; ++twin) {
      const std::string tail = "-" + std::to_string(twin);
      free = name.substr(0, kMaxNameBytes - tail.size()) + tail;
    }
    return free;
  }

 private:
  std::set<std::string> taken_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_UNIQUE_NAMES_H_
