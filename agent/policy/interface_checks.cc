// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/interface_checks.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "agent/policy/limits.h"

namespace portmatrix {
namespace {

void CheckLocals(const WrittenNode& node, const std::vector<ResolvedAddresses>& locals,
                 Diagnostics& diagnostics) {
  for (size_t i = 0; i < locals.size(); ++i) {
    const WrittenInterface& interface = node.interfaces[i];
    if (locals[i].broken) continue;
    if (locals[i].set.ContainsAll(AddressSet::Any()) || locals[i].set.any()) {
      diagnostics.Error(
          "bad-local", interface.local.span,
          fmt::format("the local addresses of interface `{}` may not be any", interface.name),
          "name the addresses that it protects; on a gateway, the prefixes behind it");
    } else if (locals[i].set.empty()) {
      diagnostics.Error("bad-local", interface.local.span,
                        fmt::format("interface `{}` has no local addresses", interface.name),
                        "name the addresses that it protects");
    }
    for (size_t j = 0; j < i; ++j) {
      const WrittenInterface& other = node.interfaces[j];
      if (interface.shared_local && other.shared_local) continue;
      if (locals[j].broken || !locals[i].set.Intersects(locals[j].set)) continue;
      diagnostics
          .Error("overlapping-local", interface.local.span,
                 fmt::format("interfaces `{}` and `{}` share local addresses", other.name,
                             interface.name),
                 "take them apart; if it is on purpose, write `shared_local: true` on both")
          .notes.push_back(
              {other.local.span, fmt::format("the local addresses of `{}`", other.name)});
    }
  }
}

void CheckDevices(const WrittenNode& node, Diagnostics& diagnostics) {
  std::map<std::pair<std::string, VlanSelector>, const WrittenInterface*> claims;
  std::set<std::string> devices;
  for (const WrittenInterface& interface : node.interfaces) {
    for (const WrittenName& device : interface.devices) {
      devices.insert(device.text);
      const auto [claim, added] =
          claims.emplace(std::pair{device.text, interface.vlan}, &interface);
      if (added) continue;
      diagnostics
          .Error("device-claimed-twice", device.span,
                 fmt::format("interfaces `{}` and `{}` both claim device `{}` with vlan {}",
                             claim->second->name, interface.name, device.text,
                             ToString(interface.vlan)),
                 "two interfaces on one device must differ by `vlan`")
          .notes.push_back({claim->second->span, "the other one"});
    }
  }
  if (devices.size() > kMaxDevices) {
    diagnostics.Error(
        "limit", node.span,
        fmt::format("node `{}` has {} devices, {} more than the limit of {} (kMaxDevices)",
                    node.name, devices.size(), devices.size() - kMaxDevices, kMaxDevices),
        "split the node; each network namespace can have an agent of its own");
  }
}

}  // namespace

void CheckInterfaces(const WrittenNode& node, const std::vector<ResolvedAddresses>& locals,
                     Diagnostics& diagnostics) {
  const size_t count = node.interfaces.size();
  if (count > kMaxInterfaces) {
    diagnostics.Error(
        "limit", node.interfaces[kMaxInterfaces].span,
        fmt::format("node `{}` has {} interfaces, {} more than the limit of {} (kMaxInterfaces)",
                    node.name, count, count - kMaxInterfaces, kMaxInterfaces),
        "join those that share a policy: an interface can have several devices");
  }
  CheckLocals(node, locals, diagnostics);
  CheckDevices(node, diagnostics);
}

std::string ToString(const VlanSelector& vlan) {
  switch (vlan.kind) {
    case VlanSelector::Kind::kNone:
      return "none";
    case VlanSelector::Kind::kAny:
      return "any";
    case VlanSelector::Kind::kTags:
      return vlan.inner == 0 ? std::to_string(vlan.outer)
                             : fmt::format("[{}, {}]", vlan.outer, vlan.inner);
  }
  return "none";
}

}  // namespace portmatrix
