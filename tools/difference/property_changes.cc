// SPDX-License-Identifier: Apache-2.0
#include "tools/difference/property_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/policy/interface_checks.h"
#include "tools/interface_text.h"
#include "tools/rule_text.h"

namespace portmatrix {
namespace {

constexpr size_t kShownAddresses = 6;

const char* const kBelow = "packets: below";

const Interface* Find(const Node& node, const std::string& name) {
  const auto found = std::ranges::find(node.interfaces, name, &Interface::name);
  return found == node.interfaces.end() ? nullptr : &*found;
}

std::string LocalText(const Interface& interface, const AddressText& names) {
  End end;
  for (size_t family = 0; family < 2; ++family) {
    AddressStretches part = JoinedStretches(interface.local, kFamilies[family]);
    if (!part.empty()) end.of[family] = std::move(part);
  }
  return names.Of(end, kShownAddresses).text;
}

std::string WholeText(const Interface& interface, const AddressText& names) {
  return fmt::format("device {}, vlan {}, mode {}, default {}, local {}",
                     fmt::join(interface.devices, ", "), ToString(interface.vlan),
                     ModeWord(interface.mode), DefaultWord(interface.default_verdict),
                     LocalText(interface, names));
}

std::string EntryText(const FailsafeEntry& entry) {
  return fmt::format("{} {} from {} to {}", ProtocolText(entry.match), PortText(entry.match),
                     entry.from_text, entry.to_text.empty() ? "any" : entry.to_text);
}

std::vector<std::string> EntryTexts(const Node& node) {
  std::vector<std::string> texts;
  for (const FailsafeEntry& entry : node.failsafe) texts.push_back(EntryText(entry));
  return texts;
}

std::string Listed(const std::vector<std::string>& texts) {
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, "; "));
}

// Equal as sets: neither order nor repetition means anything.
bool SameOnes(std::vector<std::string> left, std::vector<std::string> right) {
  std::ranges::sort(left);
  std::ranges::sort(right);
  return left == right;
}

std::string EthertypeEffect(const Interface& before, const Interface& after) {
  std::vector<std::string> parts;
  const auto add = [&](const Interface& with, const Interface& without, const char* what) {
    std::vector<std::string> words;
    const std::vector<std::string> others = EthertypeWords(without);
    for (const std::string& word : EthertypeWords(with))
      if (std::ranges::find(others, word) == others.end()) words.push_back(word);
    if (!words.empty()) parts.push_back(fmt::format("{} {}", fmt::join(words, ", "), what));
  };
  add(after, before, "pass");
  add(before, after, "drop");
  return fmt::format("{}", fmt::join(parts, "; "));
}

class Changes {
 public:
  explicit Changes(std::vector<PropertyChange>& changes) : changes_(changes) {}

  void set_interface(const std::string& name) { interface_ = name; }

  void Add(const char* property, const std::string& was, const std::string& becomes,
           const std::string& effect) {
    changes_.push_back({interface_, property, was, becomes, effect});
  }

  void AddIfOther(const char* property, const std::string& was, const std::string& becomes,
                  const std::string& effect) {
    if (was != becomes) Add(property, was, becomes, effect);
  }

 private:
  std::vector<PropertyChange>& changes_;
  std::string interface_;
};

void Compare(const Interface& before, const Interface& after, const AddressText& names,
             Changes& changes) {
  if (!SameOnes(before.devices, after.devices)) {
    changes.Add("device", fmt::format("{}", fmt::join(before.devices, ", ")),
                fmt::format("{}", fmt::join(after.devices, ", ")),
                "packets of other devices are judged here");
  }
  changes.AddIfOther("vlan", ToString(before.vlan), ToString(after.vlan),
                     "frames with other tags are judged here");
  if (before.local != after.local) {
    changes.Add("local", LocalText(before, names), LocalText(after, names),
                "as sources from outside they are spoofed, and rules take their direction from "
                "them; packets: below");
  }
  changes.AddIfOther("default", DefaultWord(before.default_verdict),
                     DefaultWord(after.default_verdict), kBelow);
  changes.AddIfOther("mode", ModeWord(before.mode), ModeWord(after.mode),
                     after.mode == Mode::kAudit
                         ? "what would drop passes, and is counted as audited"
                         : "what passed only for audit drops");
  changes.AddIfOther("xdp", XdpWord(before.xdp), XdpWord(after.xdp), "no packet's fate changes");
  changes.AddIfOther("dhcp", DhcpWord(before), DhcpWord(after), kBelow);
  if (!SameOnes(EthertypeWords(before), EthertypeWords(after))) {
    changes.Add("ethertypes", fmt::format("{}", fmt::join(EthertypeWords(before), ", ")),
                fmt::format("{}", fmt::join(EthertypeWords(after), ", ")),
                EthertypeEffect(before, after));
  }
  changes.AddIfOther(
      "router_advertisements", RouterAdvertisementsWord(before), RouterAdvertisementsWord(after),
      after.router_advertisements
          ? "router advertisements (ICMPv6 type 134, hop limit 255) pass"
          : "router advertisements (ICMPv6 type 134, hop limit 255) go by the rules");
}

}  // namespace

std::vector<PropertyChange> PropertyChanges(const Node& before, const Node& after,
                                            const AddressText& names) {
  std::vector<PropertyChange> found;
  Changes changes(found);
  if (!SameOnes(EntryTexts(before), EntryTexts(after))) {
    changes.Add("failsafe", Listed(EntryTexts(before)), Listed(EntryTexts(after)), kBelow);
  }
  for (const Interface& interface : after.interfaces) {
    changes.set_interface(interface.name);
    if (const Interface* was = Find(before, interface.name)) {
      Compare(*was, interface, names, changes);
    } else {
      changes.Add("interface", "-", WholeText(interface, names),
                  "new: what it lets pass is below, all else drops");
    }
  }
  for (const Interface& interface : before.interfaces) {
    if (Find(after, interface.name) != nullptr) continue;
    changes.set_interface(interface.name);
    changes.Add("interface", WholeText(interface, names), "-",
                "gone: what it let pass is below; its packets are judged elsewhere, or not at all");
  }
  return found;
}

}  // namespace portmatrix
