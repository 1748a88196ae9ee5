// SPDX-License-Identifier: Apache-2.0
// When each rule was last hit, and since when it is known: what tells an unused rule from one that
// nobody watched. The kernel's stamps go with a boot; these are kept in the state directory.
#ifndef PORTMATRIX_AGENT_LAST_HITS_H_
#define PORTMATRIX_AGENT_LAST_HITS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/pinned_reader.h"
#include "agent/datapath/result.h"
#include "agent/datapath/rule_names.h"

namespace portmatrix {

class LastHits {
 public:
  // Begins with what the file in `folder` holds; one that is missing or damaged holds nothing.
  explicit LastHits(std::string folder);

  // Takes up what the counters say at `now` (nanoseconds since 1970). A rule that no generation
  // names any more is forgotten.
  void Take(const CounterSnapshot& counters, int64_t now);
  // Returns when it is on the disk; does nothing if nothing changed.
  Result<void> Save();

  // {"rules":[{"rule","direction","in_force","last_hit","known_since"}]}, in the order of
  // `counters`.
  std::string Json(const CounterSnapshot& counters) const;

 private:
  struct Hit {
    std::optional<int64_t> last_hit;  // nanoseconds since 1970
    int64_t known_since = 0;
  };

  const Hit* Find(const RuleIdentity& rule) const;
  void Add(const RuleIdentity& rule, const Hit& hit);

  std::string folder_;
  RuleNames names_;
  std::vector<Hit> hits_;  // by number of the name
  bool changed_ = false;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_LAST_HITS_H_
