// SPDX-License-Identifier: Apache-2.0
#include "agent/last_hits.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "agent/counter_json.h"
#include "agent/durable_file.h"
#include "agent/json_text.h"
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
      const RuleIdentity rule{each.at("rule").get<std::string>(),
                              out ? Direction::kOut : Direction::kIn};
      if (Find(rule) == nullptr) Add(rule, hit);
    } catch (const json::exception&) {
      continue;  // not one of ours
    }
  }
}

const LastHits::Hit* LastHits::Find(const RuleIdentity& rule) const {
  const auto number = names_.Find(rule.key, rule.direction);
  return number ? &hits_[*number] : nullptr;
}

void LastHits::Add(const RuleIdentity& rule, const Hit& hit) {
  names_.Add(rule.key, rule.direction, static_cast<uint32_t>(hits_.size()));
  hits_.push_back(hit);
}

void LastHits::Take(const CounterSnapshot& counters, int64_t now) {
  size_t known = 0;
  for (const RuleCount& rule : counters.rules) {
    const auto number = names_.Find(rule.rule.key, rule.rule.direction);
    if (!number) continue;
    ++known;
    Hit& hit = hits_[*number];
    if (!rule.last_hit || (hit.last_hit && *rule.last_hit <= *hit.last_hit + kWaver)) continue;
    hit.last_hit = rule.last_hit;
    changed_ = true;
  }
  if (known == names_.size() && known == counters.rules.size()) return;
  const RuleNames names_before = std::exchange(names_, RuleNames());
  const std::vector<Hit> hits_before = std::exchange(hits_, {});
  names_.Reserve(counters.rules.size());
  hits_.reserve(counters.rules.size());
  for (const RuleCount& rule : counters.rules) {
    if (Find(rule.rule) != nullptr) continue;
    const auto before = names_before.Find(rule.rule.key, rule.rule.direction);
    Add(rule.rule, before ? hits_before[*before] : Hit{rule.last_hit, now});
  }
  changed_ = true;
}

Result<void> LastHits::Save() {
  if (!changed_) return {};
  std::string all = "[";
  for (uint32_t number = 0; number < names_.end(); ++number) {
    const Hit& hit = hits_[number];
    all += all.size() > 1 ? ",\n{\"rule\":" : "{\"rule\":";
    AppendJsonText(names_.key(number), &all);
    all += fmt::format(",\"direction\":\"{}\",\"last_hit\":{},\"known_since\":{}}}",
                       ToString(names_.direction(number)),
                       hit.last_hit ? std::to_string(*hit.last_hit) : "null", hit.known_since);
  }
  all += "]\n";
  Result<void> written = WriteDurably(folder_, kFile, all);
  if (written) changed_ = false;
  return written;
}

std::string LastHits::Json(const CounterSnapshot& counters) const {
  std::string all = fmt::format("{{\"time\":\"{}\",\"rules\":[", TimeText(counters.time));
  bool first = true;
  for (const RuleCount& rule : counters.rules) {
    const Hit* hit = Find(rule.rule);
    if (hit == nullptr) continue;
    all += first ? "{\"rule\":" : ",{\"rule\":";
    first = false;
    AppendJsonText(rule.rule.key, &all);
    all += fmt::format(
        ",\"direction\":\"{}\",\"in_force\":{},\"last_hit\":{},\"known_since\":\"{}\"}}",
        ToString(rule.rule.direction), rule.in_force,
        hit->last_hit ? fmt::format("\"{}\"", TimeText(*hit->last_hit)) : "null",
        TimeText(hit->known_since));
  }
  return all + "]}";
}

}  // namespace portmatrix
