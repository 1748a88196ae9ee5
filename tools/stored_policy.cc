// SPDX-License-Identifier: Apache-2.0
#include "tools/stored_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/fingerprint.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/sources_json.h"

namespace portmatrix {

namespace {

std::string StoredPath(const std::string& state_dir, const pm_generation& generation) {
  Fingerprint fingerprint;
  std::copy_n(generation.fingerprint, fingerprint.size(), fingerprint.begin());
  return fmt::format("{}/sources/{}.json", state_dir, ToHex(fingerprint));
}

}  // namespace

std::optional<StoredPolicy> ReadStoredPolicy(const std::string& state_dir,
                                             const pm_generation& generation, std::string* why) {
  Fingerprint fingerprint;
  std::copy_n(generation.fingerprint, fingerprint.size(), fingerprint.begin());
  const std::string path = StoredPath(state_dir, generation);
  std::ifstream file(path);
  if (!file) {
    *why = fmt::format("{}: {}", path, std::strerror(errno));
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string node_name(generation.node, strnlen(generation.node, sizeof generation.node));
  auto sources = SourcesFromJson(nlohmann::json::parse(text, nullptr, false), why);
  if (!sources || FingerprintOf(*sources, node_name) != fingerprint) {
    *why = path + ": not the files of this generation";
    return std::nullopt;
  }
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(*sources, diagnostics);
  const auto when = static_cast<int64_t>(generation.installed_at / 1'000'000'000);
  auto node = ResolveNode(policy, *sources, node_name, when, diagnostics);
  if (!node) {
    *why = path + ": this version of portmatrix reads them otherwise";
    return std::nullopt;
  }
  return StoredPolicy{std::move(*sources), std::move(*node)};
}

std::optional<RulePlace> FindStoredPlace(const std::string& state_dir,
                                         const pm_generation& generation, const RuleIdentity& rule,
                                         std::string* why) {
  const auto stored = ReadStoredPolicy(state_dir, generation, why);
  if (!stored) return std::nullopt;
  for (const Interface& interface : stored->node.interfaces) {
    for (const Rule& candidate : interface.rules) {
      if (candidate.key != rule.key || candidate.direction != rule.direction) continue;
      return RulePlace{FileOf(stored->sources, candidate.span).path, candidate.span.line,
                       candidate.span.column};
    }
  }
  *why = StoredPath(state_dir, generation) + ": the rule is not in it";
  return std::nullopt;
}

}  // namespace portmatrix
