// SPDX-License-Identifier: Apache-2.0
// `portmatrix detach`: the one way to end enforcement.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "agent/datapath/kernel_datapath.h"
#include "agent/datapath/pinned_reader.h"
#include "agent/state_directory.h"
#include "tools/commands.h"
#include "tools/loaded_policy.h"

DECLARE_bool(json);
DECLARE_string(pin_root);
DEFINE_bool(yes, false, "yes, leave this machine without its filter");

namespace portmatrix {
namespace {

int RunDetach(const std::vector<std::string>& arguments);

}  // namespace

const Command kDetachCommand = {
    "detach",
    "--yes",
    "take the filter off every device and remove every pin: ENDS ENFORCEMENT",
    "Writes `detached` into the control word, takes the programs off all devices, and removes the\n"
    "pins with all counters. Works with and without an agent; an agent does not attach again, now "
    "or\n"
    "after a restart or boot, until the next `apply`.\n"
    "\n"
    "exit codes: 0 detached, 1 nothing was attached or the kernel refused, 2 usage, 4 not "
    "permitted",
    {"yes"},
    RunDetach,
};

namespace {

// Where the agent of these pins keeps its state; empty: nobody knows.
std::string StateOf(const std::string& pin_root) {
  auto reader = PinnedReader::Open(pin_root);
  if (!reader) return "";
  auto identity = (*reader)->ReadIdentity();
  if (!identity) return "";
  const auto& path = identity->state_directory;
  return std::string(path, strnlen(path, sizeof path));
}

int RunDetach(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kDetachCommand, "takes no arguments");
  if (!FLAGS_yes)
    return UsageError(kDetachCommand, "every packet passes afterwards; say --yes if that is meant");
  const std::string state = StateOf(FLAGS_pin_root);
  const Result<void> marked =
      state.empty() ? Result<void>() : StateDirectory::MarkDetached(state, true);
  if (auto removed = KernelDatapath::RemoveAll(FLAGS_pin_root); !removed) {
    if (!state.empty() && marked) (void)StateDirectory::MarkDetached(state, false);
    if (removed.error().code == ENOENT) {
      fmt::print(stderr, "portmatrix detach: nothing is pinned under {}\n", FLAGS_pin_root);
      return kExitFailure;
    }
    fmt::print(stderr, "portmatrix detach: {}\n", removed.error().Text());
    return removed.error().code == EACCES || removed.error().code == EPERM ? kExitNotPermitted
                                                                           : kExitFailure;
  }
  if (!marked)
    fmt::print(
        stderr,
        "portmatrix detach: an agent that starts again will attach again, for this could not "
        "be noted for it: {}\n",
        marked.error().Text());
  if (FLAGS_json)
    PrintJson({{"detached", true}, {"pin_root", FLAGS_pin_root}});
  else
    fmt::print("detached: no device is filtered any more, the pins under {} are gone\n",
               FLAGS_pin_root);
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
