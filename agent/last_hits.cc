// SPDX-License-Identifier: Apache-2.0
#include "agent/last_hits.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/counter_json.h"
#include "agent/durable_file.h"
#include "agent/policy/model.h"

namespace portmatrix {
namespace {

using nlohmann::json;

constexpr const char* kFile = "last-hits.json";
// The kernel's stamp is turned into wall time at each reading, so that it wavers by some
// milliseconds: that is no new hit.
constexpr int64_t kWaver = 1'000'000'000;

}  // namespace

LastHits::LastHits(std::string folder) : folder_(std::move(folder)) {
  std::ifstream file(folder_ + "/" + kFile, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const json stored = json::parse(text.str(), nullptr, false);
  if (!stored.is_array()) return;
  for (const json& each : stored) {
    try {
      Hit hit;
      hit.known_since = each.at("known_since").get<int64_t>();
      if (!each.at("last_hit").is_null()) hit.last_hit = each.at("last_hit").get<int64_t>();
      const bool out = each.at("direction").get<std::string>() == ToString(Direction::kOut);
      hits_[{each.at("rule").get<std::string>(), out ? Direction::kOut : Direction::kIn}] = hit;
    } catch (const json::exception&) {
      continue;  // not one of ours
    }
  }
}

void LastHits::Take(const CounterSnapshot& counters, int64_t now) {
  std::map<RuleIdentity, Hit> taken;
  for (const RuleCount& rule : counters.rules) {
    const auto found = hits_.find(rule.rule);
    Hit hit = found != hits_.end() ? found->second : Hit{std::nullopt, now};
    if (rule.last_hit && (!hit.last_hit || *rule.last_hit > *hit.last_hit + kWaver))
      hit.last_hit = rule.last_hit;
    taken.emplace(rule.rule, hit);
  }
  if (taken == hits_) return;
  hits_ = std::move(taken);
  changed_ = true;
}

Result<void> LastHits::Save() {
  if (!changed_) return {};
  json all = json::array();
  for (const auto& [rule, hit] : hits_)
    all.push_back({{"rule", rule.key},
                   {"direction", ToString(rule.direction)},
                   {"last_hit", hit.last_hit ? json(*hit.last_hit) : json()},
                   {"known_since", hit.known_since}});
  Result<void> written = WriteDurably(folder_, kFile, all.dump() + "\n");
  if (written) changed_ = false;
  return written;
}

std::string LastHits::Json(const CounterSnapshot& counters) const {
  json rules = json::array();
  for (const RuleCount& rule : counters.rules) {
    const auto found = hits_.find(rule.rule);
    if (found == hits_.end()) continue;
    const Hit& hit = found->second;
    rules.push_back({{"rule", rule.rule.key},
                     {"direction", ToString(rule.rule.direction)},
                     {"in_force", rule.in_force},
                     {"last_hit", hit.last_hit ? json(TimeText(*hit.last_hit)) : json()},
                     {"known_since", TimeText(hit.known_since)}});
  }
  return json{{"time", TimeText(counters.time)}, {"rules", rules}}.dump();
}

}  // namespace portmatrix
