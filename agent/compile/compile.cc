// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "agent/compile/address_classes.h"
#include "agent/compile/address_tree.h"
#include "agent/compile/service_tree.h"

namespace portmatrix {
namespace {

// Structs of 64 / n bytes, n to a block.
template <typename Struct>
std::vector<pm_block> Packed(const std::vector<Struct>& structs) {
  static_assert(sizeof(pm_block) % sizeof(Struct) == 0);
  constexpr size_t kPerBlock = sizeof(pm_block) / sizeof(Struct);
  std::vector<pm_block> blocks(std::max<size_t>(1, (structs.size() + kPerBlock - 1) / kPerBlock));
  for (size_t i = 0; i < structs.size(); ++i)
    std::memcpy(reinterpret_cast<char*>(&blocks[i / kPerBlock]) + i % kPerBlock * sizeof(Struct),
                &structs[i], sizeof(Struct));
  return blocks;
}

// One rule or failsafe entry of an interface's direction, its addresses as set numbers.
struct Line {
  Candidate candidate;
  uint32_t from;
  uint32_t to;
};

// Rows or columns of one matcher: the classes as its lines tell them apart.
struct Axis {
  std::vector<uint32_t> of_class;            // class to row
  std::vector<std::vector<uint32_t>> lines;  // row to the lines that contain it, ascending
};

class Compiler {
 public:
  Compiler(const Node& node, const Numbering& numbering, uint64_t generation)
      : node_(node), numbering_(numbering), generation_(generation) {}

  std::optional<Compilation> Run(std::string* limit) {
    CollectLines();
    classes_.Cut();
    for (size_t i = 0; i < node_.interfaces.size(); ++i)
      if (!AddInterface(i, limit)) return std::nullopt;
    AddDevices();
    if (trees_.blocks().size() > kMaxTreeBlocks) {
      *limit = fmt::format(
          "the services need {} tree blocks, the limit is {}: use fewer different port ranges",
          trees_.blocks().size(), kMaxTreeBlocks);
      return std::nullopt;
    }
    const AddressTables addresses = MakeAddressTables(classes_.prefixes());
    Image& image = out_.image;
    image.tables[PM_TABLE_DEVICES] = Packed(devices_);
    image.tables[PM_TABLE_INTERFACES] = Packed(interfaces_);
    image.tables[PM_TABLE_AXES] = Packed(axes_);
    image.tables[PM_TABLE_PAIRS] = Packed(pairs_);
    image.tables[PM_TABLE_TREES] = trees_.blocks();
    image.tables[PM_TABLE_RULES] = Packed(rules_);
    image.tables[PM_TABLE_ADDRESSES] = Packed(addresses.words);
    image.tables[PM_TABLE_ADDRESS_TREES] = addresses.trees.blocks();
    return std::move(out_);
  }

 private:
  void CollectLines() {
    lines_.resize(node_.interfaces.size());
    for (size_t i = 0; i < node_.interfaces.size(); ++i) {
      const Interface& interface = node_.interfaces[i];
      local_.push_back(classes_.Number(interface.local));
      for (const FailsafeEntry& entry : node_.failsafe)
        AddLine(i, Direction::kIn, entry.match, PM_VALUE(PM_ACTION_FAILSAFE, 0));
      for (const Rule& rule : interface.rules) {
        if (rule.state != RuleState::kActive) continue;
        const pm_action action = rule.action == Action::kAllow ? PM_ACTION_ALLOW : PM_ACTION_DENY;
        pm_rule entry{};
        entry.slot = numbering_.rules.at({rule.key, rule.direction});
        entry.action = static_cast<uint8_t>(action);
        entry.log = rule.log;
        rules_.push_back(entry);
        out_.rules.push_back(&rule);
        AddLine(i, rule.direction, rule.match, PM_VALUE(action, rules_.size()));
      }
    }
  }

  void AddLine(size_t interface, Direction direction, const Match& match, uint32_t value) {
    lines_[interface][static_cast<size_t>(direction)].push_back(
        {{&match, value}, classes_.Number(match.from), classes_.Number(match.to)});
  }

