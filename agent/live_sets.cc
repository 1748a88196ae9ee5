// SPDX-License-Identifier: Apache-2.0
#include "agent/live_sets.h"

#include <fmt/format.h>

#include <algorithm>

namespace portmatrix {
namespace {

constexpr char kDynamicSets[] = "dynamic sets";
// So many are cleared away at a time: nothing waits for it.
constexpr size_t kSwept = 50'000;

}  // namespace

void LiveSets::Lose() {
  taken_up_ = false;
  expiring_.clear();
  unsaved_.clear();
}

void LiveSets::TakeUp(Datapath& datapath) {
  if (taken_up_) return;
  taken_up_ = true;
  for (const auto& [set, number] : datapath.LiveNumbers()) {
    // Another agent may have gone before it wrote its last changes down.
    unsaved_.insert(set);
    for (const auto& [prefix, entry] : datapath.LiveContent(number).all())
      if (entry.until != PM_LIVE_FOREVER) expiring_.emplace(entry.until, set, prefix);
  }
}

Result<LiveSetChange> LiveSets::Add(const std::string& set, const std::vector<Prefix>& prefixes,
                                    const LiveEntry& entry, Datapath& datapath) {
  return Change(set, prefixes, &entry, datapath);
}

Result<LiveSetChange> LiveSets::Erase(const std::string& set, const std::vector<Prefix>& prefixes,
                                      Datapath& datapath) {
  return Change(set, prefixes, nullptr, datapath);
}

Result<LiveSetChange> LiveSets::Change(const std::string& set, const std::vector<Prefix>& prefixes,
                                       const LiveEntry* entry, Datapath& datapath) {
  TakeUp(datapath);
  const uint32_t number = datapath.LiveNumbers().at(set);
  LiveSetChange change;
  unsaved_.insert(set);
  for (const Prefix& prefix : prefixes) {
    const auto& known = datapath.LiveContent(number).all();
    const auto before = known.find(prefix);
    const bool was_there = before != known.end();
    if (entry == nullptr && !was_there) {
      ++change.missing;
      continue;
    }
    const uint64_t until_before = was_there ? before->second.until : PM_LIVE_FOREVER;
    const auto done = entry == nullptr ? datapath.EraseLive(number, prefix)
                                       : datapath.PutLive(number, prefix, *entry);
    if (!done) return done.error();
    if (until_before != PM_LIVE_FOREVER) expiring_.erase({until_before, set, prefix});
    if (entry == nullptr) {
      ++change.removed;
      continue;
    }
    if (entry->until != PM_LIVE_FOREVER) expiring_.emplace(entry->until, set, prefix);
    ++(was_there ? change.renewed : change.added);
  }
  LiveSetChange& untold = untold_[set];
  untold.added += change.added;
  untold.renewed += change.renewed;
  untold.removed += change.removed;
  return change;
}

Result<void> LiveSets::Restore(const std::string& set, Datapath& datapath) {
  size_t damaged = 0;
  const Result<KeptEntries> kept = files_.Load(set, &damaged);
  if (!kept) return kept.error();
  if (damaged != 0)
    alarms_.Note(
        fmt::format("dynamic set {}: {} entries of its file cannot be read", set, damaged));
  if (kept->empty()) return {};
  const uint32_t number = datapath.LiveNumbers().at(set);
  const int64_t wall = clock_.Now();
  const uint64_t now = clock_.ProgramNanoseconds();
  size_t restored = 0;
  for (const auto& [prefix, entry] : *kept) {
    if (entry.until && *entry.until <= wall) continue;
    if (datapath.LiveContent(number).size() >= datapath.LiveCapacity(number)) break;
    const LiveEntry live{
        .until = entry.until ? now + static_cast<uint64_t>(*entry.until - wall) : PM_LIVE_FOREVER,
        .added_at = static_cast<uint64_t>(entry.added_at),
        .uid = entry.uid};
    if (auto put = datapath.PutLive(number, prefix, live); !put) return put;
    if (live.until != PM_LIVE_FOREVER) expiring_.emplace(live.until, set, prefix);
    ++restored;
  }
  alarms_.Note(fmt::format("dynamic set {}: {} entries are back", set, restored));
  return {};
}

Result<void> LiveSets::Forget(const std::set<std::string>& named, Datapath& datapath) {
  for (const std::string& set : files_.Names())
    if (!named.contains(set))
      if (auto removed = files_.Remove(set); !removed) return removed;
  std::vector<std::string> unnamed;
  for (const auto& [set, number] : datapath.LiveNumbers())
    if (!named.contains(set)) unnamed.push_back(set);
  if (unnamed.empty()) return {};
  std::erase_if(expiring_,
                [&](const Expiring& entry) { return !named.contains(std::get<1>(entry)); });
  std::erase_if(unsaved_, [&](const std::string& set) { return !named.contains(set); });
  return datapath.ForgetLiveSets(unnamed);
}

void LiveSets::Sweep(Datapath& datapath) {
  TakeUp(datapath);
  const uint64_t now = clock_.ProgramNanoseconds();
  const auto numbers = datapath.LiveNumbers();
  for (size_t i = 0; i < kSwept && !expiring_.empty(); ++i) {
    const auto [until, set, prefix] = *expiring_.begin();
    if (until > now) return;
    if (const auto number = numbers.find(set); number != numbers.end()) {
      if (auto erased = datapath.EraseLive(number->second, prefix); !erased) {
        alarms_.Raise(kDynamicSets, erased.error().Text());
        return;
      }
      unsaved_.insert(set);
    }
    expiring_.erase(expiring_.begin());
  }
}

Result<void> LiveSets::Save(const std::string& set, const Datapath& datapath) const {
  const auto numbers = datapath.LiveNumbers();
  const auto number = numbers.find(set);
  if (number == numbers.end()) return {};
  const int64_t wall = clock_.Now();
  const uint64_t now = clock_.ProgramNanoseconds();
  KeptEntries kept;
  for (const auto& [prefix, entry] : datapath.LiveContent(number->second).all()) {
    if (entry.until <= now) continue;
    KeptEntry& to = kept[prefix];
    if (entry.until != PM_LIVE_FOREVER) to.until = wall + static_cast<int64_t>(entry.until - now);
    to.added_at = static_cast<int64_t>(entry.added_at);
    to.uid = entry.uid;
  }
  return files_.Save(set, kept);
}

void LiveSets::Tick(Datapath& datapath) {
  Sweep(datapath);
  for (const auto& [set, change] : untold_)
    alarms_.Note(fmt::format("dynamic set {}: {} added, {} renewed, {} removed", set, change.added,
                             change.renewed, change.removed));
  untold_.clear();
  while (!unsaved_.empty()) {
    const std::string set = *unsaved_.begin();
    if (auto saved = Save(set, datapath); !saved) {
      alarms_.Raise(kDynamicSets, saved.error().Text());
      return;
    }
    unsaved_.erase(set);
  }
  alarms_.Clear(kDynamicSets);
}

}  // namespace portmatrix
