// SPDX-License-Identifier: Apache-2.0
// Matches as sets of small numbers on the axes of one family's packets. An address stands there as
// the number of the stretch in which it lies: the boundaries of all matches cut the addresses into
// stretches that none of them divides.
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_AXES_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_AXES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/value_pool.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

// In the order in which packets are cut. A protocol has ports and source ports, or ICMP's types, or
// neither.
enum class PacketAxis : uint8_t { kPort, kIcmp, kSourcePort, kFrom, kTo };
inline constexpr size_t kPacketAxes = 5;

class PacketAxes {
 public:
  // `matches` must outlive it.
  PacketAxes(const std::vector<const Match*>& matches, Family family, WorkBudget& budget);

  Family family() const { return family_; }
  // Whether some packet of the family can match.
  bool IsPossible(size_t match) const { return rows_[match].possible; }
  const ProtocolSet& protocols(size_t match) const { return rows_[match].protocols; }
  ValuePool::Id At(PacketAxis axis, size_t match) const {
    return rows_[match].values[static_cast<size_t>(axis)];
  }
  uint32_t Greatest(PacketAxis axis) const { return last_[static_cast<size_t>(axis)]; }
  ValuePool& pool() { return pool_; }

  AddressStretches AddressesOf(PacketAxis axis, ValuePool::Id values) const;

 private:
  struct Row {
    bool possible = true;
    ProtocolSet protocols;
    std::array<ValuePool::Id, kPacketAxes> values{};
  };
  using Side = AddressSet Match::*;

  void SetAddresses(const std::vector<const Match*>& matches, PacketAxis axis, Side side,
                    WorkBudget& budget);
  void SetServices(const Match& match, Row& row);

  Family family_;
  std::vector<Row> rows_;
  ValuePool pool_;
  std::array<uint32_t, kPacketAxes> last_{};
  std::array<std::vector<Address>, kPacketAxes> first_;  // addresses at which stretches begin
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_AXES_H_
