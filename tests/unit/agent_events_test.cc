// SPDX-License-Identifier: Apache-2.0
// The agent's stream of events: what a line says, who gets it, what is told of what was not told,
// and when the kernel is asked to speak.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "agent/event_streams.h"
#include "maps/address.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kOwner = 3, kDevice = 5, kSlot = 17;

// Maps in memory: what outlives the one who reads them.
struct FakeMaps {
  std::vector<pm_event> ring;
  EventTotals totals;
  std::map<uint32_t, uint64_t> suppressed;
  EventNames names;
  uint64_t until = 0;
  uint32_t budget = 0;
  bool are_pinned = true;
  int id = 1;  // another one: others are in force

  void Suppress(uint32_t source, uint64_t packets) {
    suppressed[source] += packets;
    totals.suppressed += packets;
  }
};

class FakeEvents final : public EventSource {
 public:
  explicit FakeEvents(FakeMaps* maps) : maps_(maps), id_(maps->id) {}
  Result<void> Listen(uint64_t until, uint32_t budget) override {
    maps_->until = until;
    maps_->budget = budget;
    return {};
  }
  Result<std::vector<pm_event>> Take() override { return std::exchange(maps_->ring, {}); }
  Result<EventTotals> Totals() override { return maps_->totals; }
  Result<std::vector<uint64_t>> Suppressed(const EventNames&) override {
    std::vector<uint64_t> all(PM_EVENT_SOURCES_OF_REASONS + 64);
    for (const auto& [source, packets] : maps_->suppressed) all[source] = packets;
    return all;
  }
  Result<EventNames> Names() override { return maps_->names; }
  bool IsCurrent() override { return maps_->are_pinned && maps_->id == id_; }

 private:
  FakeMaps* maps_;
  int id_;
};

pm_event Drop(uint16_t port = 23) {
  pm_event event{};
  event.time = 7 * kSecond;
  event.generation = 12;
  event.packets = 1;
  event.bytes = event.length = 60;
  event.tuple.family = 4;
  event.tuple.protocol = 6;
  std::memcpy(event.tuple.source, ParseAddress("198.51.100.7")->bytes.data(), 16);
  std::memcpy(event.tuple.destination, ParseAddress("203.0.113.11")->bytes.data(), 16);
  event.tuple.source_port = 51022;
  event.tuple.destination_port = port;
  event.owner = kOwner;
  event.device = kDevice;
  event.ethertype = 0x0800;
  event.tcp_flags = 0x12;
  event.reason = PM_REASON_DEFAULT;
  event.head_bytes = 14;
  for (uint8_t i = 0; i < 14; ++i) event.head[i] = i;
  return event;
}

