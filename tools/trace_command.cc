// SPDX-License-Identifier: Apache-2.0
// `portmatrix trace`: what becomes of one packet, and why.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/filter_object.h"
#include "agent/datapath/live_set_table.h"
#include "agent/datapath/pinned_image.h"
#include "agent/policy/expect.h"
#include "agent/policy/model.h"
#include "agent/policy/protocol.h"
#include "tools/commands.h"
#include "tools/policy_choice.h"
#include "tools/screen.h"
#include "tools/stored_policy.h"
#include "tools/trace_court.h"

DECLARE_bool(json);
DECLARE_string(interface);
DECLARE_string(node);
DECLARE_string(pin_root);
DECLARE_string(policy);
DEFINE_string(from, "",
              "source address, with a port behind a colon: 192.0.2.1:5000, [2001:db8::1]:5000");
DEFINE_string(to, "", "destination address, with a port behind a colon");
DEFINE_string(protocol, "", "tcp, udp, sctp, icmp, icmpv6 or a number");
DEFINE_string(icmp_type, "", "ICMP type (default: echo request)");
DEFINE_string(icmp_code, "", "ICMP code (default: 0)");
DEFINE_string(flags, "", "TCP flags, such as syn or syn,ack or none (default: syn)");
DEFINE_string(state_dir, "/var/lib/portmatrix",
              "where the agent keeps the files of its generations");

