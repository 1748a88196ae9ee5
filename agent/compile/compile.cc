// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "agent/compile/address_classes.h"
#include "agent/compile/address_tables.h"
#include "agent/compile/live_lines.h"
#include "agent/compile/matchers.h"
#include "maps/rule_slots.h"

namespace portmatrix {
namespace {

// Structs of 64 / n bytes, n to a block.
template <typename Struct>
std::vector<pm_block> Packed(const std::vector<Struct>& structs) {
  constexpr size_t kBytes = sizeof(Struct), kPerBlock = sizeof(pm_block) / kBytes;
  static_assert(sizeof(pm_block) % kBytes == 0);
  std::vector<pm_block> blocks(std::max<size_t>(1, (structs.size() + kPerBlock - 1) / kPerBlock));
  for (size_t i = 0; i < structs.size(); ++i)
    std::memcpy(reinterpret_cast<char*>(&blocks[i / kPerBlock]) + i % kPerBlock * kBytes,
                &structs[i], kBytes);
  return blocks;
}

class Compiler {
 public:
  Compiler(const Node& node, const Numbering& numbering, uint64_t generation,
           size_t most_dense_words, const TableLimits& limits)
      : node_(node),
        numbering_(numbering),
        slots_(numbering.rules),
        generation_(generation),
        limits_(limits),
        matchers_(classes_, &trees_, most_dense_words, limits) {}

  std::optional<Compilation> Run(std::string* limit) {
    CollectLines();
    classes_.Cut();
    for (size_t i = 0; i < node_.interfaces.size(); ++i)
      if (!AddInterface(i, limit)) return std::nullopt;
    AddDevices();
    if (trees_.blocks().size() > limits_.tree_blocks) {
      *limit = fmt::format(
          "the services need {} tree blocks, the limit is {}: use fewer different port ranges",
          trees_.blocks().size(), limits_.tree_blocks);
      return std::nullopt;
    }
    const AddressTables addresses = MakeAddressTables(classes_.prefixes());
    Image& image = out_.image;
    image.tables[PM_TABLE_DEVICES] = Packed(devices_);
    image.tables[PM_TABLE_INTERFACES] = Packed(interfaces_);
    image.tables[PM_TABLE_AXES] = Packed(matchers_.axes());
    image.tables[PM_TABLE_PAIRS] = Packed(matchers_.pairs());
    image.tables[PM_TABLE_MATCHERS] = Packed(matcher_blocks_);
    image.tables[PM_TABLE_LIVE] = Packed(live_blocks_);
    image.tables[PM_TABLE_TREES] = trees_.blocks();
    image.tables[PM_TABLE_RULES] = Packed(rules_);
    image.tables[PM_TABLE_ADDRESSES] = Packed(addresses.words);
    image.tables[PM_TABLE_ADDRESS_TREES] = addresses.trees.blocks();
    return std::move(out_);
  }

 private:
  void CollectLines() {
    lines_.resize(node_.interfaces.size());
    live_lines_.resize(node_.interfaces.size());
    for (size_t i = 0; i < node_.interfaces.size(); ++i) {
      const Interface& interface = node_.interfaces[i];
      local_.push_back(classes_.Number(interface.local));
      for (auto& lines : lines_[i]) lines.reserve(node_.failsafe.size() + interface.rules.size());
      for (const FailsafeEntry& entry : node_.failsafe)
        AddLine(i, Direction::kIn, entry.match, PM_VALUE(PM_ACTION_FAILSAFE, 0));
      for (const Rule& rule : interface.rules) {
        if (rule.state != RuleState::kActive) continue;
        const pm_action action = rule.action == Action::kAllow ? PM_ACTION_ALLOW : PM_ACTION_DENY;
        pm_rule entry{};
        entry.slot = slots_.Find(rule.key, rule.direction).value();
        entry.action = static_cast<uint8_t>(action);
        entry.log = rule.log;
        rules_.push_back(entry);
        out_.rules.push_back(&rule);
        AddLine(i, rule.direction, rule.match, PM_VALUE(action, rules_.size()));
      }
    }
  }

  void AddLine(size_t interface, Direction direction, const Match& match, uint32_t value) {
    const auto side = static_cast<size_t>(direction);
    const Line line{{&match, value}, classes_.Number(match.from), classes_.Number(match.to)};
    if (match.is_live()) live_lines_[interface][side].Add(line, match, node_, numbering_);
    if ((match.from_live == 0 || !match.from.empty()) && (match.to_live == 0 || !match.to.empty()))
      lines_[interface][side].push_back(line);
  }

