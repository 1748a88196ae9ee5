// SPDX-License-Identifier: Apache-2.0
#include "tools/generation_policy.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/policy/diagnostic.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/sources_json.h"
#include "tools/agent_client.h"

namespace portmatrix {

std::unique_ptr<GenerationPolicy> FetchGeneration(uint64_t number, std::string* why) {
  const AgentAnswer answer = GetFromAgent(fmt::format("/v1/files?generation={}", number));
  if (answer.code != kExitOk) {
    *why = answer.text;
    return nullptr;
  }
  auto sources = SourcesFromJson(answer.body.value("files", nlohmann::json()), why);
  if (!sources) return nullptr;
  auto read = std::make_unique<GenerationPolicy>();
  read->sources = std::move(*sources);
  Diagnostics diagnostics;
  read->policy = ReadPolicy(read->sources, diagnostics);
  const int64_t made = answer.body.value("stored_at", int64_t{0}) / 1'000'000'000;
  auto node =
      ResolveNode(read->policy, read->sources, answer.body.value("node", ""), made, diagnostics);
  if (!node) {
    *why =
        fmt::format("generation {}: this version of portmatrix reads its files otherwise", number);
    return nullptr;
  }
  read->node = std::move(*node);
  return read;
}

}  // namespace portmatrix
