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

std::optional<Outcome> OutcomeFromWord(std::string_view text) {
  for (const auto& [value, word] : kWords)
    if (word == text) return value;
  return std::nullopt;
}

std::string By(const Author& author) {
  return author.uid ? fmt::format(" by {} (uid {})", author.user, *author.uid) : "";
}

json ToJson(const StoredGeneration& generation) {
  return {{"number", generation.number},
          {"node", generation.node},
          {"fingerprint", ToHex(generation.fingerprint)},
          {"stored_at", generation.stored_at},
          {"uid", generation.author.uid ? json(*generation.author.uid) : json()},
          {"user", generation.author.user},
          {"note", generation.note},
          {"files", generation.files}};
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
    return generation;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace portmatrix