  bool AddInterface(size_t index, std::string* limit) {
    const Interface& interface = node_.interfaces[index];
    pm_interface entry{};
    entry.owner = static_cast<uint16_t>(numbering_.interfaces.at(interface.name));
    entry.audit = interface.mode == Mode::kAudit;
    entry.default_verdict = static_cast<uint8_t>(interface.default_verdict);
    entry.dhcp_client = interface.dhcp_client;
    entry.router_advertisements = interface.router_advertisements;
    entry.generation = generation_;
    for (const uint16_t ethertype : interface.ethertypes) {
      if (entry.ethertype_count == PM_MAX_ETHERTYPES) break;  // the reader refuses longer lists
      entry.ethertype[entry.ethertype_count++] = ethertype;
    }
    entry.index = static_cast<uint32_t>(index);
    for (const Direction direction : {Direction::kIn, Direction::kOut}) {
      const auto side = static_cast<size_t>(direction);
      const auto matchers = matchers_.Add(lines_[index][side], local_[index], limit);
      if (!matchers ||
          !live_lines_[index][side].Write(static_cast<pm_direction>(side), local_[index],
                                          &matchers_, &live_blocks_, &entry, limit)) {
        *limit = fmt::format("interface {}, direction {}: {}", interface.name, ToString(direction),
                             *limit);
        return false;
      }
      entry.matchers[side] = static_cast<uint32_t>(matchers->size());
      if (direction == Direction::kIn) entry.local_axis = matchers->front().source_axis;
      matcher_blocks_.insert(matcher_blocks_.end(), matchers->begin(), matchers->end());
      matcher_blocks_.resize((index * PM_DIRECTIONS + side + 1) * PM_MATCHERS);
    }
    interfaces_.push_back(entry);
    return true;
  }

  void AddDevices() {
    std::map<uint32_t, std::map<uint32_t, uint32_t>> tags;  // device to key to interface index + 1
    for (uint32_t i = 0; i < node_.interfaces.size(); ++i) {
      const Interface& interface = node_.interfaces[i];
      for (const std::string& name : interface.devices) {
        const uint32_t number = numbering_.devices.at(name);
        if (devices_.size() <= number) devices_.resize(number + 1);
        pm_device& device = devices_[number];
        device.bound = 1;
        switch (interface.vlan.kind) {
          case VlanSelector::Kind::kNone:
            device.untagged = i + 1;
            break;
          case VlanSelector::Kind::kAny:
            device.any = i + 1;
            break;
          case VlanSelector::Kind::kTags:
            tags[number][PM_VLAN_KEY(interface.vlan.outer, interface.vlan.inner)] = i + 1;
            break;
        }
      }
    }
    for (const auto& [number, interfaces] : tags) {
      std::map<uint32_t, uint32_t> starts{{0, 0}};
      for (const auto& [key, interface] : interfaces) {
        starts[key] = interface;
        starts.try_emplace(key + 1, 0);
      }
      Intervals intervals(starts.begin(), starts.end());
      devices_[number].tagged = trees_.Add(intervals);
    }
  }

  const Node& node_;
  const Numbering& numbering_;
  const RuleSlots slots_;
  const uint64_t generation_;
  const TableLimits limits_;
  AddressClasses classes_;
  std::vector<std::array<std::vector<Line>, PM_DIRECTIONS>> lines_;
  std::vector<std::array<LiveLines, PM_DIRECTIONS>> live_lines_;
  std::vector<pm_block> live_blocks_;
  std::vector<uint32_t> local_;  // set number of each interface's local
  TreeTable trees_;
  MatcherTables matchers_;
  std::vector<pm_matcher> matcher_blocks_;
  std::vector<pm_rule> rules_;
  std::vector<pm_interface> interfaces_;
  std::vector<pm_device> devices_;
  Compilation out_;
};

}  // namespace

std::optional<Compilation> Compile(const Node& node, const Numbering& numbering,
                                   uint64_t generation, std::string* limit, size_t most_dense_words,
                                   const TableLimits& limits) {
  return Compiler(node, numbering, generation, most_dense_words, limits).Run(limit);
}

}  // namespace portmatrix
