// SPDX-License-Identifier: Apache-2.0
#include "tools/simulation.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "agent/compile/compile.h"
#include "agent/policy/evaluator.h"
#include "agent/policy/frame.h"
#include "agent/policy/packet.h"
#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

std::optional<Family> FamilyOf(const LinkHeader& link) {
  if (link.ethertype == ethertype::kIpv4) return Family::kIpv4;
  if (link.ethertype == ethertype::kIpv6) return Family::kIpv6;
  return std::nullopt;
}

// Source and destination, where the header is long enough to hold them.
std::optional<std::pair<Address, Address>> AddressesOf(std::span<const uint8_t> frame) {
  const std::optional<LinkHeader> link = DecodeLink(frame);
  const std::optional<Family> family = link ? FamilyOf(*link) : std::nullopt;
  if (!family) return std::nullopt;
  const bool v4 = *family == Family::kIpv4;
  const size_t at = v4 ? 12 : 8, bytes = v4 ? 4 : 16;
  if (link->payload.size() < at + 2 * bytes) return std::nullopt;
  std::pair<Address, Address> found;
  found.first.family = found.second.family = *family;
  std::memcpy(found.first.bytes.data(), link->payload.data() + at, bytes);
  std::memcpy(found.second.bytes.data(), link->payload.data() + at + bytes, bytes);
  return found;
}

// Of a super-packet that a capture shows; any but zero says the same.
constexpr uint32_t kSegmentBytes = 1448;

// How a packet that is too long to be test-run on send is shortened.
struct Shortened {
  enum class Way { kAsItIs, kSegmented, kNotAtAll };
  Way way = Way::kAsItIs;
  std::span<const uint8_t> frame;
};

// The bytes of the IP packet by its own length field.
size_t DatagramBytes(Family family, std::span<const uint8_t> packet) {
  constexpr size_t kIpv6HeaderBytes = 40;
  if (family == Family::kIpv4) return static_cast<size_t>(packet[2] << 8 | packet[3]);
  return kIpv6HeaderBytes + static_cast<size_t>(packet[4] << 8 | packet[5]);
}

Shortened Shorten(std::span<const uint8_t> frame) {
  constexpr size_t kLimit = Simulator::kLargestSentBytes;
  const Shortened start{Shortened::Way::kAsItIs, frame.first(kLimit)};
  const std::optional<LinkHeader> link = DecodeLink(frame);
  const std::optional<Family> family = link ? FamilyOf(*link) : std::nullopt;
  // What is no IP packet is not looked at that far.
  if (!family) return start;
  if (DecodePacket(*family, link->payload)) {
    const size_t link_bytes = frame.size() - link->payload.size();
    const size_t end = link_bytes + DatagramBytes(*family, link->payload);
    if (end <= kLimit) return start;
    frame = frame.first(end);
  } else {
    // Beyond what a length field can say there are only super-packets (BIG TCP).
    constexpr size_t kLargestLength = 65535;
    if (link->payload.size() <= kLargestLength || !DecodePacket(*family, link->payload, true))
      return {Shortened::Way::kNotAtAll, {}};
  }
  // Good, so its lengths need no look: they may be those of the buffer. A multiple of eight is cut
  // off, so that a fragment stays one that may have more to come.
  const size_t cut = (frame.size() - kLimit + 7) / 8 * 8;
  return {Shortened::Way::kSegmented, frame.first(frame.size() - cut)};
}

}  // namespace

Simulation::Simulation(const Node& node, size_t index, std::unique_ptr<Simulator> simulator)
    : node_(node), interface_(node.interfaces[index]), simulator_(std::move(simulator)) {}

Result<std::unique_ptr<Simulation>> Simulation::Make(const Node& node, size_t index) {
  Numbering numbering;
  std::string what;
  if (!NumberNode(node, {.rules = DatapathSizes().rules}, &numbering, &what))
    return Error{"number", "the policy", 0, what};
  const auto compilation = Compile(node, numbering, 1, &what);
  if (!compilation) return Error{"compile", "the policy", 0, what};
  return Make(node, index, compilation->image, numbering);
}

Result<std::unique_ptr<Simulation>> Simulation::Make(const Node& node, size_t index,
                                                     const Image& image,
                                                     const Numbering& numbering) {
  const auto device = numbering.devices.find(node.interfaces[index].devices.at(0));
  if (device == numbering.devices.end())
    return Error{"find", node.interfaces[index].devices[0], 0, "it is not in the image"};
  DatapathSizes sizes;
  sizes.rules = 1;
  for (const auto& [rule, slot] : numbering.rules) sizes.rules = std::max(sizes.rules, slot + 1);
  auto simulator = Simulator::Load(sizes);
  if (!simulator) return simulator.error();
  if (auto changed = (*simulator)->Change(image); !changed) return changed.error();

  std::unique_ptr<Simulation> made(new Simulation(node, index, std::move(*simulator)));
  made->device_ = device->second;
  made->rules_.resize(sizes.rules);
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      const auto slot = numbering.rules.find({rule.key, rule.direction});
      if (slot != numbering.rules.end()) made->rules_[slot->second] = &rule;
    }
  }
  return made;
}

Direction Simulation::DirectionOf(std::span<const uint8_t> frame) const {
  const auto addresses = AddressesOf(frame);
  if (!addresses || interface_.local.Contains(addresses->second)) return Direction::kIn;
  return interface_.local.Contains(addresses->first) ? Direction::kOut : Direction::kIn;
}

Result<std::optional<pm_report>> Simulation::Run(Direction direction,
                                                 std::span<const uint8_t> frame, uint64_t time) {
  if (direction == Direction::kIn) {
    const size_t bytes = std::min(frame.size(), Simulator::kLargestReceivedBytes);
    return simulator_->Run(direction, device_, frame.first(bytes), time);
  }
  if (frame.size() <= Simulator::kLargestSentBytes)
    return simulator_->Run(direction, device_, frame, time);
  const Shortened shortened = Shorten(frame);
  switch (shortened.way) {
    case Shortened::Way::kAsItIs:
      return simulator_->Run(direction, device_, shortened.frame, time);
    case Shortened::Way::kSegmented:
      return simulator_->Run(direction, device_, shortened.frame, time,
                             {.segment_bytes = kSegmentBytes});
    case Shortened::Way::kNotAtAll:
      break;
  }
  return std::optional<pm_report>();
}

Ruling Simulation::ByReference(Direction direction, std::span<const uint8_t> frame) const {
  const Judgement judgement = Evaluator(node_).Judge(
      {.device = interface_.devices.at(0), .direction = direction, .data = frame});
  return {.allowed = judgement.verdict == Verdict::kPass && !judgement.audited,
          .audited = judgement.audited,
          .reason = judgement.reason,
          .rule = judgement.rule,
          .refused = true};
}

Result<Ruling> Simulation::Judge(Direction direction, std::span<const uint8_t> frame,
                                 uint64_t time) {
  auto report = Run(direction, frame, time);
  if (!report) return report.error();
  if (!*report) return ByReference(direction, frame);
  Ruling ruling;
  ruling.allowed = (*report)->verdict == PM_PASS && (*report)->audited == 0;
  ruling.audited = (*report)->audited != 0;
  ruling.reason = static_cast<pm_reason>((*report)->reason);
  if (ruling.reason == PM_REASON_RULE || ruling.reason == PM_REASON_REPLY)
    ruling.rule = rules_.at((*report)->slot);
  return ruling;
}

}  // namespace portmatrix
