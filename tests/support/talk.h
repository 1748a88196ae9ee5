// SPDX-License-Identifier: Apache-2.0
// Where a generated packet travels, and by which addresses and ports: aimed at a rule of a policy,
// or past one.
#ifndef PORTMATRIX_TESTS_SUPPORT_TALK_H_
#define PORTMATRIX_TESTS_SUPPORT_TALK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "maps/layout.h"
#include "tests/support/policy_edges.h"
#include "tests/support/random.h"

namespace portmatrix {

struct Talk {
  std::string device;
  std::vector<uint16_t> tags;  // outermost first, priority tags (0) among them
  Direction direction = Direction::kIn;
  pm_tuple tuple{};  // its interface field is not used
};

// The packets of the other side, and those between.
Talk AnswerTo(Talk talk);

class TalkSource {
 public:
  // `node` must outlive it.
  explicit TalkSource(const Node& node);

  // Mostly aimed at a rule or failsafe entry.
  Talk Next(Random& random) const;
  // On a random interface, with tags that select it, and addresses and ports that aim at nothing.
  Talk Aimless(Random& random) const;
  const PolicyEdges& edges() const { return edges_; }
  const Node& node() const { return *node_; }

 private:
  void AimAt(Random& random, const Match& match, const Interface& interface, Talk& talk) const;

  const Node* node_;
  PolicyEdges edges_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_TALK_H_
