// SPDX-License-Identifier: Apache-2.0
// `portmatrix counters`: every counter, from the pins alone.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "agent/datapath/pinned_reader.h"
#include "tools/commands.h"
#include "tools/counter_text.h"
#include "tools/loaded_policy.h"

DECLARE_bool(json);
DECLARE_string(pin_root);
DEFINE_bool(follow, false, "print again and again, until interrupted");
DEFINE_double(interval, 1.0, "seconds between two prints with --follow, at least 0.1");

namespace portmatrix {
namespace {

constexpr double kLeastInterval = 0.1;

int RunCounters(const std::vector<std::string>& arguments);

}  // namespace

const Command kCountersCommand = {
    "counters",
    "[--follow [--interval SECONDS]]",
    "packets and bytes by rule, by reason and by interface",
    "Reads the pinned maps, so it needs no agent: root, or membership of group `portmatrix`.\n"
    "A rule's packets travelled in its direction; replies are the answers that passed because of "
    "it.\n"
    "What no rule decided counts under its reason. Seen = rules + reasons + retired, to the "
    "packet.\n"
    "\n"
    "  portmatrix counters\n"
    "  portmatrix --json counters --follow --interval 5\n"
    "\n"
    "exit codes: 0 ok, 1 nothing is pinned here, 2 usage, 4 the pins may not be read",
    {"follow", "interval"},
    RunCounters,
};

namespace {

int Fail(const Error& error) {
  if (error.code == ENOENT) {
    fmt::print(stderr,
               "portmatrix counters: nothing is pinned under {}: no agent ran there, or `detach` "
               "removed it (another place: --pin_root)\n",
               FLAGS_pin_root);
    return kExitFailure;
  }
  fmt::print(stderr, "portmatrix counters: {}\n", error.Text());
  return error.code == EACCES || error.code == EPERM ? kExitNotPermitted : kExitFailure;
}

int RunCounters(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kCountersCommand, "takes no arguments");
  if (!(FLAGS_interval >= kLeastInterval))
    return UsageError(kCountersCommand, "--interval is at least 0.1");
  auto reader = PinnedReader::Open(FLAGS_pin_root);
  if (!reader) return Fail(reader.error());
  auto next = std::chrono::steady_clock::now();
  for (;;) {
    auto counters = (*reader)->ReadCounters();
    if (!counters) return Fail(counters.error());
    if (FLAGS_json)
      PrintJson(CountersJson(*counters));
    else
      fmt::print("{}{}", CountersTable(*counters), FLAGS_follow ? "\n" : "");
    if (std::fflush(stdout) != 0) return kExitFailure;
    if (!FLAGS_follow) return kExitOk;
    next += std::chrono::microseconds(static_cast<int64_t>(FLAGS_interval * 1e6));
    std::this_thread::sleep_until(next);
  }
}

}  // namespace
}  // namespace portmatrix
