// SPDX-License-Identifier: Apache-2.0
#include "tools/policy_in_force.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "tools/stored_policy.h"

DECLARE_string(pin_root);
DECLARE_string(state_dir);

namespace portmatrix {
namespace {

int Fail(const Command& command, const std::string& why) {
  fmt::print(stderr, "portmatrix {}: {}\n", command.name, why);
  return kExitFailure;
}

}  // namespace

int ChoosePolicyInForce(const Command& command, PolicyChoice* choice, PinnedImage* pinned) {
  auto read = ReadPinnedImage(FLAGS_pin_root);
  if (!read && read.error().code == ENOENT)
    return Fail(command,
                fmt::format("nothing is pinned under {}: no policy is in force (judge by files "
                            "with --policy, or name another --pin_root)",
                            FLAGS_pin_root));
  if (!read) {
    Fail(command, read.error().Text());
    const int code = read.error().code;
    return code == EACCES || code == EPERM ? kExitNotPermitted : kExitFailure;
  }
  if (read->detached()) return Fail(command, "detached: nothing is in force, every packet passes");
  *pinned = std::move(*read);

  std::string why;
  auto stored = ReadStoredPolicy(FLAGS_state_dir, pinned->generation, &why);
  if (!stored)
    return Fail(command, fmt::format("the files of generation {} are not known ({}): judge by "
                                     "others with --policy, or name another --state_dir",
                                     pinned->generation.number, why));
  choice->loaded = std::make_unique<LoadedPolicy>();
  choice->loaded->paths = fmt::format("generation {}", pinned->generation.number);
  choice->loaded->files.sources = std::move(stored->sources);
  choice->loaded->nodes.push_back(std::move(stored->node));
  choice->node = &choice->loaded->nodes.front();
  return ChooseInterface(command, choice);
}

Numbering NumberingOf(const PinnedImage& pinned) {
  Numbering numbering;
  for (const auto& [slot, rule] : pinned.rules) numbering.rules.emplace(rule, slot);
  numbering.interfaces.insert(pinned.interfaces.begin(), pinned.interfaces.end());
  numbering.devices.insert(pinned.devices.begin(), pinned.devices.end());
  return numbering;
}

}  // namespace portmatrix