namespace portmatrix {
namespace {

int RunTrace(const std::vector<std::string>& arguments);

}  // namespace

const Command kTraceCommand = {
    "trace",
    "--interface NAME --from A[:PORT] --to B[:PORT] --protocol P [--policy PATH[,PATH...] --node "
    "NAME]",
    "what becomes of one packet in the real kernel program, and by which rule",
    "Builds the packet and hands it to the kernel program, loaded a second time with counters,\n"
    "conversations and control word of its own: nothing that is in force is touched. Without\n"
    "--policy it is judged by the generation in force, and a live conversation of these addresses "
    "and\n"
    "ports is copied first, so that answers are recognised; with --policy, by the policy in those\n"
    "files, with no conversation known. Needs root.\n"
    "\n"
    "The packet opens something unless said otherwise: TCP with SYN, an SCTP INIT, an echo "
    "request. An\n"
    "answer is --flags ack (or syn,ack), with its ports in --from. Without a port in --from it "
    "comes\n"
    "from one that no rule names. It travels `in` if its destination is local to the interface, "
    "else\n"
    "`out` if its source is; --direction says it otherwise. Sockets of this host are not asked.\n"
    "Dynamic sets hold what they hold at the moment; with --policy they are empty.\n"
    "\n"
    "  portmatrix trace --interface external --from 198.51.100.7 --to 203.0.113.11:5061 --protocol "
    "tcp\n"
    "  portmatrix trace --interface external --from 203.0.113.11:443 --to 198.51.100.7:50123 "
    "--protocol "
    "tcp --flags syn,ack\n"
    "  portmatrix trace --policy policies/lync-2013-edge --node edge1 --interface external \\\n"
    "    --from [2001:db8::7]:5000 --to [2001:db8:1::11]:5061 --protocol tcp\n"
    "\n"
    "exit codes: 0 answered, whatever the verdict, 1 nothing is pinned or the kernel refused, 2 "
    "usage,\n"
    "            3 the policy has errors, 4 not permitted",
    {"interface", "direction", "from", "to", "protocol", "icmp_type", "icmp_code", "flags",
     "policy", "node", "state_dir"},
    RunTrace,
};

namespace {

using nlohmann::ordered_json;

// What was asked of whom, and what came out.
struct Answer {
  std::string node;
  std::string interface;
  std::optional<uint64_t> generation;  // of the one in force
  TraceQuestion question;
  uint16_t from_port = 0;
  uint64_t now = 0;
  TraceOutcome outcome;
  std::optional<RuleIdentity> rule;
  std::optional<RulePlace> place;
  std::string no_place;  // why the place of the rule is not known
};

const char* Explanation(pm_reason reason) {
  switch (reason) {
    case PM_REASON_RULE:
      return "the first rule of this direction that matches";
    case PM_REASON_REPLY:
      return "an answer in a conversation that this rule lets the other side's packets open";
    case PM_REASON_FAILSAFE:
      return "a failsafe entry, before all rules";
    case PM_REASON_NEIGHBOUR:
      return "neighbour discovery or group membership of the link";
    case PM_REASON_DHCP:
      return "the DHCP client's exchange";
    case PM_REASON_ETHERTYPE:
      return "not IP: decided by the interface's list of Ethertypes";
    case PM_REASON_UNBOUND:
      return "nothing in force binds the device: such packets pass";
    case PM_REASON_DEFAULT:
      return "no rule of this direction matches and it answers nothing: the interface's default";
    case PM_REASON_MALFORMED:
      return "the packet contradicts itself";
    case PM_REASON_VLAN:
      return "no interface takes these tags";
    case PM_REASON_SPOOFED:
      return "no such source may be received here: local, loopback, group or its own destination";
    case PM_REASON_FRAGMENT:
      return "a later fragment whose first is not known";
    case PM_REASON_INTERNAL:
    case PM_REASON_COUNT:
      break;
  }
  return "a table or helper failed that cannot: see `portmatrix counters`, faults";
}

bool IsAllowed(const pm_report& report) { return report.verdict == PM_PASS && report.audited == 0; }

uint64_t SecondsBetween(uint64_t earlier, uint64_t later) {
  return later < earlier ? 0 : (later - earlier) / PM_SECOND;
}

ordered_json ConversationJson(const std::optional<Conversation>& conversation, uint64_t now) {
  if (!conversation) return {};
  return {{"age_seconds", SecondsBetween(conversation->flow.opened_at, now)},
          {"expires_in_seconds", SecondsBetween(now, conversation->expiry())}};
}

ordered_json JsonOf(const Answer& answer) {
  const TraceOutcome& outcome = answer.outcome;
  ordered_json json = {
      {"node", answer.node},
      {"generation", answer.generation ? ordered_json(*answer.generation) : ordered_json()},
      {"interface", answer.interface},
      {"device", outcome.device},
      {"vlan", outcome.tags},
      {"packet", Describe(answer.question, answer.from_port)},
      {"direction", ToString(outcome.direction)},
      {"verdict", IsAllowed(outcome.report) ? "allow" : "drop"},
      {"reason", ReasonWord(static_cast<pm_reason>(outcome.report.reason))},
      {"rule", answer.rule ? ordered_json(answer.rule->key) : ordered_json()},
      {"file", answer.place ? ordered_json(answer.place->file) : ordered_json()},
      {"line", answer.place ? ordered_json(answer.place->line) : ordered_json()},
      {"column", answer.place ? ordered_json(answer.place->column) : ordered_json()},
      {"conversation_before", ConversationJson(outcome.before, answer.now)},
      {"conversation_after", ConversationJson(outcome.after, answer.now)},
  };
  if (outcome.report.audited != 0) json["audit"] = true;
  return json;
}

// What the packet met or made in the table of conversations; empty if nothing.
std::string ConversationText(const Answer& answer) {
  const TraceOutcome& outcome = answer.outcome;
  if (outcome.before)
    return fmt::format("  conversation: open for {} s, {} s left before this packet\n",
                       SecondsBetween(outcome.before->flow.opened_at, answer.now),
                       SecondsBetween(answer.now, outcome.before->expiry()));
  if (outcome.after)
    return fmt::format("  conversation: it opens one; answers pass for {} s\n",
                       SecondsBetween(answer.now, outcome.after->expiry()));
  return "";
}

void Print(const Answer& answer) {
  const TraceOutcome& outcome = answer.outcome;
  const pm_report& report = outcome.report;
  const bool allowed = IsAllowed(report);
  std::string way = outcome.device;
  for (const uint16_t tag : outcome.tags) way += fmt::format(" vlan {}", tag);
  fmt::print("{}\n  {} on {} of {} ({}), {}\n", Describe(answer.question, answer.from_port),
             ToString(outcome.direction), answer.interface, answer.node, way,
             answer.generation ? fmt::format("generation {}", *answer.generation)
                               : std::string("policy from files"));
  const std::string verdict = allowed          ? "allow"
                              : report.audited ? "drop (audit lets it pass)"
                                               : "drop";
  fmt::print("{}: {}: {}\n", Paint(stdout, allowed ? Colour::kGreen : Colour::kRed, verdict),
             ReasonWord(static_cast<pm_reason>(report.reason)),
             Explanation(static_cast<pm_reason>(report.reason)));
  if (answer.rule)
    fmt::print("  rule: {} ({})\n", answer.rule->key, ToString(answer.rule->direction));
  if (answer.place)
    fmt::print("  written at: {}:{}:{}\n", answer.place->file, answer.place->line,
               answer.place->column);
  else if (answer.rule)
    fmt::print("  written at: not known ({})\n", answer.no_place);
  fmt::print("{}", ConversationText(answer));
  const bool opens = (answer.question.tcp_flags & (PM_TCP_SYN | PM_TCP_ACK)) == PM_TCP_SYN;
  if (!allowed && answer.question.protocol == protocol::kTcp && !opens &&
      outcome.direction == Direction::kIn)
    fmt::print(
        "  note: on the wire it would pass if an established socket of this host owns it and the\n"
        "  `out` rules allow that side; trace asks no sockets\n");
}

int Fail(const Error& error) {
  if (error.code == ENOENT)
    fmt::print(stderr,
               "portmatrix trace: nothing is pinned under {}: no policy is in force "
               "(judge by files with --policy, or name another --pin_root)\n",
               FLAGS_pin_root);
  else
    fmt::print(stderr, "portmatrix trace: {}\n", error.Text());
  return error.code == EACCES || error.code == EPERM ? kExitNotPermitted : kExitFailure;
}

int AskFiles(TraceCase trace, Answer answer) {
  PolicyChoice choice;
  if (const int code = ChoosePolicy(kTraceCommand, &choice); code != kExitOk) return code;
  const Node& node = *choice.node;
  Numbering numbering;
  std::string what;
  const bool numbered = NumberNode(node, {.rules = DatapathSizes().rules}, &numbering, &what);
  const auto compilation = numbered ? Compile(node, numbering, 1, &what) : std::nullopt;
  if (!compilation) return Fail({"compile", "the policy", 0, what});
  trace.image = &compilation->image;
  trace.owner = numbering.interfaces.at(choice.interface().name);
  trace.rule_slots = static_cast<uint32_t>(numbering.rules.size());
  for (const std::string& device : choice.interface().devices)
    trace.devices.emplace_back(device, numbering.devices.at(device));
  trace.from_port = trace.question.from_port.value_or(UnnamedPort(node));
  trace.now = PM_SECOND;
  auto outcome = Trace(trace);
  if (!outcome) return Fail(outcome.error());

  answer.node = node.name;
  answer.interface = choice.interface().name;
  answer.from_port = trace.from_port;
  answer.now = trace.now;
  answer.outcome = std::move(*outcome);
  for (const auto& [rule, slot] : numbering.rules) {
    const uint8_t reason = answer.outcome.report.reason;
    if (slot == answer.outcome.report.slot &&
        (reason == PM_REASON_RULE || reason == PM_REASON_REPLY))
      answer.rule = rule;
  }
  for (const Rule& rule : choice.interface().rules) {
    if (!answer.rule || rule.key != answer.rule->key || rule.direction != answer.rule->direction)
      continue;
    answer.place = RulePlace{FileOf(choice.loaded->sources(), rule.span).path, rule.span.line,
                             rule.span.column};
  }
  if (FLAGS_json)
    PrintJson(JsonOf(answer));
  else
    Print(answer);
  return kExitOk;
}

int AskPins(TraceCase trace, Answer answer) {
  auto pinned = ReadPinnedImage(FLAGS_pin_root);
  if (!pinned) return Fail(pinned.error());
  if (pinned->detached()) {
    fmt::print(stderr, "portmatrix trace: detached: nothing is in force, every packet passes\n");
    return kExitFailure;
  }
  std::vector<std::string> names;
  for (const auto& [name, number] : pinned->interfaces) {
    names.push_back(name);
    if (name == FLAGS_interface || (FLAGS_interface.empty() && pinned->interfaces.size() == 1)) {
      answer.interface = name;
      trace.owner = number;
    }
  }
  if (answer.interface.empty())
    return UsageError(kTraceCommand, fmt::format("name with --interface one of {}", Listed(names)));
  auto flows = FlowTable::Open(FLAGS_pin_root);
  if (!flows) return Fail(flows.error());
  constexpr uint16_t kEphemeralPort = 49152;
  trace.image = &pinned->image;
  trace.devices = pinned->devices;
  trace.rule_slots = pinned->rules.empty() ? 0 : pinned->rules.rbegin()->first + 1;
  trace.from_port = trace.question.from_port.value_or(kEphemeralPort);
  trace.now = ProgramClock();
  auto live_sets = ReadPinnedLiveSets(FLAGS_pin_root, trace.now);
  if (!live_sets) return Fail(live_sets.error());
  trace.live_sets = std::move(*live_sets);
  trace.find_flow = [&](const pm_tuple& opening) { return flows->Find(opening); };
  auto outcome = Trace(trace);
  if (!outcome) return Fail(outcome.error());

  const pm_generation& generation = pinned->generation;
  answer.node = std::string(generation.node, strnlen(generation.node, sizeof generation.node));
  answer.generation = generation.number;
  answer.from_port = trace.from_port;
  answer.now = trace.now;
  answer.outcome = std::move(*outcome);
  const pm_report& report = answer.outcome.report;
  if (report.reason == PM_REASON_RULE || report.reason == PM_REASON_REPLY) {
    const auto rule = pinned->rules.find(report.slot);
    if (rule != pinned->rules.end()) answer.rule = rule->second;
  }
  if (answer.rule)
    answer.place = FindStoredPlace(FLAGS_state_dir, generation, *answer.rule, &answer.no_place);
  if (FLAGS_json)
    PrintJson(JsonOf(answer));
  else
    Print(answer);
  return kExitOk;
}

int RunTrace(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kTraceCommand, "takes no arguments, only flags");
  if (FLAGS_from.empty() || FLAGS_to.empty() || FLAGS_protocol.empty())
    return UsageError(kTraceCommand, "a packet has --from, --to and --protocol");
  if (FLAGS_policy.empty() && !FLAGS_node.empty())
    return UsageError(kTraceCommand, "--node goes with --policy; the policy in force has one node");
  TraceCase trace;
  if (!ChooseDirection(kTraceCommand, &trace.direction)) return kExitUsage;
  std::string problem;
  const auto question = ReadQuestion({.from = FLAGS_from,
                                      .to = FLAGS_to,
                                      .protocol = FLAGS_protocol,
                                      .icmp_type = FLAGS_icmp_type,
                                      .icmp_code = FLAGS_icmp_code,
                                      .flags = FLAGS_flags},
                                     &problem);
  if (!question) return UsageError(kTraceCommand, problem);
  trace.question = *question;
  Answer answer;
  answer.question = *question;
  return FLAGS_policy.empty() ? AskPins(std::move(trace), std::move(answer))
                              : AskFiles(std::move(trace), std::move(answer));
}

}  // namespace
}  // namespace portmatrix
