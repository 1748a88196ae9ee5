// SPDX-License-Identifier: Apache-2.0
#include "tools/stored_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/fingerprint.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/sources_json.h"

namespace portmatrix {

std::optional<RulePlace> FindStoredPlace(const std::string& state_dir,
                                         const pm_generation& generation, const RuleIdentity& rule,
                                         std::string* why) {
  Fingerprint fingerprint;
  std::copy_n(generation.fingerprint, fingerprint.size(), fingerprint.begin());
  const std::string path = fmt::format("{}/sources/{}.json", state_dir, ToHex(fingerprint));
  std::ifstream file(path);
  if (!file) {
    *why = fmt::format("{}: {}", path, std::strerror(errno));
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string node_name(generation.node, strnlen(generation.node, sizeof generation.node));
  const auto sources = SourcesFromJson(nlohmann::json::parse(text, nullptr, false), why);
  if (!sources || FingerprintOf(*sources, node_name) != fingerprint) {
    *why = path + ": not the files of this generation";
    return std::nullopt;
  }
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(*sources, diagnostics);
  const int64_t when = static_cast<int64_t>(generation.installed_at / 1'000'000'000);
  const auto node = ResolveNode(policy, *sources, node_name, when, diagnostics);
  if (!node) {
    *why = path + ": this version of portmatrix reads them otherwise";
    return std::nullopt;
  }
  for (const Interface& interface : node->interfaces) {
    for (const Rule& candidate : interface.rules) {
      if (candidate.key != rule.key || candidate.direction != rule.direction) continue;
      return RulePlace{FileOf(*sources, candidate.span).path, candidate.span.line,
                       candidate.span.column};
    }
  }
  *why = path + ": the rule is not in it";
  return std::nullopt;
}

}  // namespace portmatrix