class Streams : public testing::Test {
 protected:
  Streams() {
    maps_.names.node = "edge1";
    maps_.names.owners[kOwner] = "external";
    maps_.names.owners[PM_MAX_INTERFACES + kDevice] = "eth0";
    maps_.names.rules[kSlot] = {"external/m/web", Direction::kIn};
  }
  Result<std::unique_ptr<EventSource>> OpenFake() {
    if (!maps_.are_pinned) return Error{"open", "map events", ENOENT, ""};
    return std::unique_ptr<EventSource>(std::make_unique<FakeEvents>(&maps_));
  }
  EventMoment At(double seconds) const {
    const auto nanoseconds = static_cast<uint64_t>(seconds * 1e9);
    return {nanoseconds, static_cast<int64_t>(1'790'000'000 * kSecond + nanoseconds)};
  }
  // Reads all that waits.
  void Drain(HttpStream& stream) {
    char bytes[65536];
    while (stream.waiting_bytes() > 0)
      read_[&stream].append(bytes, static_cast<size_t>(stream.Read(bytes, sizeof bytes)));
  }
  // What a reader got so far, as lines without the first.
  std::vector<json> LinesOf(HttpStream& stream) {
    Drain(stream);
    std::vector<json> lines;
    std::istringstream text(read_[&stream]);
    for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
    EXPECT_EQ(lines.at(0)["type"], "listening");
    lines.erase(lines.begin());
    return lines;
  }
  std::vector<std::string> TypesOf(HttpStream& stream) {
    std::vector<std::string> types;
    for (const json& line : LinesOf(stream)) {
      std::string type = line["type"];
      if (line.contains("packets")) type += " " + std::to_string(line["packets"].get<uint64_t>());
      types.push_back(type);
    }
    return types;
  }

  FakeMaps maps_;
  std::map<HttpStream*, std::string> read_;
  EventStreams streams_{[this] { return OpenFake(); }, 100};
};

struct LineCase {
  const char* name;
  std::function<void(pm_event&)> change;
  const char* expected;  // of the keys that it names
};

class LineOf : public Streams, public testing::WithParamInterface<LineCase> {};

TEST_P(LineOf, NamesInsteadOfNumbers) {
  pm_event event = Drop();
  GetParam().change(event);
  const json line = json::parse(PacketJson(event, maps_.names, At(9), true));
  const json expected = json::parse(GetParam().expected);
  for (const auto& [key, value] : expected.items()) {
    EXPECT_TRUE(line.contains(key) || value == "absent") << key;
    EXPECT_EQ(line.contains(key) ? line[key] : json("absent"), value) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Events, LineOf,
    testing::Values(
        LineCase{
            "DropByDefault", [](pm_event&) {},
            R"({"type":"packet","time":"2026-09-21T14:13:27.000000Z","interface":"external","device":"eth0",
                     "direction":"in","verdict":"drop","audit":"absent","reason":"default","rule":null,
                     "generation":12,"from":"198.51.100.7","to":"203.0.113.11","protocol":"tcp",
                     "source_port":51022,"port":23,"tcp_flags":"SA","icmp_type":"absent","fragment":"absent",
                     "ethertype":2048,"vlan":[],"packets":1,"bytes":60,"length":60,
                     "head":"000102030405060708090a0b0c0d"})"},
        LineCase{"RuleThatLogs",
                 [](pm_event& event) {
                   event.reason = PM_REASON_RULE;
                   event.verdict = PM_PASS;
                   event.slot = kSlot;
                 },
                 R"({"verdict":"allow","reason":"rule","rule":"external/m/web"})"},
        LineCase{"RuleThatIsGone",
                 [](pm_event& event) {
                   event.reason = PM_REASON_RULE;
                   event.slot = 99;
                 },
                 R"({"reason":"rule","rule":null})"},
        LineCase{"PassedByAudit",
                 [](pm_event& event) {
                   event.verdict = PM_PASS;
                   event.audited = 1;
                 },
                 R"({"verdict":"allow","audit":true})"},
        LineCase{
            "OfNoInterface",
            [](pm_event& event) {
              event.owner = PM_MAX_INTERFACES + kDevice;
              event.reason = PM_REASON_VLAN;
              event.tuple = {};
              event.outer = 7;
              event.inner = 8;
            },
            R"({"interface":null,"device":"eth0","reason":"vlan","from":null,"to":null,"protocol":null,
                     "source_port":null,"port":null,"tcp_flags":"absent","vlan":[7,8]})"},
        LineCase{
            "Ping",
            [](pm_event& event) {
              event.tuple.protocol = 1;
              event.tuple.destination_port = 0x0301;
            },
            R"({"protocol":"icmp","icmp_type":3,"icmp_code":1,"port":null,"source_port":null})"},
        LineCase{"LaterFragment",
                 [](pm_event& event) {
                   event.fragment = PM_LATER;
                   event.tuple.source_port = event.tuple.destination_port = 0;
                 },
                 R"({"fragment":"later","protocol":"tcp","port":null,"tcp_flags":"absent"})"},
        LineCase{"LaterFragmentOfIpv6",
                 [](pm_event& event) {
                   event.fragment = PM_LATER;
                   event.tuple.family = 6;
                   event.tuple.protocol = 0;
                   event.tuple.source_port = event.tuple.destination_port = 0;
                 },
                 R"({"fragment":"later","protocol":null})"},
        LineCase{"TagBesideTheFrame",
                 [](pm_event& event) {
                   event.tag_type = 0x8100;
                   event.tag_control = 0x200a;
                   event.outer = 10;
                 },
                 R"({"vlan":[10],"length":64,"head":"000102030405060708090a0b8100200a0c0d"})"},
        LineCase{"SuperPacket",
                 [](pm_event& event) {
                   event.packets = 3;
                   event.bytes = 3066;
                   event.direction = PM_OUT;
                 },
                 R"({"direction":"out","packets":3,"bytes":3066,"length":60})"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Streams, EveryReaderGetsEveryPacketAndOnlyThoseWhoAskGetHeads) {
  const auto plain = streams_.Open(false, At(1)), heads = streams_.Open(true, At(1));
  streams_.Tick(At(1));
  maps_.ring = {Drop(23), Drop(24)};
  streams_.Tick(At(1.05));
  for (const auto& reader : {plain, heads}) {
    const auto lines = LinesOf(*reader);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0]["port"], 23);
    EXPECT_EQ(lines[1]["port"], 24);
    EXPECT_EQ(lines[0].contains("head"), reader == heads);
  }
}

TEST_F(Streams, FirstLineSaysWhoListensToWhat) {
  const auto reader = streams_.Open(false, At(1));
  Drain(*reader);
  EXPECT_EQ(read_[reader.get()],
            "{\"type\":\"listening\",\"time\":\"2026-09-21T14:13:21.000000Z\",\"node\":\"edge1\","
            "\"events_per_second\":100,\"head_bytes\":128}\n");
}

TEST_F(Streams, KernelSpeaksOnlyWhileSomebodyReads) {
  EXPECT_EQ(maps_.until, 0u);
  EXPECT_EQ(streams_.UntilNext(), std::nullopt);
  const auto reader = streams_.Open(false, At(1));
  streams_.Tick(At(1));
  EXPECT_EQ(maps_.until, 11 * kSecond);
  EXPECT_EQ(maps_.budget, 100u);
  EXPECT_EQ(streams_.UntilNext(), kTakeMilliseconds);
  streams_.Tick(At(1.9));
  EXPECT_EQ(maps_.until, 11 * kSecond);
  streams_.Tick(At(2.1));
  EXPECT_EQ(maps_.until, static_cast<uint64_t>(12.1e9));
  reader->CutOff();
  streams_.Tick(At(2.2));
  EXPECT_EQ(maps_.until, 0u);
  EXPECT_EQ(streams_.UntilNext(), std::nullopt);
  EXPECT_EQ(streams_.readers(), 0u);
}

TEST_F(Streams, AgentThatEndsSwitchesTheKernelOff) {
  {
    EventStreams ending([this] { return OpenFake(); }, 100);
    const auto reader = ending.Open(false, At(1));
    ending.Tick(At(1));
    EXPECT_GT(maps_.until, 0u);
  }
  EXPECT_EQ(maps_.until, 0u);
}

TEST_F(Streams, WhatWasSuppressedAndLostIsToldExactlyOnce) {
  maps_.Suppress(PM_EVENT_SOURCES_OF_REASONS + kSlot, 1000);  // of a listener of before
  const auto reader = streams_.Open(false, At(1));
  streams_.Tick(At(1));
  EXPECT_THAT(TypesOf(*reader), IsEmpty());
  const uint32_t reason = (kOwner * PM_DIRECTIONS + PM_OUT) * PM_REASON_COUNT + PM_REASON_SPOOFED;
  maps_.Suppress(reason, 40);
  maps_.Suppress(PM_EVENT_SOURCES_OF_REASONS + kSlot, 2);
  maps_.totals.lost += 3;
  maps_.ring = {Drop()};
  streams_.Tick(At(1.5));
  EXPECT_THAT(TypesOf(*reader), ElementsAre("packet 1")) << "losses are told once a second";
  streams_.Tick(At(2.1));
  EXPECT_THAT(TypesOf(*reader), ElementsAre("packet 1", "lost 3", "suppressed 40", "suppressed 2"));
  const auto lines = LinesOf(*reader);
  EXPECT_EQ(lines[2]["interface"], "external");
  EXPECT_EQ(lines[2]["direction"], "out");
  EXPECT_EQ(lines[2]["reason"], "spoofed");
  EXPECT_EQ(lines[3]["rule"], "external/m/web");
  EXPECT_EQ(lines[3]["interface"], "external");
  maps_.Suppress(reason, 1);
  streams_.Tick(At(3.2));
  streams_.Tick(At(4.3));
  EXPECT_THAT(TypesOf(*reader),
              ElementsAre("packet 1", "lost 3", "suppressed 40", "suppressed 2", "suppressed 1"));
}

TEST_F(Streams, NewReaderGetsNothingOfBefore) {
  maps_.ring = {Drop()};  // of a listener of before
  const auto first = streams_.Open(false, At(1));
  streams_.Tick(At(1));
  maps_.ring = {Drop()};
  maps_.totals.lost += 5;
  const auto second = streams_.Open(false, At(1.2));
  streams_.Tick(At(1.2));
  EXPECT_THAT(TypesOf(*first), ElementsAre("packet 1", "lost 5"));
  EXPECT_THAT(TypesOf(*second), IsEmpty());
}

TEST_F(Streams, ReaderThatTakesNothingIsCutOffAndTheOthersGoOn) {
  const auto slow = streams_.Open(true, At(1)), good = streams_.Open(true, At(1));
  double seconds = 1;
  for (int i = 0; i < 40 && !slow->is_gone(); ++i) {
    maps_.ring.assign(1000, Drop());
    streams_.Tick(At(seconds += 0.05));
    Drain(*good);
  }
  EXPECT_TRUE(slow->is_gone());
  EXPECT_FALSE(good->is_gone());
  streams_.Tick(At(seconds += 0.05));
  EXPECT_EQ(streams_.readers(), 1u);
}

TEST_F(Streams, NamesOfANewGenerationAreLearnt) {
  const auto reader = streams_.Open(false, At(1));
  maps_.names.rules[18] = {"external/m/new", Direction::kIn};
  pm_event event = Drop();
  event.generation = 13;
  event.reason = PM_REASON_RULE;
  event.slot = 18;
  maps_.ring = {event};
  streams_.Tick(At(1.1));
  EXPECT_EQ(LinesOf(*reader)[0]["rule"], "external/m/new");
  // Retired meanwhile: its last packets are still called by their name.
  maps_.names.rules.erase(18);
  maps_.ring = {event};
  event.generation = 14;
  maps_.ring.push_back(event);
  streams_.Tick(At(1.2));
  EXPECT_EQ(LinesOf(*reader)[1]["rule"], "external/m/new");
  EXPECT_EQ(LinesOf(*reader)[2]["rule"], "external/m/new");
}

TEST_F(Streams, ReadersOutliveADetachmentAndFollowTheNextPins) {
  const auto reader = streams_.Open(false, At(1));
  streams_.Tick(At(1));
  maps_.ring = {Drop(1)};
  maps_.are_pinned = false;
  streams_.Tick(At(2.5));
  EXPECT_THAT(TypesOf(*reader), ElementsAre("packet 1")) << "the last words of the old maps";
  streams_.Tick(At(4));
  maps_ = FakeMaps{};
  maps_.id = 2;
  streams_.Tick(At(5.5));
  EXPECT_GT(maps_.until, 5 * kSecond);
  maps_.ring = {Drop(2)};
  streams_.Tick(At(5.6));
  EXPECT_THAT(TypesOf(*reader), ElementsAre("packet 1", "packet 1"));
}

}  // namespace
}  // namespace portmatrix