  Axis MakeAxis(const std::vector<Line>& lines, uint32_t Line::*side) const {
    std::map<uint32_t, std::vector<uint32_t>> lines_of_set;
    std::vector<uint32_t> everywhere;
    for (uint32_t i = 0; i < lines.size(); ++i) {
      if (lines[i].*side == AddressClasses::kAny)
        everywhere.push_back(i);
      else
        lines_of_set[lines[i].*side].push_back(i);
    }
    Axis axis;
    std::map<std::vector<uint32_t>, uint32_t> known;  // sets that matter here to row
    for (const std::vector<uint32_t>& members : classes_.members()) {
      std::vector<uint32_t> sets;
      for (const uint32_t set : members)
        if (lines_of_set.contains(set)) sets.push_back(set);
      const auto [row, added] = known.try_emplace(sets, static_cast<uint32_t>(axis.lines.size()));
      if (added) {
        std::vector<uint32_t> inside = everywhere;
        for (const uint32_t set : sets)
          inside.insert(inside.end(), lines_of_set[set].begin(), lines_of_set[set].end());
        std::sort(inside.begin(), inside.end());
        axis.lines.push_back(std::move(inside));
      }
      axis.of_class.push_back(row->second);
    }
    return axis;
  }

  bool AddMatcher(size_t interface, Direction direction, pm_matcher* matcher, std::string* limit) {
    const std::vector<Line>& lines = lines_[interface][static_cast<size_t>(direction)];
    const Axis rows = MakeAxis(lines, &Line::from);
    const Axis columns = MakeAxis(lines, &Line::to);

    matcher->source_axis = static_cast<uint32_t>(axes_.size());
    for (size_t c = 0; c < rows.of_class.size(); ++c) {
      const auto& members = classes_.members()[c];
      const bool local = std::binary_search(members.begin(), members.end(), local_[interface]);
      axes_.push_back(rows.of_class[c] | (local ? PM_AXIS_LOCAL : 0));
    }
    matcher->destination_axis = static_cast<uint32_t>(axes_.size());
    for (const uint32_t column : columns.of_class) axes_.push_back(column);
    matcher->pairs = static_cast<uint32_t>(pairs_.size());
    matcher->columns = static_cast<uint32_t>(columns.lines.size());

    const size_t words = rows.lines.size() * columns.lines.size();
    if (pairs_.size() + words > kMaxPairWords) {
      *limit = fmt::format(
          "interface {}, direction {}: {} source classes times {} destination classes make {} "
          "table words, the limit is "
          "{}: use fewer different address sets",
          node_.interfaces[interface].name, ToString(direction), rows.lines.size(),
          columns.lines.size(), pairs_.size() + words, kMaxPairWords);
      return false;
    }
    // The columns of each line, so that a row costs what its lines cover and not lines times
    // columns.
    std::vector<std::vector<uint32_t>> columns_of_line(lines.size());
    for (uint32_t column = 0; column < columns.lines.size(); ++column)
      for (const uint32_t line : columns.lines[column]) columns_of_line[line].push_back(column);

    std::vector<std::vector<uint32_t>> in_column(columns.lines.size());
    for (const auto& row : rows.lines) {
      for (auto& list : in_column) list.clear();
      for (const uint32_t line : row)
        for (const uint32_t column : columns_of_line[line]) in_column[column].push_back(line);
      for (const auto& list : in_column) pairs_.push_back(TreeOf(lines, list));
    }
    return true;
  }

  uint32_t TreeOf(const std::vector<Line>& lines, const std::vector<uint32_t>& list) {
    // Failsafe entries have no number of their own, so their matches tell them apart.
    std::vector<const Match*> matches;
    for (const uint32_t line : list) matches.push_back(lines[line].candidate.match);
    const auto [known, added] = tree_of_matches_.try_emplace(std::move(matches), 0);
    if (added) {
      std::vector<Candidate> candidates;
      for (const uint32_t line : list) candidates.push_back(lines[line].candidate);
      known->second = AddServiceTree(candidates, &trees_);
    }
    return known->second;
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
    for (const Direction direction : {Direction::kIn, Direction::kOut})
      if (!AddMatcher(index, direction, &entry.matcher[static_cast<size_t>(direction)], limit))
        return false;
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
  const uint64_t generation_;
  AddressClasses classes_;
  std::vector<std::array<std::vector<Line>, PM_DIRECTIONS>> lines_;
  std::vector<uint32_t> local_;  // set number of each interface's local
  std::map<std::vector<const Match*>, uint32_t> tree_of_matches_;
  TreeTable trees_;
  std::vector<uint32_t> axes_, pairs_;
  std::vector<pm_rule> rules_;
  std::vector<pm_interface> interfaces_;
  std::vector<pm_device> devices_;
  Compilation out_;
};

}  // namespace

std::optional<Compilation> Compile(const Node& node, const Numbering& numbering,
                                   uint64_t generation, std::string* limit) {
  return Compiler(node, numbering, generation).Run(limit);
}

}  // namespace portmatrix
