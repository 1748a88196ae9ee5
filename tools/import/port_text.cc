// SPDX-License-Identifier: Apache-2.0
#include "tools/import/port_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <set>

#include "agent/policy/scalar.h"
#include "tools/import/plain_text.h"

namespace portmatrix {
namespace {

constexpr uint32_t kLastPort = 65535;
constexpr size_t kMaxNumbers = 256;  // in one text
constexpr size_t kMaxUnclear = 10;   // separators that may be read in two ways, in one text
constexpr size_t kThousandsDigits = 3;

// What stands between two groups of digits.
enum class Joint : uint8_t {
  kList,       // certainly: two ports
  kThousands,  // certainly: one number
  kUnclear,    // a comma or a blank before three digits
  kRange,
};

struct Groups {
  std::vector<std::string> digits;
  std::vector<Joint> joints;  // one fewer
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The joint that `gap` writes between `before` and `after`, or nothing.
std::optional<Joint> ReadJoint(std::string_view gap, const std::string& before,
                               const std::string& after) {
  const bool thousands = after.size() == kThousandsDigits && before.size() <= kThousandsDigits;
  if (gap == "," || gap == " ") return thousands ? Joint::kUnclear : Joint::kList;
  if (gap == "." || gap == "'") return thousands ? std::optional(Joint::kThousands) : std::nullopt;
  const std::string word = Lowered(Trimmed(gap));
  for (const char* range : {"-", "to", "through"}) {
    if (word == range) return Joint::kRange;
  }
  for (const char* list : {",", ";", "and", "or", "&", "+", ", and", ", or", ",and"}) {
    if (word == list) return Joint::kList;
  }
  if (word.empty() && gap.find('\n') != std::string_view::npos) return Joint::kList;
  return std::nullopt;
}

std::optional<Groups> SplitGroups(std::string_view text) {
  Groups groups;
  std::string_view gap;
  while (!text.empty()) {
    size_t length = 0;
    while (length < text.size() && IsDigit(text[length])) ++length;
    if (length == 0) return std::nullopt;
    std::string digits(text.substr(0, length));
    if (!groups.digits.empty()) {
      const auto joint = ReadJoint(gap, groups.digits.back(), digits);
      if (!joint) return std::nullopt;
      groups.joints.push_back(*joint);
    }
    groups.digits.push_back(std::move(digits));
    text.remove_prefix(length);
    size_t end = 0;
    while (end < text.size() && !IsDigit(text[end])) ++end;
    gap = text.substr(0, end);
    text.remove_prefix(end);
    if (groups.digits.size() > kMaxNumbers) return std::nullopt;
  }
  if (!gap.empty() || groups.digits.empty()) return std::nullopt;
  return groups;
}

// A group behind a thousands separator has three digits, which a joint further on may not undo.
std::optional<std::vector<PortRange>> Evaluate(const Groups& groups,
                                               const std::vector<Joint>& joints) {
  std::vector<PortRange> ports;
  std::string number = groups.digits[0];
  std::optional<uint32_t> first;  // of a range that waits for its end
  const auto finish = [&](bool opens_range) {
    const auto value = ParseNumber(number, kLastPort);
    if (!value || (opens_range && first)) return false;
    if (opens_range) {
      first = value;
      return true;
    }
    const uint32_t begin = first.value_or(*value);
    first.reset();
    if (begin > *value) return false;
    ports.push_back({static_cast<uint16_t>(begin), static_cast<uint16_t>(*value)});
    return true;
  };
  for (size_t i = 0; i < joints.size(); ++i) {
    if (joints[i] == Joint::kThousands) {
      number += groups.digits[i + 1];
      continue;
    }
    if (!finish(joints[i] == Joint::kRange)) return std::nullopt;
    number = groups.digits[i + 1];
  }
  if (!finish(false)) return std::nullopt;
  std::ranges::sort(ports);
  std::vector<PortRange> merged;
  for (const PortRange& range : ports) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// Every list of ports that the groups may mean.
std::set<std::vector<PortRange>> Readings(const Groups& groups,
                                          const std::vector<size_t>& unclear) {
  std::set<std::vector<PortRange>> readings;
  for (size_t choice = 0; choice < size_t{1} << unclear.size(); ++choice) {
    std::vector<Joint> joints = groups.joints;
    for (size_t i = 0; i < unclear.size(); ++i) {
      joints[unclear[i]] = (choice >> i & 1) != 0 ? Joint::kThousands : Joint::kList;
    }
    if (auto ports = Evaluate(groups, joints)) readings.insert(std::move(*ports));
  }
  return readings;
}

}  // namespace

PortsRead ReadPortText(std::string_view text) {
  text = Trimmed(text);
  const std::string word = Lowered(text);
  if (word == "any" || word == "all" || word == "*") return {};
  const auto groups = SplitGroups(text);
  if (!groups) return {{}, fmt::format("`{}` is no list of ports", OneLine(std::string(text)))};
  std::vector<size_t> unclear;
  for (size_t i = 0; i < groups->joints.size(); ++i) {
    if (groups->joints[i] == Joint::kUnclear) unclear.push_back(i);
  }
  if (unclear.size() > kMaxUnclear) {
    return {{}, "too many commas that may separate ports or thousands"};
  }
  const auto readings = Readings(*groups, unclear);
  if (readings.size() == 1) return {*readings.begin(), ""};
  if (readings.empty()) {
    return {{}, fmt::format("`{}` is no list of ports", OneLine(std::string(text)))};
  }
  std::string choices;
  for (const auto& reading : readings) {
    if (!choices.empty()) choices += " or ";
    choices += fmt::format("`{}`", PortsText(reading));
    if (choices.size() > 80) break;
  }
  return {{}, fmt::format("`{}` may be {}", OneLine(std::string(text)), choices)};
}

std::string PortsText(const std::vector<PortRange>& ports) {
  std::string text;
  for (const PortRange& range : ports) {
    if (!text.empty()) text += ", ";
    text += std::to_string(range.first);
    if (range.last != range.first) text += fmt::format("-{}", range.last);
  }
  return text;
}

}  // namespace portmatrix
