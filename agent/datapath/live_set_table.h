// SPDX-License-Identifier: Apache-2.0
// All live sets of a pin root: their names and numbers (map `live_sets`), and the pinned maps that
// hold their content.
#ifndef PORTMATRIX_AGENT_DATAPATH_LIVE_SET_TABLE_H_
#define PORTMATRIX_AGENT_DATAPATH_LIVE_SET_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/live_set_maps.h"
#include "agent/datapath/pins.h"
#include "agent/datapath/result.h"

namespace portmatrix {

class LiveSetTable {
 public:
  // `pins` and the three maps outlive this.
  LiveSetTable(const Pins& pins, const BpfMap& names, const BpfMap& hosts, const BpfMap& prefixes)
      : pins_(pins), names_(names), hosts_(hosts), prefixes_(prefixes) {}

  // Takes over what another agent left, with all content.
  Result<void> Adopt();
  const std::map<std::string, uint32_t>& numbers() const { return numbers_; }

  // The set is there, under this number, with room for at least so many entries; when it is there
  // already it keeps what it holds.
  Result<void> Provide(const std::string& name, uint32_t number, uint32_t capacity);
  Result<void> Forget(const std::string& name);

  LiveSetMaps* Find(uint32_t number);
  const LiveSetMaps* Find(uint32_t number) const;
  uint32_t capacity(uint32_t number) const;

 private:
  struct Set {
    LiveSetMaps maps;
    uint32_t capacity = 0;
  };
  Result<std::optional<LiveSetMaps>> Open(uint32_t number) const;
  Result<void> Put(const std::string& name, uint32_t number, LiveSetMaps maps, uint32_t capacity);
  std::string PinOf(uint32_t number, const char* part) const;

  const Pins& pins_;
  const BpfMap& names_;
  const BpfMap& hosts_;
  const BpfMap& prefixes_;
  std::map<std::string, uint32_t> numbers_;
  std::map<uint32_t, Set> sets_;
};

// What the sets hold that are pinned under `pin_root`, by set number: entries that count at `now`,
// in nanoseconds of the program's clock. For a simulation; needs root, changes nothing.
Result<std::map<uint32_t, std::vector<Prefix>>> ReadPinnedLiveSets(const std::string& pin_root,
                                                                   uint64_t now);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_LIVE_SET_TABLE_H_
