// SPDX-License-Identifier: Apache-2.0
// What live sets held, in the state directory: a boot empties the kernel's maps. One file a set,
// `sets/NAME`, one entry a line: prefix, end (nanoseconds since 1970, or `-`), when it was added,
// and by which uid.
#ifndef PORTMATRIX_AGENT_LIVE_SET_FILES_H_
#define PORTMATRIX_AGENT_LIVE_SET_FILES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/result.h"
#include "maps/address.h"

namespace portmatrix {

struct KeptEntry {
  std::optional<int64_t> until;  // nanoseconds since 1970; nothing: for good
  int64_t added_at = 0;          // likewise
  uint32_t uid = 0;
};
using KeptEntries = std::map<Prefix, KeptEntry>;

class LiveSetFiles {
 public:
  explicit LiveSetFiles(const std::string& state_folder) : folder_(state_folder + "/sets") {}

  std::vector<std::string> Names() const;
  // Nothing in it if there is no file. Lines that are none of ours are left out and counted.
  Result<KeptEntries> Load(const std::string& set, size_t* damaged) const;
  // Returns when it is on the disk.
  Result<void> Save(const std::string& set, const KeptEntries& entries) const;
  Result<void> Remove(const std::string& set) const;

 private:
  std::string folder_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_LIVE_SET_FILES_H_
