// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/interface_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/policy/ethertypes.h"
#include "agent/policy/fields.h"
#include "agent/policy/limits.h"
#include "agent/policy/scalar.h"
#include "agent/policy/set_reader.h"

namespace portmatrix {
namespace {

constexpr uint32_t kLastVlan = 4094;

// What the kernel takes as a device's name (dev_valid_name).
bool IsDeviceName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxDeviceBytes && text != "." && text != ".." &&
         text.find_first_of("/: \t\r\n\v\f") == std::string_view::npos;
}

// The texts of a value or list, each once.
std::vector<WrittenName> ReadNames(const YamlNode& value, const char* key, bool may_be_empty,
                                   Diagnostics& diagnostics) {
  std::vector<WrittenName> names;
  for (const YamlNode& item : OneOrMany(value, key, may_be_empty, diagnostics)) {
    if (!ExpectEntry(item, YamlNode::Kind::kText, key, diagnostics)) continue;
    const auto twin = std::ranges::find(names, item.text, &WrittenName::text);
    if (twin != names.end()) {
      diagnostics
          .Error("listed-twice", item.span, fmt::format("`{}` is listed twice", item.text),
                 "remove one of them")
          .notes.push_back({twin->span, "the first one"});
      continue;
    }
    names.push_back({item.text, item.span});
  }
  return names;
}

std::optional<uint16_t> ReadTag(const YamlNode& value, Diagnostics& diagnostics) {
  const auto number =
      value.kind == YamlNode::Kind::kText ? ParseNumber(value.text, kLastVlan) : std::nullopt;
  if (number && *number > 0) return static_cast<uint16_t>(*number);
  diagnostics.Error("bad-vlan", value.span,
                    value.kind == YamlNode::Kind::kText
                        ? fmt::format("`{}` is no VLAN", value.text)
                        : fmt::format("a VLAN should be text, here is {}", KindWord(value.kind)),
                    "write none, any, a number from 1 to 4094, or [outer, inner]");
  return std::nullopt;
}

VlanSelector ReadVlan(const YamlNode& value, Diagnostics& diagnostics) {
  VlanSelector vlan;
  if (value.kind == YamlNode::Kind::kText && value.text == "none") return vlan;
  if (value.kind == YamlNode::Kind::kText && value.text == "any") {
    vlan.kind = VlanSelector::Kind::kAny;
    return vlan;
  }
  vlan.kind = VlanSelector::Kind::kTags;
  if (value.kind != YamlNode::Kind::kList) {
    vlan.outer = ReadTag(value, diagnostics).value_or(0);
    return vlan;
  }
  if (value.items.size() != 2) {
    diagnostics.Error("bad-vlan", value.span,
                      fmt::format("a list of {} VLANs selects nothing", value.items.size()),
                      "write [outer, inner]; for several VLANs write one interface each");
    return vlan;
  }
  vlan.outer = ReadTag(value.items[0], diagnostics).value_or(0);
  vlan.inner = ReadTag(value.items[1], diagnostics).value_or(0);
  return vlan;
}

void ReadOptions(Fields& fields, WrittenInterface& interface, Diagnostics& diagnostics) {
  static const Words<Verdict> kDefaults = {{"drop", Verdict::kDrop}, {"pass", Verdict::kPass}};
  static const Words<Mode> kModes = {{"enforce", Mode::kEnforce}, {"audit", Mode::kAudit}};
  static const Words<XdpMode> kXdp = {
      {"native", XdpMode::kNative}, {"generic", XdpMode::kGeneric}, {"any", XdpMode::kAny}};
  static const Words<bool> kDhcp = {{"none", false}, {"client", true}};
  static const Words<bool> kAccept = {{"accept", true}, {"drop", false}};
  if (const YamlNode* value = fields.Take("vlan")) interface.vlan = ReadVlan(*value, diagnostics);
  if (const YamlNode* value = fields.Take("default")) {
    interface.default_verdict =
        ReadWord(*value, "default", kDefaults, diagnostics).value_or(Verdict::kDrop);
  }
  if (const YamlNode* value = fields.Take("mode")) {
    interface.mode = ReadWord(*value, "mode", kModes, diagnostics).value_or(Mode::kEnforce);
  }
  if (const YamlNode* value = fields.Take("xdp")) {
    interface.xdp = ReadWord(*value, "xdp mode", kXdp, diagnostics).value_or(XdpMode::kNative);
  }
  if (const YamlNode* value = fields.Take("dhcp")) {
    interface.dhcp_client = ReadWord(*value, "dhcp role", kDhcp, diagnostics).value_or(false);
  }
  if (const YamlNode* value = fields.Take("router_advertisements")) {
    interface.router_advertisements =
        ReadWord(*value, "choice for router_advertisements", kAccept, diagnostics).value_or(false);
  }
  if (const YamlNode* value = fields.Take("shared_local")) {
    interface.shared_local = ReadBool(*value, "shared_local", diagnostics).value_or(false);
  }
  const YamlNode* ethertypes = fields.Take("ethertypes");
  interface.ethertypes =
      ethertypes != nullptr ? ReadEthertypes(*ethertypes, diagnostics) : DefaultEthertypes();
}

}  // namespace

WrittenInterface ReadInterface(const YamlNode& name, const YamlNode& value,
                               Diagnostics& diagnostics) {
  WrittenInterface interface;
  interface.name = name.text;
  interface.span = name.span;
  Fields fields(value, fmt::format("interface `{}`", name.text), diagnostics);
  if (const YamlNode* devices = fields.Require("device", "add `device: eth0`")) {
    for (WrittenName& device : ReadNames(*devices, "device", false, diagnostics)) {
      if (IsDeviceName(device.text)) {
        interface.devices.push_back(std::move(device));
      } else {
        diagnostics.Error("bad-device", device.span,
                          fmt::format("`{}` is no device name", device.text),
                          "device names have 1 to 15 bytes, without `/`, `:` and blanks");
      }
    }
  }
  interface.local.broken = true;
  if (const YamlNode* local =
          fields.Require("local", "add `local:` with the addresses that this interface protects")) {
    interface.local = ReadAddresses(*local, "local", diagnostics);
  }
  if (const YamlNode* matrices =
          fields.Require("matrices", "add `matrices:` with the names of the matrices, or `[]`")) {
    interface.matrices = ReadNames(*matrices, "matrices", true, diagnostics);
  }
  ReadOptions(fields, interface, diagnostics);
  fields.Finish();
  return interface;
}

}  // namespace portmatrix
