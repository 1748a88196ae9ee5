// SPDX-License-Identifier: Apache-2.0
#include "agent/live_set_api.h"

#include <fmt/format.h>

#include <map>
#include <variant>

#include "agent/peer.h"
#include "agent/policy/moment.h"
#include "agent/policy/prefix_text.h"

namespace portmatrix {
namespace {

using nlohmann::json;

constexpr uint64_t kSecond = 1'000'000'000;

Refusal BadRequest(std::string text) { return {Refusal::Kind::kBadRequest, std::move(text), ""}; }

json StateJson(const LiveSetState& state) {
  return {{"name", state.name},
          {"entries", state.entries},
          {"max", state.max},
          {"in_force", state.in_force}};
}

json EntriesJson(const LiveEntries& content, uint64_t now, int64_t wall) {
  json entries = json::array();
  std::map<uint32_t, std::string> users;
  for (const auto& [prefix, entry] : content.all()) {
    if (entry.until <= now) continue;
    std::string& user = users[entry.uid];
    if (user.empty()) user = AuthorOf(Peer{entry.uid, {}}).user;
    json line = {{"prefix", ToString(prefix)},
                 {"expires", nullptr},
                 {"seconds_left", nullptr},
                 {"added_at", MomentText(static_cast<int64_t>(entry.added_at / kSecond))},
                 {"uid", entry.uid},
                 {"user", user}};
    if (entry.until != PM_LIVE_FOREVER) {
      const uint64_t left = entry.until - now;
      line["expires"] = MomentText((wall + static_cast<int64_t>(left)) / int64_t{kSecond});
      line["seconds_left"] = (left + kSecond - 1) / kSecond;
    }
    entries.push_back(std::move(line));
  }
  return entries;
}

}  // namespace

Answer<json> LiveSetReport(Firewall& firewall, const std::string& set) {
  if (set.empty()) {
    const Answer<std::vector<LiveSetState>> states = firewall.LiveSetStates();
    if (!states) return states.refusal();
    json sets = json::array();
    for (const LiveSetState& state : *states) sets.push_back(StateJson(state));
    return json{{"sets", std::move(sets)}};
  }
  const Answer<LiveSetState> state = firewall.LiveSetCalled(set);
  if (!state) return state.refusal();
  json report = StateJson(*state);
  const Clock& clock = firewall.clock();
  report["entries"] = EntriesJson(firewall.enforcement().datapath().LiveContent(state->number),
                                  clock.ProgramNanoseconds(), clock.Now());
  return report;
}

Answer<LiveSetOrder> LiveSetOrderFromJson(LiveSetOrder::Kind kind, const json& body) {
  LiveSetOrder order;
  order.kind = kind;
  if (!body.contains("set") || !body["set"].is_string()) return BadRequest("`set` is no name");
  order.set = body["set"].get<std::string>();
  if (body.contains("seconds") && !body["seconds"].is_null()) {
    if (!body["seconds"].is_number_unsigned() || body["seconds"] == 0 ||
        body["seconds"] > kMaxLiveSeconds)
      return BadRequest(fmt::format("`seconds` is no number from 1 to {}", kMaxLiveSeconds));
    order.seconds = body["seconds"].get<uint64_t>();
  }
  if (kind == LiveSetOrder::Kind::kFlush) return order;
  if (!body.contains("entries") || !body["entries"].is_array() || body["entries"].empty())
    return BadRequest("`entries` is no list of addresses and prefixes");
  for (const json& entry : body["entries"]) {
    if (!entry.is_string()) return BadRequest("`entries` is no list of addresses and prefixes");
    const auto parsed = ParsePrefix(entry.get_ref<const std::string&>());
    if (const auto* problem = std::get_if<PrefixProblem>(&parsed))
      return BadRequest(
          fmt::format("{}: {} (nothing was changed)", problem->message, problem->hint));
    order.prefixes.push_back(std::get<Prefix>(parsed));
  }
  return order;
}

Answer<json> ChangeLiveSet(Firewall& firewall, const LiveSetOrder& order) {
  const Answer<LiveSetChange> changed = firewall.ChangeLiveSet(order);
  if (!changed) return changed.refusal();
  const Answer<LiveSetState> state = firewall.LiveSetCalled(order.set);
  if (!state) return state.refusal();
  return json{{"set", order.set},
              {"added", changed->added},
              {"renewed", changed->renewed},
              {"removed", changed->removed},
              {"missing", changed->missing},
              {"entries", state->entries},
              {"max", state->max}};
}

}  // namespace portmatrix
