// SPDX-License-Identifier: Apache-2.0
// `portmatrix flows`: the table of conversations.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "agent/datapath/flow_table.h"
#include "agent/datapath/pinned_image.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"
#include "tools/commands.h"
#include "tools/loaded_policy.h"
#include "tools/table.h"

DECLARE_bool(json);
DECLARE_string(interface);
DECLARE_string(pin_root);
DEFINE_bool(all, false, "also what has expired and only waits for its place to be needed");

namespace portmatrix {
namespace {

int RunFlows(const std::vector<std::string>& arguments);

}  // namespace

const Command kFlowsCommand = {
    "flows",
    "[--interface I] [--all]",
    "conversations that hosts behind the filter opened, by which rule, and how long each still "
    "lives",
    "An `out` packet that an `out` rule allowed opens a conversation, unless the `in` rules would "
    "admit\n"
    "its answers anyway; while it lives, its answers pass for that rule. So every line was opened "
    "by\n"
    "its local side. Needs root.\n"
    "\n"
    "states: TCP syn-sent, established, closing (one FIN), closed (both), reset; others "
    "unanswered,\n"
    "answered. Age counts from the opening packet, idle from the last `out` packet; timeout is how "
    "long\n"
    "the state lasts, left what remains of it. With `stale` the entry is of another generation: "
    "its\n"
    "opening packet is judged again before it counts.\n"
    "\n"
    "  portmatrix flows\n"
    "  portmatrix flows --interface external\n"
    "  portmatrix --json flows --all\n"
    "\n"
    "exit codes: 0 ok, 1 nothing is pinned here, 2 usage, 4 not permitted",
    {"interface", "all"},
    RunFlows,
};

namespace {

using nlohmann::ordered_json;

struct Row {
  Conversation conversation;
  std::string interface;
  std::string rule;
  bool stale = false;
};

const char* StateWord(const Conversation& conversation) {
  const uint32_t flags = conversation.flow.flags;
  if (conversation.opening.protocol != protocol::kTcp)
    return flags & PM_FLOW_ANSWERED ? "answered" : "unanswered";
  if (flags & PM_FLOW_RESET) return "reset";
  const uint32_t fins = flags & (PM_FLOW_FIN_OUT | PM_FLOW_FIN_IN);
  if (fins == (PM_FLOW_FIN_OUT | PM_FLOW_FIN_IN)) return "closed";
  if (fins != 0) return "closing";
  return flags & PM_FLOW_ESTABLISHED ? "established" : "syn-sent";
}

// Seconds with three digits behind the point, exact.
double Seconds(uint64_t later, uint64_t earlier) {
  const uint64_t milliseconds = later < earlier ? 0 : (later - earlier) / 1'000'000;
  return static_cast<double>(milliseconds) / 1000;
}

std::string EndpointText(const Address& address, uint16_t port, uint8_t protocol) {
  if (!HasPorts(protocol)) return ToString(address);
  return address.family == Family::kIpv6 ? fmt::format("[{}]:{}", ToString(address), port)
                                         : fmt::format("{}:{}", ToString(address), port);
}

// An echo request's identifier stands where others have their port.
std::string OpenerText(const pm_tuple& opening) {
  const std::string endpoint =
      EndpointText(TupleSource(opening), opening.source_port, opening.protocol);
  return IsIcmp(opening.protocol) ? fmt::format("{} id {}", endpoint, opening.source_port)
                                  : endpoint;
}

ordered_json JsonOf(const Row& row, uint64_t now) {
  const pm_tuple& opening = row.conversation.opening;
  const pm_flow& flow = row.conversation.flow;
  const bool ports = HasPorts(opening.protocol);
  ordered_json json = {
      {"interface", row.interface},
      {"protocol", ProtocolWord(opening.protocol)},
      {"opened_by", OpenerText(opening)},
      {"local", ToString(TupleSource(opening))},
      {"local_port", ports ? ordered_json(opening.source_port) : ordered_json()},
      {"remote", ToString(TupleDestination(opening))},
      {"remote_port", ports ? ordered_json(opening.destination_port) : ordered_json()},
      {"rule", row.rule.empty() ? ordered_json() : ordered_json(row.rule)},
      {"state", StateWord(row.conversation)},
      {"age_seconds", Seconds(now, flow.opened_at)},
      {"idle_seconds", Seconds(now, flow.last_out)},
      {"timeout_seconds", Seconds(row.conversation.timeout(), 0)},
      {"expires_in_seconds", Seconds(row.conversation.expiry(), now)},
      {"generation", flow.generation},
      {"stale", row.stale}};
  if (IsIcmp(opening.protocol)) json["icmp_identifier"] = opening.source_port;
  return json;
}

std::string Table(const std::vector<Row>& rows, uint64_t now) {
  std::vector<std::vector<std::string>> cells = {{"interface", "protocol", "opened by", "to",
                                                  "state", "age", "idle", "timeout", "left",
                                                  "rule"}};
  for (const Row& row : rows) {
    const pm_tuple& opening = row.conversation.opening;
    const pm_flow& flow = row.conversation.flow;
    const double left = Seconds(row.conversation.expiry(), now);
    cells.push_back(
        {row.interface, ProtocolWord(opening.protocol), OpenerText(opening),
         EndpointText(TupleDestination(opening), opening.destination_port, opening.protocol),
         StateWord(row.conversation), fmt::format("{:.0f} s", Seconds(now, flow.opened_at)),
         fmt::format("{:.0f} s", Seconds(now, flow.last_out)),
         fmt::format("{:.0f} s", Seconds(row.conversation.timeout(), 0)),
         row.conversation.IsLive(now) ? fmt::format("{:.0f} s", left) : "expired",
         (row.rule.empty() ? "-" : row.rule) + (row.stale ? " (stale)" : "")});
  }
  return AlignedTable(cells, {5, 6, 7, 8});
}

int Fail(const Error& error) {
  if (error.code == ENOENT)
    fmt::print(stderr, "portmatrix flows: nothing is pinned under {} (another place: --pin_root)\n",
               FLAGS_pin_root);
  else
    fmt::print(stderr, "portmatrix flows: {}\n", error.Text());
  return error.code == EACCES || error.code == EPERM ? kExitNotPermitted : kExitFailure;
}

// Names for numbers; those that spoke last come first.
std::vector<Row> RowsOf(const std::vector<Conversation>& conversations, const PinnedNames& names,
                        uint64_t now) {
  std::map<uint32_t, std::string> interfaces;
  for (const auto& [name, number] : names.interfaces) interfaces[number] = name;
  std::vector<Row> rows;
  for (const Conversation& conversation : conversations) {
    if (!FLAGS_all && !conversation.IsLive(now)) continue;
    Row row{conversation, interfaces[conversation.opening.interface], "", false};
    if (!FLAGS_interface.empty() && row.interface != FLAGS_interface) continue;
    const auto rule = names.rules.find(conversation.flow.slot);
    if (rule != names.rules.end()) row.rule = rule->second.key;
    row.stale = conversation.flow.generation != names.generation.number;
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    return std::tie(a.interface, b.conversation.flow.last_out) <
           std::tie(b.interface, a.conversation.flow.last_out);
  });
  return rows;
}

bool IsInterface(const PinnedNames& names, const std::string& name) {
  return std::ranges::any_of(names.interfaces,
                             [&](const auto& interface) { return interface.first == name; });
}

int RunFlows(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kFlowsCommand, "takes no arguments");
  auto table = FlowTable::Open(FLAGS_pin_root);
  if (!table) return Fail(table.error());
  auto names = ReadPinnedNames(FLAGS_pin_root);
  if (!names) return Fail(names.error());
  if (!FLAGS_interface.empty() && !IsInterface(*names, FLAGS_interface))
    return UsageError(kFlowsCommand,
                      fmt::format("the loaded policy has no interface `{}`", FLAGS_interface));
  auto conversations = table->ReadAll();
  if (!conversations) return Fail(conversations.error());
  const uint64_t now = ProgramClock();
  const std::vector<Row> rows = RowsOf(*conversations, *names, now);
  const auto live = static_cast<size_t>(std::ranges::count_if(
      *conversations, [&](const Conversation& conversation) { return conversation.IsLive(now); }));
  if (FLAGS_json) {
    ordered_json list = ordered_json::array();
    for (const Row& row : rows) list.push_back(JsonOf(row, now));
    PrintJson({{"generation", names->generation.number},
               {"capacity", table->capacity()},
               {"entries", conversations->size()},
               {"live", live},
               {"flows", std::move(list)}});
    return kExitOk;
  }
  if (!rows.empty()) fmt::print("{}\n", Table(rows, now));
  if (!FLAGS_interface.empty()) fmt::print("{} on {}; in all: ", rows.size(), FLAGS_interface);
  fmt::print("{} conversation{}, {} expired; room for {}\n", live, live == 1 ? "" : "s",
             conversations->size() - live, table->capacity());
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
