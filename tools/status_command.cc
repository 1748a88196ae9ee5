// SPDX-License-Identifier: Apache-2.0
// `portmatrix status`: what is in force, from the pins, and what the agent knows beyond them.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/pinned_reader.h"
#include "agent/policy/moment.h"
#include "agent/standing.h"
#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/loaded_policy.h"
#include "tools/screen.h"
#include "tools/table.h"

DECLARE_bool(json);
DECLARE_string(pin_root);

namespace portmatrix {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

int RunStatus(const std::vector<std::string>& arguments);

}  // namespace

const Command kStatusCommand = {
    "status",
    "",
    "what is in force, on which devices, and what is wrong",
    "Reads the pins, so it tells what the kernel does whether an agent runs or not; asks the agent "
    "for alarms,\n"
    "gaps in protection and whether its files differ from what is in force, or says that it is "
    "unreachable.\n"
    "\n"
    "exit codes: 0 a policy is in force, 1 nothing is in force, 4 the pins may not be read",
    {},
    RunStatus,
};

namespace {

struct PinnedStatus {
  uint64_t control = 0;
  pm_generation judging{};
  std::vector<pm_attachment> attachments;

  pm_control_state state() const {
    return static_cast<pm_control_state>(PM_CONTROL_STATE(control));
  }
  bool in_force() const { return state() != PM_CONTROL_DETACHED; }
};

Result<PinnedStatus> ReadPinned() {
  auto reader = PinnedReader::Open(FLAGS_pin_root);
  if (!reader) return reader.error();
  const Result<uint64_t> control = (*reader)->ReadControl();
  if (!control) return control.error();
  PinnedStatus status;
  status.control = *control;
  auto attachments = (*reader)->ReadAttachments();
  if (!attachments) return attachments.error();
  status.attachments = std::move(*attachments);
  if (!status.in_force()) return status;
  const Result<pm_generation> judging = (*reader)->ReadGeneration(PM_CONTROL_JUDGING(*control));
  if (!judging) return judging.error();
  status.judging = *judging;
  return status;
}

std::string TimeOf(uint64_t nanoseconds) {
  return MomentText(static_cast<int64_t>(nanoseconds / 1'000'000'000));
}

std::string DeviceOf(const pm_attachment& attachment) {
  return std::string(attachment.device, strnlen(attachment.device, sizeof attachment.device));
}

const char* XdpWord(const pm_attachment& attachment) {
  return attachment.xdp_mode == PM_XDP_GENERIC ? "generic" : "native";
}

const char* TcWord(const pm_attachment& attachment) {
  return attachment.tc_kind == PM_TC_CLSACT ? "clsact" : "tcx";
}

// Milliseconds that a trial has left; zero: the next packet ends it.
uint64_t MillisecondsLeft(uint64_t control) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const auto boot =
      static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
  return PM_CONTROL_DEADLINE(control) > boot ? PM_CONTROL_DEADLINE(control) - boot : 0;
}

ordered_json StatusJson(const PinnedStatus& pinned, const AgentAnswer& agent) {
  ordered_json object = {{"state", ToString(pinned.state())}, {"pin_root", FLAGS_pin_root}};
  object["node"] = pinned.in_force() ? ordered_json(NodeOf(pinned.judging)) : ordered_json();
  object["generation"] = pinned.in_force() ? ordered_json(pinned.judging.number) : ordered_json();
  object["fingerprint"] =
      pinned.in_force() ? ordered_json(ToHex(FingerprintOf(pinned.judging))) : ordered_json();
  object["installed_at"] =
      pinned.in_force() ? ordered_json(TimeOf(pinned.judging.installed_at)) : ordered_json();
  object["pending"] = nullptr;
  if (pinned.state() == PM_CONTROL_PENDING)
    object["pending"] = {{"milliseconds_left", MillisecondsLeft(pinned.control)}};
  object["attachments"] = ordered_json::array();
  for (const pm_attachment& attachment : pinned.attachments)
    object["attachments"].push_back({{"device", DeviceOf(attachment)},
                                     {"ifindex", attachment.ifindex},
                                     {"xdp", XdpWord(attachment)},
                                     {"tc", TcWord(attachment)},
                                     {"counts_exact", attachment.xdp_mode != PM_XDP_GENERIC},
                                     {"attached_at", TimeOf(attachment.attached_at)}});
  object["agent"] = {{"reachable", agent.code == kExitOk}};
  if (agent.code != kExitOk) {
    object["agent"]["text"] = agent.text;
    return object;
  }
  for (const char* key : {"alarms", "gaps", "files", "confirmed"})
    object["agent"][key] = agent.body.value(key, json());
  return object;
}

void PrintPinned(const PinnedStatus& pinned) {
  if (!pinned.in_force()) {
    fmt::print("{}: hooks that are still there let everything pass\n",
               Paint(stdout, Colour::kRed, "nothing is in force"));
  } else {
    fmt::print("node {}: generation {} judges since {}\n", NodeOf(pinned.judging),
               pinned.judging.number, TimeOf(pinned.judging.installed_at));
    fmt::print("fingerprint {}\n", ToHex(FingerprintOf(pinned.judging)));
  }
  if (pinned.state() == PM_CONTROL_PENDING) {
    const uint64_t left = MillisecondsLeft(pinned.control);
    fmt::print("{}\n",
               Paint(stdout, Colour::kYellow,
                     left > 0 ? fmt::format("on trial: goes back in {} unless confirmed",
                                            DurationText((left + 999) / 1000))
                              : "on trial, and its time is over: the next packet goes back"));
  }
  if (pinned.state() == PM_CONTROL_ROLLED_BACK)
    fmt::print("{}\n", Paint(stdout, Colour::kYellow, "the last change was rolled back"));
  if (pinned.attachments.empty()) {
    fmt::print("no device is hooked\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"DEVICE", "INDEX", "RECEIVE", "SEND", "SINCE", ""}};
  for (const pm_attachment& attachment : pinned.attachments)
    rows.push_back({DeviceOf(attachment), std::to_string(attachment.ifindex),
                    fmt::format("xdp {}", XdpWord(attachment)), TcWord(attachment),
                    TimeOf(attachment.attached_at),
                    attachment.xdp_mode == PM_XDP_GENERIC ? "counts inexact" : ""});
  fmt::print("\n{}\n", AlignedTable(rows, {1}));
}

void PrintAgent(const AgentAnswer& agent) {
  if (agent.code != kExitOk) {
    fmt::print("{}\n", Paint(stdout, Colour::kYellow, agent.text));
    fmt::print(
        "(what is in force stays so; rules do not expire and devices that come back are not "
        "hooked)\n");
    return;
  }
  const json alarms = agent.body.value("alarms", json::array());
  for (const json& alarm : alarms)
    fmt::print("{} {} ({})\n",
               Paint(stdout, Colour::kRed, fmt::format("alarm: {}:", alarm.value("subject", ""))),
               alarm.value("text", ""), alarm.value("since", ""));
  if (alarms.empty()) fmt::print("no alarms\n");
  for (const json& gap : agent.body.value("gaps", json::array()))
    fmt::print("gap: {} was not protected for {:.3f} s, from {} {}\n", gap.value("device", ""),
               gap.value("seconds", 0.0), gap.value("from", ""),
               gap.value("until", json()).is_string() ? "to " + gap["until"].get<std::string>()
                                                      : "until now");
  const json files = agent.body.value("files", json());
  if (!files.is_object()) return;
  if (files.contains("error"))
    fmt::print("the agent's policy files cannot be read: {}\n", files.value("error", ""));
  else
    fmt::print("the agent's policy files {}\n", files.value("differ", false)
                                                    ? "differ from what is in force"
                                                    : "are what is in force");
}

int RunStatus(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kStatusCommand, "takes no arguments");
  const Result<PinnedStatus> pinned = ReadPinned();
  if (!pinned) {
    AgentAnswer failure;
    const int code = pinned.error().code;
    failure.code = code == EACCES || code == EPERM ? kExitNotPermitted : kExitFailure;
    failure.text = code == ENOENT
                       ? fmt::format(
                             "nothing is in force: nothing is pinned under {} (another place: "
                             "--pin_root)",
                             FLAGS_pin_root)
                       : pinned.error().Text();
    return ReportFailure(kStatusCommand, failure);
  }
  AgentAnswer agent = GetFromAgent("/v1/status");
  if (agent.code == kExitOk && agent.body.value("pin_root", "") != FLAGS_pin_root) {
    agent.text = fmt::format(
        "agent unreachable: the one on this socket keeps its pins under {}: name yours with "
        "--socket",
        agent.body.value("pin_root", "?"));
    agent.code = kExitNoAgent;
  }
  if (FLAGS_json) {
    PrintJson(StatusJson(*pinned, agent));
  } else {
    PrintPinned(*pinned);
    PrintAgent(agent);
  }
  return pinned->in_force() ? kExitOk : kExitFailure;
}

}  // namespace
}  // namespace portmatrix
