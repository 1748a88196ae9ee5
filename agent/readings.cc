// SPDX-License-Identifier: Apache-2.0
#include "agent/readings.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>

#include "agent/api_failure.h"
#include "agent/counter_json.h"
#include "agent/datapath/event_ring.h"
#include "agent/datapath/pinned_reader.h"
#include "agent/heap.h"

namespace portmatrix {
namespace {

// What a crash of the machine may lose of the stamps; and when rules begin to be known.
constexpr uint64_t kKeepHitsMilliseconds = 300'000;
constexpr uint64_t kFirstHitsMilliseconds = 1000;

uint64_t Nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t Milliseconds() { return Nanoseconds(CLOCK_MONOTONIC) / 1'000'000u; }

EventMoment Now() {
  return {Nanoseconds(CLOCK_MONOTONIC), static_cast<int64_t>(Nanoseconds(CLOCK_REALTIME))};
}

HttpReply BadRequest(std::string text) {
  return api::Failure(400, {Refusal::Kind::kBadRequest, std::move(text), ""});
}

// "0.5" as milliseconds; nothing if it is no number or out of range.
std::optional<uint64_t> IntervalOf(const std::string& text) {
  double seconds = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, seconds);
  if (failed != std::errc() || rest != end) return std::nullopt;
  if (!(seconds * 1e3 >= kLeastIntervalMilliseconds && seconds * 1e3 <= kMostIntervalMilliseconds))
    return std::nullopt;
  return static_cast<uint64_t>(std::llround(seconds * 1e3));
}

Result<std::unique_ptr<EventSource>> OpenEvents(const std::string& pin_root) {
  auto ring = EventRing::Open(pin_root);
  if (!ring) return ring.error();
  return std::unique_ptr<EventSource>(std::move(*ring));
}

}  // namespace

Readings::Readings(std::string pin_root, const std::string& state_dir, uint32_t event_budget)
    : pin_root_(std::move(pin_root)),
      counters_([this] { return ReadPinned(); }),
      events_([this] { return OpenEvents(pin_root_); }, event_budget),
      hits_(state_dir) {}

Result<std::unique_ptr<Readings>> Readings::Start(EventLoop& loop, const std::string& pin_root,
                                                  const std::string& state_dir,
                                                  uint32_t event_budget) {
  std::unique_ptr<Readings> readings(new Readings(pin_root, state_dir, event_budget));
  Readings* self = readings.get();
  Result<EventLoop::Timer*> timer = loop.MakeTimer([self] { self->Tick(); });
  if (!timer) return timer.error();
  readings->timer_ = *timer;
  timer = loop.MakeTimer([self] { self->TickEvents(); });
  if (!timer) return timer.error();
  readings->events_timer_ = *timer;
  timer = loop.MakeTimer([self] {
    // A full disk is an alarm of the state directory's own.
    (void)self->KeepHits();
    self->hits_timer_->Set(kKeepHitsMilliseconds);
  });
  if (!timer) return timer.error();
  readings->hits_timer_ = *timer;
  readings->hits_timer_->Set(kFirstHitsMilliseconds);
  return readings;
}

HttpReply Readings::Serve(const HttpCall& call) {
  if (call.path == "/v1/counters") return Counters();
  if (call.path == "/v1/hits") return Hits();
  if (call.path == "/v1/events/stream") return StreamEvents(call);
  return StreamCounters(call);
}

Result<CounterSnapshot> Readings::ReadPinned() {
  if (!reader_) {
    auto opened = PinnedReader::Open(pin_root_);
    if (!opened) return opened.error();
    reader_ = std::move(*opened);
  }
  return reader_->ReadCounters();
}

Result<CounterSnapshot> Readings::ReadOnce() {
  Result<CounterSnapshot> counters = ReadPinned();
  if (counters && counters->rules.size() >= kManyRules) TreatFreed(Freed::kHandedBack);
  if (counters_.readers() == 0) reader_.reset();
  return counters;
}

HttpReply Readings::Counters() {
  const auto counters = ReadOnce();
  if (!counters) return api::Failure(500, {Refusal::Kind::kRuntime, counters.error().Text(), ""});
  return {200, CountersJson(*counters) + "\n"};
}

Result<void> Readings::KeepHits() {
  const auto counters = ReadOnce();
  if (!counters) return counters.error();
  hits_.Take(*counters, counters->time);
  return hits_.Save();
}

HttpReply Readings::Hits() {
  const auto counters = ReadOnce();
  if (!counters) return api::Failure(500, {Refusal::Kind::kRuntime, counters.error().Text(), ""});
  hits_.Take(*counters, counters->time);
  return {200, hits_.Json(*counters) + "\n"};
}

HttpReply Readings::StreamCounters(const HttpCall& call) {
  uint64_t interval = 1000;
  for (const auto& [key, value] : call.query) {
    if (key != "interval") return BadRequest(fmt::format("unknown argument `{}`", key));
    const auto read = IntervalOf(value);
    if (!read) return BadRequest("`interval` is seconds, from 0.1 to 3600");
    interval = *read;
  }
  HttpReply reply;
  reply.stream = counters_.Open(interval, Milliseconds());
  if (!reply.stream)
    return api::Failure(
        503, {Refusal::Kind::kRuntime,
              fmt::format("{} different intervals are followed already", kMostIntervals), ""});
  Tick();
  return reply;
}

HttpReply Readings::StreamEvents(const HttpCall& call) {
  bool heads = false;
  for (const auto& [key, value] : call.query) {
    if (key != "heads") return BadRequest(fmt::format("unknown argument `{}`", key));
    if (value != "true" && value != "false") return BadRequest("`heads` is true or false");
    heads = value == "true";
  }
  HttpReply reply;
  reply.stream = events_.Open(heads, Now());
  TickEvents();
  return reply;
}

void Readings::TickEvents() {
  events_.Tick(Now());
  if (const auto until = events_.UntilNext()) events_timer_->Set(*until);
}

void Readings::Tick() {
  counters_.Tick(Milliseconds());
  if (const auto until = counters_.UntilNext(Milliseconds())) timer_->Set(*until);
}

}  // namespace portmatrix
