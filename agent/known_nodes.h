// SPDX-License-Identifier: Apache-2.0
// The models of the generations that are retained, by number. After a restart they are read again
// from the state directory; one that cannot be read goes on judging, but nobody can say any more
// what it names.
#ifndef PORTMATRIX_AGENT_KNOWN_NODES_H_
#define PORTMATRIX_AGENT_KNOWN_NODES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "agent/alarms.h"
#include "agent/policy/model.h"
#include "agent/standing.h"
#include "agent/state_directory.h"

namespace portmatrix {

class KnownNodes {
 public:
  // Both outlive this.
  KnownNodes(const StateDirectory& store, Alarms& alarms) : store_(store), alarms_(alarms) {}

  void Add(uint64_t generation, Node node) { nodes_[generation] = std::move(node); }
  // Reads the nodes that are new to it, and forgets those that `standing` does not name.
  void Follow(const Standing& standing);
  void Clear();

  // Null: unknown. Valid until the next change.
  const Node* Find(uint64_t generation) const;
  const Node* Judging(const Standing& standing) const { return Find(standing.judging.number); }
  // That of the previous generation; where there is none, the judging one's.
  const Node* Previous(const Standing& standing) const {
    return Find(standing.previous.value_or(standing.judging).number);
  }

 private:
  std::optional<Node> Read(const pm_generation& record);

  const StateDirectory& store_;
  Alarms& alarms_;
  std::map<uint64_t, std::optional<Node>> nodes_;  // absent value: unreadable
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_KNOWN_NODES_H_
