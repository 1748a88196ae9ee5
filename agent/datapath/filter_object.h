// SPDX-License-Identifier: Apache-2.0
// The BPF object, loaded: its two programs and its maps. Once for the hooks, with maps that may be
// pinned already; and once more for every simulation, with maps of its own.
#ifndef PORTMATRIX_AGENT_DATAPATH_FILTER_OBJECT_H_
#define PORTMATRIX_AGENT_DATAPATH_FILTER_OBJECT_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/datapath/result.h"
#include "maps/layout.h"

struct pm_filter;  // generated skeleton

namespace portmatrix {

// How much the maps hold whose size is a choice.
struct DatapathSizes {
  uint32_t rules = 32768;
  uint32_t flows = 262144;
  uint32_t fragments = 65536;
};

// SHA-256 of the object's bytes: which program this binary carries.
std::array<uint8_t, PM_FINGERPRINT_BYTES> ProgramFingerprint();

class FilterObject {
 public:
  enum class Purpose { kHooks, kSimulation };

  // `existing` gives the descriptor of a map that is there already, or -1; it stays the caller's.
  static Result<std::unique_ptr<FilterObject>> Load(
      Purpose purpose, const DatapathSizes& sizes,
      const std::function<int(const std::string& map)>& existing);
  ~FilterObject();

  int xdp_program() const;
  int tc_program() const;
  // Every map of this binary's object, loaded or not.
  static std::vector<std::string> MapNames();
  int map(const std::string& name) const;  // descriptor, owned by the object

 private:
  explicit FilterObject(struct ::pm_filter* skeleton);
  struct ::pm_filter* skeleton_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_FILTER_OBJECT_H_
