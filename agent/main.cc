// SPDX-License-Identifier: Apache-2.0
// portmatrixd: reads its flags, starts the daemon, and says in one line why it could not.
#include <fmt/format.h>
#include <gflags/gflags.h>
#include <glog/logging.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "agent/daemon.h"
#include "agent/policy/limits.h"
#include "agent/policy_files.h"

DEFINE_string(
    policy, "",
    "policy files and directories, separated by commas: what the very first start installs, "
    "and what SIGHUP and --watch read again");
DEFINE_string(
    node, "",
    "the node of the policy that this host is (default: the host name up to the first dot)");
DEFINE_string(pin_root, "/sys/fs/bpf/portmatrix/v1",
              "directory of a bpf file system that holds the pins");
DEFINE_string(state_dir, "/var/lib/portmatrix", "directory of confirmed and candidate policies");
DEFINE_string(socket, "/run/portmatrix/control.sock", "Unix socket of the control API");
DEFINE_string(metrics_listen, "", "ADDRESS:PORT to serve Prometheus metrics on (default: none)");
DEFINE_bool(watch, false, "install the files of --policy again whenever they change");
DEFINE_uint32(max_rules, 32768,
              "counter slots: rules of all retained generations together, `both` counted twice");
DEFINE_uint32(
    event_rate, portmatrix::kDefaultEventBudget,
    "events a second of one rule, or of one reason of an interface and direction; what is "
    "beyond is counted");
DEFINE_uint32(max_flows, 262144,
              "entries of the conversation table (at least 65536, and 512 a processor)");

DECLARE_bool(help);

// gflags ends the program by itself at a flag that it does not know, through this.
namespace GFLAGS_NAMESPACE {
extern void (*gflags_exitfunc)(int);
}

namespace portmatrix {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInvalidPolicy = 3;
constexpr uint32_t kMinFlows = 65536;
constexpr uint32_t kMinFlowsPerProcessor = 512;

int Usage(const std::string& what) {
  fmt::print(stderr, "portmatrixd: {} (see portmatrixd --help)\n", what);
  return kExitUsage;
}

std::string_view ValueOf(const std::string& type) {
  if (type == "bool") return "";
  return type == "string" ? " TEXT" : " NUMBER";
}

// Of our own flags; gflags' help tells of the libraries' first, a hundred lines.
void Help() {
  fmt::print("{}\n\n", gflags::ProgramUsage());
  std::vector<gflags::CommandLineFlagInfo> flags;
  gflags::GetAllFlags(&flags);
  for (const gflags::CommandLineFlagInfo& flag : flags) {
    if (flag.filename != __FILE__) continue;
    fmt::print("  --{}{}\n      {}\n", flag.name, ValueOf(flag.type), flag.description);
    if (flag.type != "bool" && !flag.default_value.empty())
      fmt::print("      (default: {})\n", flag.default_value);
  }
  fmt::print("\nexit codes: 0 ended by a signal, 1 runtime failure, 2 usage, 3 invalid policy\n");
}

std::string HostName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  std::string text(name.data());
  text.resize(std::min(text.find('.'), text.size()));
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string Hint(const std::string& text) {
  if (text.find("Operation not permitted") != std::string::npos ||
      text.find("Permission denied") != std::string::npos)
    return " (portmatrixd needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or root)";
  return "";
}

int Fail(const Refusal& refusal) {
  std::fputs(refusal.diagnostics.c_str(), stderr);
  fmt::print(stderr, "portmatrixd: {}{}\n", refusal.text, Hint(refusal.text));
  return refusal.kind == Refusal::Kind::kInvalidPolicy ? kExitInvalidPolicy : kExitFailure;
}

int Run() {
  DaemonOptions options;
  options.policy = SplitPaths({FLAGS_policy});
  options.node = FLAGS_node.empty() ? HostName() : FLAGS_node;
  options.pin_root = FLAGS_pin_root;
  options.state_dir = FLAGS_state_dir;
  options.socket = FLAGS_socket;
  options.metrics_listen = FLAGS_metrics_listen;
  options.watch = FLAGS_watch;
  options.event_rate = FLAGS_event_rate;
  options.sizes.rules = FLAGS_max_rules;
  options.sizes.flows = FLAGS_max_flows;
  if (options.watch && options.policy.empty())
    return Usage("--watch needs --policy: there is nothing to watch");
  if (options.node.empty() || options.node.size() > kMaxNameBytes)
    return Usage(fmt::format("--node: `{}` is no node's name", options.node));
  if (FLAGS_max_rules == 0 || FLAGS_max_rules > PM_MAX_RULE_INDEX)
    return Usage(fmt::format("--max_rules: from 1 to {}", PM_MAX_RULE_INDEX));
  if (FLAGS_event_rate == 0 || FLAGS_event_rate > PM_MOST_EVENT_BUDGET)
    return Usage(fmt::format("--event_rate: from 1 to {}", PM_MOST_EVENT_BUDGET));
  const uint32_t min_flows =
      std::max(kMinFlows, kMinFlowsPerProcessor * static_cast<uint32_t>(get_nprocs_conf()));
  if (FLAGS_max_flows < min_flows)
    return Usage(fmt::format("--max_flows: at least {} here", min_flows));

  const Journal journal = [](Weight weight, const std::string& line) {
    if (weight == Weight::kAlarm)
      LOG(WARNING) << line;
    else
      LOG(INFO) << line;
  };
  Answer<std::unique_ptr<Daemon>> daemon = Daemon::Start(options, journal);
  if (!daemon) return Fail(daemon.refusal());
  if (Result<void> done = (*daemon)->Run(); !done) return Fail(Refusal::Runtime(done.error()));
  return 0;
}

}  // namespace
}  // namespace portmatrix

int main(int argc, char** argv) {
  gflags::SetVersionString(PORTMATRIX_VERSION);
  gflags::SetUsageMessage(
      "portmatrixd [--policy PATH[,PATH...]] [--node NAME]: keeps a port matrix in force");
  FLAGS_logtostderr = true;
  GFLAGS_NAMESPACE::gflags_exitfunc = [](int code) { std::exit(code == 0 ? 0 : 2); };
  gflags::ParseCommandLineNonHelpFlags(&argc, &argv, true);
  if (FLAGS_help) {
    portmatrix::Help();
    return 0;
  }
  gflags::HandleCommandLineHelpFlags();
  google::InitGoogleLogging(argv[0]);
  if (argc > 1) {
    fmt::print(stderr, "portmatrixd: `{}`: it takes flags only (see portmatrixd --help)\n",
               argv[1]);
    return 2;
  }
  return portmatrix::Run();
}
