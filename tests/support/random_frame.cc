// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_frame.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/policy/protocol.h"
#include "agent/policy/tuple.h"
#include "tests/support/frame_mutator.h"
#include "tests/support/talk_layers.h"

namespace portmatrix {
namespace {

constexpr size_t kMaxReceivedBytes = 9000;  // more than one buffer, the program's linear part
constexpr size_t kMaxSentBytes = 1500;
constexpr size_t kMaxSuperBytes = 3500;
constexpr size_t kMaxTalks = 64;
constexpr size_t kMaxSeries = 12;
constexpr size_t kFollowed = 16;
constexpr uint64_t kStart = 1000 * PM_SECOND;

// The latest stand last.
template <typename T>
void Keep(std::vector<T>& kept, size_t limit, T value) {
  if (kept.size() == limit) kept.erase(kept.begin());
  kept.push_back(std::move(value));
}

uint8_t OpeningFlags(Random& random) {
  if (random.Percent(65)) return wire::kSyn;
  return random.Pick<uint8_t>({wire::kAck, wire::kAck, wire::kAck | wire::kPush,
                               wire::kSyn | wire::kFin, wire::kSyn | wire::kRst, 0xc2, 0x29, 0,
                               wire::kFin, wire::kRst, wire::kSyn | wire::kAck, random.Byte()});
}

uint8_t LaterFlags(Random& random) {
  const size_t kind = random.Below(100);
  if (kind < 45) return wire::kAck;
  if (kind < 65) return wire::kSyn | wire::kAck;
  if (kind < 82) return wire::kFin | wire::kAck;
  if (kind < 88) return wire::kRst;
  if (kind < 93) return wire::kRst | wire::kAck;
  if (kind < 97) return wire::kSyn;
  return random.Byte();
}

uint8_t LifetimeFlags(Random& random) {
  const size_t kind = random.Below(100);
  if (kind < 40) return wire::kAck;
  if (kind < 70) return wire::kFin | wire::kAck;
  if (kind < 85) return wire::kRst;
  return LaterFlags(random);
}

}  // namespace

FrameGenerator::FrameGenerator(const Node& node, uint64_t seed)
    : source_(node), random_(seed), time_(kStart) {}

void FrameGenerator::Retarget(const Node& node) { source_ = TalkSource(node); }

GeneratedFrame FrameGenerator::Next() {
  AdvanceTime();
  Sent sent = NextSent();
  const bool segmented = sent.talk.direction == Direction::kOut && random_.Percent(8);
  if (segmented && random_.Percent(30)) sent.bytes.resize(sent.bytes.size() + random_.Below(3000));
  if (segmented && random_.Percent(60)) ForgetLengths(random_, sent.bytes);
  if (random_.Percent(12)) MutateFrame(random_, sent.bytes);
  const size_t most = sent.talk.direction == Direction::kIn ? kMaxReceivedBytes
                      : segmented                           ? kMaxSuperBytes
                                                            : kMaxSentBytes;
  if (sent.bytes.size() > most) sent.bytes.resize(most);
  return {.device = sent.talk.device,
          .direction = sent.talk.direction,
          .segmented = segmented,
          .bytes = std::move(sent.bytes),
          .time = time_};
}

void FrameGenerator::AdvanceTime() {
  time_ += random_.Below(2'000'000);
  if (!random_.Percent(2)) return;
  // The timeouts, and what lies between them.
  time_ += random_.Pick<uint64_t>({5, 10, 20, 30, 30, 31, 60, 120, 180, 200}) * PM_SECOND;
  if (random_.Percent(2)) time_ += PM_TIMEOUT_TCP_ESTABLISHED;
}

FrameGenerator::Sent FrameGenerator::NextSent() {
  if (follow_left_ > 0 && random_.Percent(80)) return Lifetime();
  const size_t kind = random_.Below(100);
  if (talks_.empty() || kind < 42) return Opening();
  if (kind < 62) return Answer();
  if (kind < 71) return Continuation();
  if (kind < 79) return LaterFragment();
  if (kind < 89) return IcmpError();
  if (kind < 92) return Neighbour();
  if (kind < 94) return Dhcp();
  if (kind < 97) return Spoofed();
  return NotIp();
}

const Talk& FrameGenerator::Earlier() {
  // The latest are likelier to be still alive.
  const size_t reach = random_.Percent(50) ? std::min<size_t>(talks_.size(), 8) : talks_.size();
  return talks_[talks_.size() - 1 - random_.Below(reach)];
}

FrameGenerator::Sent FrameGenerator::Send(const Talk& talk, uint8_t tcp_flags) {
  wire::Stack transport = TransportLayers(random_, talk.tuple, tcp_flags);
  std::optional<Fragmenting> fragmenting;
  if (random_.Percent(7)) {
    fragmenting = {.identification = static_cast<uint32_t>(random_.Below(4)), .more = true};
    // Now and then too short for its transport header, or not in units of eight.
    if (random_.Percent(10)) transport = wire::Cut{random_.Below(40)} / transport;
    if (random_.Percent(92)) transport.Add(FragmentPadding(transport));
  }
  const wire::Stack network = NetworkLayers(random_, talk.tuple, fragmenting);
  if (fragmenting) {
    Keep(series_, kMaxSeries,
         {.talk = talk,
          .identification = fragmenting->identification,
          .first_bytes = static_cast<uint16_t>(transport.Build().size())});
  }
  const wire::Stack link = LinkLayers(random_, talk);
  return {.talk = talk, .bytes = link / network / transport};
}

FrameGenerator::Sent FrameGenerator::Lifetime() {
  --follow_left_;
  if (random_.Percent(50)) time_ += random_.Between(1, 15) * PM_SECOND;
  const Talk talk = random_.Percent(60) ? AnswerTo(followed_) : followed_;
  return Send(talk, LifetimeFlags(random_));
}

FrameGenerator::Sent FrameGenerator::Opening() {
  const Talk talk = source_.Next(random_);
  Keep(talks_, kMaxTalks, talk);
  // Only what the node sends makes a conversation, and TCP's have the most states.
  const unsigned chance = talk.tuple.protocol == protocol::kTcp ? 6 : 2;
  if (talk.direction == Direction::kOut && random_.Percent(chance)) {
    followed_ = talk;
    follow_left_ = kFollowed;
  }
  return Send(talk, OpeningFlags(random_));
}

FrameGenerator::Sent FrameGenerator::Continuation() { return Send(Earlier(), LaterFlags(random_)); }

FrameGenerator::Sent FrameGenerator::Answer() {
  const Talk* about = &Earlier();
  // Answers to `out` packets are those that need a conversation.
  if (about->direction == Direction::kIn && random_.Percent(60)) about = &Earlier();
  return Send(AnswerTo(*about), LaterFlags(random_));
}

FrameGenerator::Sent FrameGenerator::LaterFragment() {
  Series series;
  if (!series_.empty() && random_.Percent(90)) {
    series = random_.From(series_);
  } else {  // its first was never seen
    series.talk = Earlier();
    series.identification = static_cast<uint32_t>(random_.Below(6));
  }
  Fragmenting part = {.identification = series.identification,
                      .offset = static_cast<uint16_t>(series.first_bytes & 0xfff8),
                      .more = random_.Percent(40)};
  if (part.offset == 0 || random_.Percent(30)) {  // overlapping, far away, at the very end
    part.offset = random_.Pick<uint16_t>({8, 16, 24, 32, 40, 1480, 65520, 65528});
  }
  const size_t bytes = random_.Percent(90) ? 8 * random_.Below(6) : random_.Below(50);
  const wire::Stack link = LinkLayers(random_, series.talk);
  const wire::Stack network = NetworkLayers(random_, series.talk.tuple, part);
  return {.talk = series.talk,
          .bytes = link / network / wire::Zeros(bytes, series.talk.tuple.protocol)};
}

FrameGenerator::Sent FrameGenerator::IcmpError() {
  const Talk about = random_.Percent(85) ? Earlier() : source_.Aimless(random_);
  Talk talk = about;
  if (random_.Percent(95)) talk.direction = Opposite(about.direction);
  const Family family = about.tuple.family == 4 ? Family::kIpv4 : Family::kIpv6;
  // From the other end or a router on the way, to who sent the packet or, forged, to somebody else.
  const Address reporter = random_.Percent(60) ? TupleDestination(about.tuple)
                                               : source_.edges().AnyAddress(random_, family);
  const Address addressee =
      random_.Percent(92) ? TupleSource(about.tuple) : source_.edges().AnyAddress(random_, family);
  // One statement each: the operands of `/` choose in no certain order.
  wire::Stack embedded = NetworkLayers(random_, about.tuple);
  embedded.Add(TransportLayers(random_, about.tuple, OpeningFlags(random_)));
  if (random_.Percent(40)) {
    embedded = wire::Cut{random_.Percent(60) ? random_.Pick<size_t>({28, 48, 56, 27, 47})
                                             : random_.Below(100)} /
               embedded;
  }
  wire::Stack error;
  if (family == Family::kIpv4) {
    talk.tuple = MakeTuple(reporter, addressee, protocol::kIcmp);
    error = wire::Icmp{.type = random_.Pick<uint8_t>({3, 11, 12, 3, 4, 5}),
                       .code = static_cast<uint8_t>(random_.Below(5))};
  } else {
    talk.tuple = MakeTuple(reporter, addressee, protocol::kIcmpv6);
    error = wire::Icmpv6{.type = random_.Pick<uint8_t>({1, 2, 3, 4, 1, 5}),
                         .code = static_cast<uint8_t>(random_.Below(5))};
  }
  const wire::Stack link = LinkLayers(random_, talk);
  const wire::Stack network = NetworkLayers(random_, talk.tuple);
  return {.talk = talk, .bytes = link / network / error / embedded};
}

FrameGenerator::Sent FrameGenerator::Neighbour() {
  Talk talk = source_.Aimless(random_);
  if (random_.Percent(30)) {
    const wire::Ipv4 ip = {.source = source_.edges().AnyAddress(random_, Family::kIpv4),
                           .destination = random_.Percent(80)
                                              ? wire::Ip("224.0.0.22")
                                              : source_.edges().AnyAddress(random_, Family::kIpv4),
                           .hop_limit = random_.Pick<uint8_t>({1, 1, 1, 2})};
    return {.talk = talk,
            .bytes = LinkLayers(random_, talk) / ip / wire::Zeros(8, protocol::kIgmp)};
  }
  const bool listener = random_.Percent(40);
  const wire::Ipv6 ip = {
      .source = random_.Percent(70) ? random_.Pick<wire::Ip>({"fe80::1", "::", "febf::1"})
                                    : source_.edges().AnyAddress(random_, Family::kIpv6),
      .destination = random_.Percent(70) ? wire::Ip("ff02::1")
                                         : source_.edges().AnyAddress(random_, Family::kIpv6),
      .hop_limit = listener ? random_.Pick<uint8_t>({1, 1, 1, 255})
                            : random_.Pick<uint8_t>({255, 255, 255, 254})};
  wire::Stack network = ip;
  if (random_.Percent(20)) network.Add(wire::Extension{.kind = protocol::kHopByHop});
  if (random_.Percent(10)) {
    network.Add(wire::FragmentHeader{.identification = 1, .more = random_.Percent(50)});
  }
  const uint8_t type = listener ? random_.Pick<uint8_t>({130, 131, 132, 143})
                                : random_.Pick<uint8_t>({133, 134, 135, 136});
  const uint8_t code = random_.Percent(90) ? 0 : 1;
  return {.talk = talk,
          .bytes = LinkLayers(random_, talk) / network / wire::Icmpv6{.type = type, .code = code} /
                   wire::Zeros(24)};
}

FrameGenerator::Sent FrameGenerator::Dhcp() {
  Talk talk = source_.Aimless(random_);
  talk.tuple.protocol = protocol::kUdp;
  const bool ipv4 = random_.Percent(90) == (talk.tuple.family == 4);
  talk.tuple.source_port = ipv4 ? 68 : 546;
  talk.tuple.destination_port = ipv4 ? 67 : 547;
  if (random_.Percent(90) == (talk.direction == Direction::kIn)) {
    std::swap(talk.tuple.source_port, talk.tuple.destination_port);
  }
  return Send(talk, 0);
}

FrameGenerator::Sent FrameGenerator::Spoofed() {
  Talk talk = source_.Next(random_);
  talk.direction = Direction::kIn;
  const Family family = talk.tuple.family == 4 ? Family::kIpv4 : Family::kIpv6;
  Address source = source_.edges().AnyAddress(random_, family);
  if (random_.Percent(30)) {
    const Interface& interface = random_.From(source_.node().interfaces);
    source = source_.edges().AddressNear(random_, interface.local, family);
  } else if (random_.Percent(20)) {
    source = TupleDestination(talk.tuple);
  }
  std::copy(source.bytes.begin(), source.bytes.end(), talk.tuple.source);
  return Send(talk, OpeningFlags(random_));
}

FrameGenerator::Sent FrameGenerator::NotIp() {
  const Talk talk = source_.Aimless(random_);
  wire::Stack link = LinkLayers(random_, talk);
  const auto type =
      random_.Pick<uint16_t>({0x0806, 0x0806, 0x88cc, 0x8809, 0x888e, 0, 0x0001, 0x05ff, 0x0600,
                              0x8863, 0x8847, 0x9100, static_cast<uint16_t>(random_.Next())});
  wire::Bytes bytes = link / wire::Zeros(random_.Below(50));
  const size_t offset = 12 + 4 * talk.tags.size();
  bytes[offset] = static_cast<uint8_t>(type >> 8);
  bytes[offset + 1] = static_cast<uint8_t>(type);
  return {.talk = talk, .bytes = std::move(bytes)};
}

}  // namespace portmatrix
