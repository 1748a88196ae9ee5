// SPDX-License-Identifier: Apache-2.0
#include "agent/stored_generation.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace portmatrix {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<Outcome, const char*>, 5> kWords{{
    {Outcome::kCandidate, "candidate"},
    {Outcome::kConfirmed, "confirmed"},
    {Outcome::kRolledBack, "rolled-back"},
    {Outcome::kFailed, "failed"},
    {Outcome::kReplaced, "replaced"},
}};

}  // namespace

const char* ToString(Outcome outcome) {
  for (const auto& [value, word] : kWords)
    if (value == outcome) return word;
  return "candidate";
}

std::optional<Outcome> OutcomeFromWord(std::string_view word) {
  for (const auto& [value, known] : kWords)
    if (known == word) return value;
  return std::nullopt;
}

std::string By(const Author& author) {
  return author.uid ? fmt::format(" by {} (uid {})", author.user, *author.uid) : "";
}

namespace {

StoredChanges ChangesFromJson(const json& object) {
  StoredChanges changes;
  changes.added = object.at("added").get<uint64_t>();
  changes.removed = object.at("removed").get<uint64_t>();
  changes.changed = object.at("changed").get<uint64_t>();
  changes.reordered = object.at("reordered").get<bool>();
  for (const json& line : object.at("rules"))
    changes.lines.push_back({line.at("change").get<std::string>(),
                             line.at("rule").get<std::string>(),
                             line.at("place").get<std::string>()});
  return changes;
}

}  // namespace

json ToJson(const StoredChanges& changes) {
  json rules = json::array();
  for (const StoredChanges::Line& line : changes.lines)
    rules.push_back({{"change", line.change}, {"rule", line.rule}, {"place", line.place}});
  return {{"added", changes.added},
          {"removed", changes.removed},
          {"changed", changes.changed},
          {"reordered", changes.reordered},
          {"rules", std::move(rules)}};
}

json ToJson(const StoredGeneration& generation) {
  return {{"number", generation.number},
          {"node", generation.node},
          {"fingerprint", ToHex(generation.fingerprint)},
          {"stored_at", generation.stored_at},
          {"uid", generation.author.uid ? json(*generation.author.uid) : json()},
          {"user", generation.author.user},
          {"note", generation.note},
          {"files", generation.files},
          {"confirm_seconds", generation.trial_seconds ? json(*generation.trial_seconds) : json()},
          {"changes", ToJson(generation.changes)}};
}

std::optional<StoredGeneration> StoredGenerationFromJson(const json& object) {
  try {
    StoredGeneration generation;
    generation.number = object.at("number").get<uint64_t>();
    generation.node = object.at("node").get<std::string>();
    const auto fingerprint = FingerprintFromHex(object.at("fingerprint").get<std::string>());
    if (!fingerprint) return std::nullopt;
    generation.fingerprint = *fingerprint;
    generation.stored_at = object.at("stored_at").get<int64_t>();
    if (!object.at("uid").is_null()) generation.author.uid = object.at("uid").get<uint32_t>();
    generation.author.user = object.at("user").get<std::string>();
    generation.note = object.at("note").get<std::string>();
    generation.files = object.at("files").get<std::vector<std::string>>();
    if (object.contains("confirm_seconds") && !object["confirm_seconds"].is_null())
      generation.trial_seconds = object["confirm_seconds"].get<uint64_t>();
    if (object.contains("changes")) generation.changes = ChangesFromJson(object["changes"]);
    return generation;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace portmatrix
