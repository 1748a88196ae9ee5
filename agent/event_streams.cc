// SPDX-License-Identifier: Apache-2.0
#include "agent/event_streams.h"

#include <algorithm>
#include <utility>

namespace portmatrix {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;

HttpStream::Text Line(std::string json) {
  json += '\n';
  return std::make_shared<const std::string>(std::move(json));
}

bool IsOfRule(const pm_event& event) {
  return event.reason == PM_REASON_RULE || event.reason == PM_REASON_REPLY;
}

}  // namespace

std::shared_ptr<HttpStream> EventStreams::Open(bool heads, const EventMoment& now) {
  if (readers_.empty()) {
    TakeUp();
  } else {
    // What was before is not the new reader's.
    PassOn(now);
    TellLosses(now);
  }
  auto stream = std::make_shared<HttpStream>(kMostWaitingEventBytes);
  stream->Push(Line(ListeningJson(names_, budget_, now)));
  readers_.push_back({stream, heads});
  renew_at_ = 0;
  return stream;
}

void EventStreams::Tick(const EventMoment& now) {
  std::erase_if(readers_, [](const Reader& reader) { return reader.stream->is_gone(); });
  if (readers_.empty()) return End();
  if (now.monotonic < renew_at_) return PassOn(now);
  renew_at_ = now.monotonic + kRenewMilliseconds * kMillisecond;
  if (source_ == nullptr || !source_->IsCurrent()) {
    PassOn(now);
    TellLosses(now);
    TakeUp();
  }
  PassOn(now);
  TellLosses(now);
  if (source_ != nullptr &&
      !source_->Listen(now.monotonic + kListenMilliseconds * kMillisecond, budget_))
    source_.reset();
}

std::optional<uint64_t> EventStreams::UntilNext() const {
  return readers_.empty() ? std::nullopt : std::optional<uint64_t>(kTakeMilliseconds);
}

void EventStreams::TakeUp() {
  source_.reset();
  auto opened = open_();
  // Nothing is pinned (any more): readers wait for what comes.
  if (!opened) return;
  source_ = std::move(*opened);
  // What stands there is of readers that left.
  for (;;) {
    const auto old = source_->Take();
    if (!old || old->empty()) break;
  }
  names_ = {};
  names_of_ = 0;
  LearnNames();
  if (const auto totals = source_->Totals()) told_ = *totals;
  suppressed_told_.clear();
  if (auto suppressed = source_->Suppressed(names_)) suppressed_told_ = std::move(*suppressed);
}

void EventStreams::PassOn(const EventMoment& now) {
  if (source_ == nullptr) return;
  const auto events = source_->Take();
  if (!events) {
    source_.reset();
    return;
  }
  bool learnt = false;
  for (const pm_event& event : *events) {
    const bool is_new =
        event.generation > names_of_ || (IsOfRule(event) && !names_.rules.contains(event.slot));
    if (is_new && !learnt) {
      LearnNames();
      learnt = true;
    }
    names_of_ = std::max<uint64_t>(names_of_, event.generation);
    HttpStream::Text plain, with_head;
    for (const Reader& reader : readers_) {
      HttpStream::Text& line = reader.heads ? with_head : plain;
      if (line == nullptr) line = Line(PacketJson(event, names_, now, reader.heads));
      reader.stream->Push(line);
    }
  }
}

void EventStreams::TellLosses(const EventMoment& now) {
  if (source_ == nullptr) return;
  const auto totals = source_->Totals();
  if (!totals) return;
  if (totals->lost != told_.lost) Push(LostJson(totals->lost - told_.lost, now));
  told_.lost = totals->lost;
  if (totals->suppressed == told_.suppressed) return;
  const auto suppressed = source_->Suppressed(names_);
  if (!suppressed) return;
  suppressed_told_.resize(std::max(suppressed_told_.size(), suppressed->size()));
  for (size_t source = 0; source < suppressed->size(); ++source) {
    const uint64_t more = (*suppressed)[source] - suppressed_told_[source];
    if (more == 0) continue;
    suppressed_told_[source] = (*suppressed)[source];
    Push(SuppressedJson(static_cast<uint32_t>(source), more, names_, now));
  }
  // Read before the sources: what came in between is seen next time.
  told_.suppressed = totals->suppressed;
}

// Names of before stay for events that are still on their way, until others take their numbers.
void EventStreams::LearnNames() {
  auto names = source_->Names();
  if (!names) return;
  names->rules.insert(names_.rules.begin(), names_.rules.end());
  for (size_t i = 0; i < names->owners.size(); ++i)
    if (names->owners[i].empty()) names->owners[i] = names_.owners[i];
  names_ = std::move(*names);
}

void EventStreams::Push(const std::string& json) {
  const HttpStream::Text line = Line(json);
  for (const Reader& reader : readers_) reader.stream->Push(line);
}

void EventStreams::End() {
  if (source_ != nullptr) (void)source_->Listen(0, 0);
  source_.reset();
}

}  // namespace portmatrix
