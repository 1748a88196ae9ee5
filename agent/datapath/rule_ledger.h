// SPDX-License-Identifier: Apache-2.0
// Which counter slot belongs to which rule, and what becomes of its counts when no generation names
// the rule any more. A retirement is one instant for readers and survives a kill at any step
// (maps/layout.h, `retirements`).
#ifndef PORTMATRIX_AGENT_DATAPATH_RULE_LEDGER_H_
#define PORTMATRIX_AGENT_DATAPATH_RULE_LEDGER_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/datapath.h"
#include "agent/datapath/result.h"
#include "agent/datapath/rule_names.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

struct RuleMaps {
  const BpfMap& names;
  const BpfMap& counters;
  const BpfMap& retired;
  const BpfMap& retirements;
};

// The names are read from the kernel once and then kept here too; whatever fails to be written
// makes them be read again.
class RuleLedger {
 public:
  // The maps outlive this, which is the only writer of all but the counters.
  explicit RuleLedger(const RuleMaps& maps) : maps_(maps) {}

  // Reads the names, and ends a retirement that was cut off, whichever way it stood.
  Result<void> Finish();
  // Every rule that has a slot.
  Result<std::map<RuleIdentity, uint32_t>> Slots();
  // Datapath::RulesBeyond.
  Result<std::vector<RuleIdentity>> RulesBeyond(const IsNamed& is_named);
  // Gives the rules of a generation their names and their places in `generation_slot`.
  Result<void> Name(uint32_t generation_slot, const std::vector<RuleIdentity>& rules,
                    const Numbering& numbering);
  // Datapath::Retire.
  Result<void> Retire(const std::vector<RuleIdentity>& rules);

 private:
  struct Entry {
    uint16_t owner = 0;
    std::array<uint32_t, PM_SLOTS> position{};
  };
  struct Known {
    RuleNames names;             // by slot
    std::vector<Entry> entries;  // likewise
  };
  struct Marked {
    std::vector<uint32_t> slots;
    std::vector<pm_rule_name> names;
  };

  Result<Known*> Load();
  Result<Known> ReadKnown() const;
  static Entry& Enter(std::string_view key, Direction direction, uint32_t slot, Known* known);
  static pm_rule_name NameOf(const Known& known, uint32_t slot);
  Result<uint64_t> Retirements() const;
  Result<void> MoveCounts(const Marked& marked, uint64_t retirements) const;
  // Writes the sums as they stand with the marked rules into the bank that does not count yet.
  Result<void> WriteSums(uint64_t retirements, const Marked& marked) const;
  Result<pm_rule_counter> Sum(uint32_t slot) const;
  Result<void> Clear(uint32_t slot) const;

  RuleMaps maps_;
  std::optional<Known> known_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_RULE_LEDGER_H_
