// SPDX-License-Identifier: Apache-2.0
// One live set in the kernel: the two maps that the program asks (maps/layout.h, "Live sets"), and
// their content as values, which nobody else changes.
#ifndef PORTMATRIX_AGENT_DATAPATH_LIVE_SET_MAPS_H_
#define PORTMATRIX_AGENT_DATAPATH_LIVE_SET_MAPS_H_

#include <cstdint>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/live_entries.h"
#include "agent/datapath/result.h"

namespace portmatrix {

class LiveSetMaps {
 public:
  // Empty ones, with room for so many entries.
  static Result<LiveSetMaps> Make(uint32_t capacity);
  // Those of another agent, with what they hold.
  static Result<LiveSetMaps> Adopt(BpfMap hosts, BpfMap prefixes);

  // Each counts with the next packet when it returns. An entry that is there takes the new values.
  Result<void> Put(const Prefix& prefix, const LiveEntry& entry);
  Result<void> Erase(const Prefix& prefix);

  const LiveEntries& entries() const { return entries_; }
  const BpfMap& hosts() const { return hosts_; }
  const BpfMap& prefixes() const { return prefixes_; }
  // Puts them where programs look for the set with this number.
  Result<void> Publish(uint32_t number, int outer_hosts, int outer_prefixes) const;

 private:
  LiveSetMaps(BpfMap hosts, BpfMap prefixes)
      : hosts_(std::move(hosts)), prefixes_(std::move(prefixes)) {}
  Result<void> Write(const Prefix& prefix) const;
  Result<void> WriteWithin(const Prefix& prefix, const Prefix* but) const;
  void TakeUp(const pm_live_key& key, const pm_live_entry& value);

  BpfMap hosts_;
  BpfMap prefixes_;
  LiveEntries entries_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_LIVE_SET_MAPS_H_
