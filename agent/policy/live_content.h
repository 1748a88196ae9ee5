// SPDX-License-Identifier: Apache-2.0
// What live sets hold, as the evaluator asks: plain and slow. Sets are known by name, so that their
// content stays when another policy judges.
#ifndef PORTMATRIX_AGENT_POLICY_LIVE_CONTENT_H_
#define PORTMATRIX_AGENT_POLICY_LIVE_CONTENT_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/policy/model.h"
#include "maps/address.h"
#include "maps/layout.h"

namespace portmatrix {

class LiveContent {
 public:
  static constexpr uint64_t kForever = UINT64_MAX;

  // An entry that is there already takes the new time. It counts while now < until.
  void Add(const std::string& set, const Prefix& prefix, uint64_t until = kForever);
  void Remove(const std::string& set, const Prefix& prefix);

  bool Contains(const std::string& set, const Address& address, uint64_t now) const;
  // The live sets of `node` that hold the packet's addresses.
  LiveMembership MembershipOf(const Node& node, const pm_tuple& tuple, uint64_t now) const;

 private:
  std::map<std::string, std::map<Prefix, uint64_t>> sets_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LIVE_CONTENT_H_
