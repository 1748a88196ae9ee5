// SPDX-License-Identifier: Apache-2.0
// The part of Firewall that lets people change what live sets hold.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "agent/firewall.h"

namespace portmatrix {
namespace {

std::string Plural(size_t count) {
  return fmt::format("{} entr{}", count, count == 1 ? "y" : "ies");
}

bool Names(const std::vector<Prefix>& prefixes, const Address& address) {
  return std::ranges::any_of(prefixes,
                             [&](const Prefix& prefix) { return prefix.Contains(address); });
}

}  // namespace

HoldsLive Firewall::LiveContent(const LiveSetOrder* order) {
  return [this, order](const std::string& set, const Address& address) {
    const bool ours = order != nullptr && order->set == set;
    if (ours && order->kind == LiveSetOrder::Kind::kAdd && Names(order->prefixes, address))
      return true;
    if (ours && order->kind == LiveSetOrder::Kind::kFlush) return false;
    const auto numbers = enforcement_.datapath().LiveNumbers();
    const auto number = numbers.find(set);
    if (number == numbers.end()) return false;
    const LiveEntries& content = enforcement_.datapath().LiveContent(number->second);
    const uint64_t now = clock_.ProgramNanoseconds();
    if (!ours || order->kind == LiveSetOrder::Kind::kAdd)
      return content.Until(HostPrefix(address)) > now;
    LiveEntries left = content;
    for (const Prefix& prefix : order->prefixes) left.Erase(prefix);
    return left.Until(HostPrefix(address)) > now;
  };
}

Answer<std::vector<LiveSetState>> Firewall::LiveSetStates() {
  const Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  std::vector<LiveSetState> states;
  if (standing->detached()) return states;
  const Node* judging = enforcement_.nodes().Judging(*standing);
  Datapath& datapath = enforcement_.datapath();
  enforcement_.live_sets().Sweep(datapath);  // what is over is in no set and takes no room
  for (const auto& [name, number] : datapath.LiveNumbers()) {
    LiveSetState state{name, number, datapath.LiveCapacity(number),
                       datapath.LiveContent(number).size(), true};
    if (judging != nullptr) {
      const auto named = std::ranges::find(judging->live_sets, name, &LiveSet::name);
      state.in_force = named != judging->live_sets.end();
      if (state.in_force) state.max = named->max;
    }
    states.push_back(std::move(state));
  }
  return states;
}

Answer<LiveSetState> Firewall::LiveSetCalled(const std::string& name) {
  const Answer<std::vector<LiveSetState>> states = LiveSetStates();
  if (!states) return states.refusal();
  std::vector<std::string> known;
  for (const LiveSetState& state : *states) {
    if (state.name == name) return state;
    known.push_back(state.name);
  }
  return Refusal::Refused(
      known.empty()
          ? fmt::format("the policy in force has no dynamic set `{}`, nor any other", name)
          : fmt::format("the policy in force has no dynamic set `{}`; it has {}", name,
                        fmt::join(known, ", ")));
}

Answer<LiveSetChange> Firewall::ChangeLiveSet(const LiveSetOrder& order) {
  const Answer<LiveSetState> state = LiveSetCalled(order.set);
  if (!state) return state.refusal();
  Datapath& datapath = enforcement_.datapath();
  const LiveEntries& content = datapath.LiveContent(state->number);
  std::vector<Prefix> prefixes = order.prefixes;
  if (order.kind == LiveSetOrder::Kind::kFlush)
    for (const auto& [prefix, entry] : content.all()) prefixes.push_back(prefix);

  if (order.kind == LiveSetOrder::Kind::kAdd) {
    std::set<Prefix> fresh;
    for (const Prefix& prefix : prefixes)
      if (!content.Contains(prefix)) fresh.insert(prefix);
    if (!fresh.empty() && content.size() + fresh.size() > state->max)
      return Refusal::Refused(fmt::format(
          "dynamic set `{}` is full: it holds {} of {}, and {} more would come; delete some, or "
          "raise its `max` in the policy (nothing was added)",
          order.set, Plural(content.size()), state->max, fresh.size()));
  }
  const Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  const Node* judging = enforcement_.nodes().Judging(*standing);
  if (order.session && !order.force && judging != nullptr) {
    const auto before = CutBy(*judging, *order.session, LiveContent());
    if (!before) return Refusal::Runtime(before.error());
    auto after = CutBy(*judging, *order.session, LiveContent(&order));
    if (!after) return Refusal::Runtime(after.error());
    for (const std::string& cut : *before) std::erase(*after, cut);
    if (!after->empty())
      return Refusal::Refused(
          fmt::format("{} (--force changes the set all the same)", fmt::join(*after, "; ")));
  }

  LiveEntry entry;
  entry.added_at = static_cast<uint64_t>(clock_.Now());
  entry.uid = order.author.uid.value_or(0);
  if (order.seconds) entry.until = clock_.ProgramNanoseconds() + *order.seconds * 1'000'000'000;
  const Result<LiveSetChange> changed =
      order.kind == LiveSetOrder::Kind::kAdd
          ? enforcement_.live_sets().Add(order.set, prefixes, entry, datapath)
          : enforcement_.live_sets().Erase(order.set, prefixes, datapath);
  if (!changed) return Refusal::Runtime(changed.error());
  return *changed;
}

}  // namespace portmatrix
