// SPDX-License-Identifier: Apache-2.0
// One line of the history: a generation that was a candidate once, who made it, and what became of
// it.
#ifndef PORTMATRIX_AGENT_STORED_GENERATION_H_
#define PORTMATRIX_AGENT_STORED_GENERATION_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/fingerprint.h"

namespace portmatrix {

enum class Outcome {
  kCandidate,   // nothing is decided
  kConfirmed,   // it was in force for good
  kRolledBack,  // its trial ended without a confirmation
  kFailed,      // it never judged
  kReplaced,    // a rule of it expired while it was on trial: a later number carries on
};
const char* ToString(
    Outcome outcome);  // "candidate", "confirmed", "rolled-back", "failed", "replaced"
std::optional<Outcome> OutcomeFromWord(std::string_view word);

// Who asked for a change. The agent itself has no uid.
struct Author {
  std::optional<uint32_t> uid;
  std::string user;
};

// " by mara (uid 1000)"; empty for the agent itself.
std::string By(const Author& author);

// What a generation changed against the one that judged before it.
struct StoredChanges {
  struct Line {
    std::string change;  // "added", "removed", "changed"
    std::string rule;    // "interface/matrix/id direction"
    std::string place;   // "policy/p.yaml:12" of the rule; of a removed one, where it was
  };
  uint64_t added = 0;
  uint64_t removed = 0;
  uint64_t changed = 0;
  bool reordered = false;
  std::vector<Line> lines;  // the first kMaxLines of them
  static constexpr size_t kMaxLines = 64;
};

struct StoredGeneration {
  uint64_t number = 0;
  std::string node;
  Fingerprint fingerprint{};
  int64_t stored_at = 0;  // nanoseconds since 1970
  Author author;
  std::string note;                       // "apply", "rollback to 11", "rules expired"
  std::vector<std::string> files;         // paths of the documents, then of the lists
  std::optional<uint64_t> trial_seconds;  // it fell back unless confirmed in that time
  StoredChanges changes;
  Outcome outcome = Outcome::kCandidate;  // kept apart from the rest, which never changes
};

// As the history shows it and the disk keeps it.
nlohmann::json ToJson(const StoredChanges& changes);
// All but the outcome.
nlohmann::json ToJson(const StoredGeneration& generation);
std::optional<StoredGeneration> StoredGenerationFromJson(const nlohmann::json& object);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_STORED_GENERATION_H_
