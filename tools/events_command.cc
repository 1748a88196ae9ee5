// SPDX-License-Identifier: Apache-2.0
// `portmatrix events`: single packets, as the kernel tells of them.
#include <fmt/format.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/datapath/result.h"
#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/end_watch.h"
#include "tools/events/event_capture.h"
#include "tools/events/event_filter.h"
#include "tools/events/event_line.h"
#include "tools/events/event_text.h"

DECLARE_bool(json);
DEFINE_string(filter, "", "only packets that fit this expression");
DEFINE_string(pcap, "", "write the beginning of each packet to this pcapng file; `-` is stdout");
DEFINE_uint64(count, 0, "end after so many packets; 0: go on");

namespace portmatrix {
namespace {

int RunEvents(const std::vector<std::string>& arguments);

}  // namespace

const Command kEventsCommand = {
    "events",
    "[--filter EXPR] [--pcap FILE] [--count N]",
    "packets that drop, and those of rules with `log: true`, as they come",
    "The agent passes on what the kernel tells of single packets: dropped ones, those that only "
    "audit\n"
    "mode let pass (verdict audit), and those that a rule with `log: true` is credited with, "
    "answers\n"
    "included. Each rule, and each reason of an interface and direction, has a limit (portmatrixd\n"
    "--event_rate, 100 a second); how many packets were beyond it is a line of its own, whatever "
    "the\n"
    "filter. --json prints the agent's lines as they are.\n"
    "\n"
    "A filter is conditions joined by `and` (which may be left out), `or`, `not` and parentheses; "
    "a\n"
    "condition is a key and one value, or several with commas of which one must fit:\n"
    "\n"
    "  interface, device, rule   a name; `*` stands for anything\n"
    "  direction                 in, out\n"
    "  verdict                   allow, drop, audit\n"
    "  reason                    default, spoofed, malformed, ... as in `portmatrix counters`\n"
    "  from, to, host            an address or prefix; host is either side\n"
    "  protocol                  tcp, udp, sctp, icmp, icmpv6, or a number\n"
    "  port, source_port         a port or a range; port is the destination's\n"
    "  icmp_type, icmp_code      a number or a range\n"
    "  flags                     TCP flags that are all set, of SAFRPUEC\n"
    "  vlan                      a VID, none\n"
    "  fragment                  first, later, whole\n"
    "  generation                a number\n"
    "\n"
    "  portmatrix events\n"
    "  portmatrix events --filter 'direction in from 198.51.100.0/24 not port 80,443'\n"
    "  portmatrix events --filter 'reason default and (flags S or protocol udp)' --count 20\n"
    "  portmatrix events --pcap drops.pcapng\n"
    "  portmatrix events --pcap - | tshark -r - -T fields -e frame.number -e frame.comment\n"
    "\n"
    "exit codes: 0 ended by --count, a signal or the reader of the output, 1 cannot write, or fell "
    "too\n"
    "far behind, 2 usage, 4 not permitted, 5 the agent cannot be reached, or went away",
    {"filter", "pcap", "count"},
    RunEvents,
};

namespace {

// Where what was told goes. Nothing is opened before there is something to write.
class Output {
 public:
  // False: cannot be written. A line is out when this returns.
  bool Add(const EventLine& line, const std::string& json) {
    if (!AddToCapture(line)) return false;
    if (FLAGS_pcap == "-") return true;
    if (FLAGS_json) return Write(stdout, json + "\n");
    if (line.type == EventLine::Type::kListening) return Write(stdout, table_.Heading());
    return Write(stdout, table_.Text(line));
  }
  // Of a failure. Nobody reads any more: that is none.
  bool is_closed() const { return is_closed_; }
  const Error& failure() const { return failure_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  bool AddToCapture(const EventLine& line) {
    if (FLAGS_pcap.empty()) return true;
    if (line.type == EventLine::Type::kListening && file_ == nullptr) {
      if (FLAGS_pcap != "-") owned_.reset(std::fopen(FLAGS_pcap.c_str(), "we"));
      file_ = FLAGS_pcap == "-" ? stdout : owned_.get();
      if (file_ == nullptr) return Fail(FLAGS_pcap);
      return Write(file_, EventCapture::Begin("portmatrix " PORTMATRIX_VERSION));
    }
    return line.type != EventLine::Type::kPacket || Write(file_, capture_.Add(line));
  }
  bool Write(std::FILE* to, const std::string& bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), to) == bytes.size() && std::fflush(to) == 0)
      return true;
    is_closed_ = to == stdout && errno == EPIPE;
    return Fail(to == stdout ? "standard output" : FLAGS_pcap);
  }
  bool Fail(const std::string& object) {
    failure_ = {"write to", object, errno, ""};
    return false;
  }

  std::unique_ptr<std::FILE, Closer> owned_;
  std::FILE* file_ = nullptr;  // of the capture
  EventCapture capture_;
  EventTable table_{stdout};
  bool is_closed_ = false;
  Error failure_;
};

struct Sums {
  bool is_begun = false;
  uint64_t shown = 0, suppressed = 0, lost = 0;
};

int Follow(const EventFilter& filter) {
  Output output;
  AgentStream stream;
  const EndWatch watch([&stream] { stream.Stop(); });
  Sums sums;
  bool is_written = true, is_understood = true;
  const AgentAnswer answer =
      stream.Read(FLAGS_pcap.empty() ? "/v1/events/stream" : "/v1/events/stream?heads=true",
                  [&](const std::string& json) {
                    const auto line = ParseEventLine(json);
                    if (!line) return is_understood = false;
                    sums.is_begun = true;
                    const bool is_packet = line->type == EventLine::Type::kPacket;
                    if (is_packet && !filter(*line)) return true;
                    if (line->type == EventLine::Type::kSuppressed)
                      sums.suppressed += line->packets;
                    if (line->type == EventLine::Type::kLost) sums.lost += line->packets;
                    is_written = output.Add(*line, json);
                    if (!is_written) return false;
                    if (is_packet) ++sums.shown;
                    return FLAGS_count == 0 || sums.shown < FLAGS_count;
                  });
  if (!is_understood) {
    fmt::print(stderr, "portmatrix events: the agent is of another version\n");
    return kExitFailure;
  }
  if (!is_written && !output.is_closed()) {
    fmt::print(stderr, "portmatrix events: {}\n", output.failure().Text());
    return kExitFailure;
  }
  if (!FLAGS_json && sums.is_begun)
    fmt::print(stderr, "{} packet{}, {} beyond their limit, {} lost\n", sums.shown,
               sums.shown == 1 ? "" : "s", sums.suppressed, sums.lost);
  return answer.code == kExitOk ? kExitOk : ReportFailure(kEventsCommand, answer);
}

int RunEvents(const std::vector<std::string>& arguments) {
  if (!arguments.empty())
    return UsageError(kEventsCommand, "takes no arguments (an expression goes to --filter)");
  auto filter = ParseEventFilter(FLAGS_filter);
  if (const auto* error = std::get_if<FilterError>(&filter)) {
    fmt::print(stderr, "portmatrix events: --filter: {}", Render(FLAGS_filter, *error));
    return kExitUsage;
  }
  if (FLAGS_pcap == "-" && FLAGS_json)
    return UsageError(kEventsCommand, "--json and --pcap - both want the standard output");
  if (FLAGS_pcap == "-" && isatty(STDOUT_FILENO))
    return UsageError(kEventsCommand, "--pcap - writes bytes, and standard output is a terminal");
  return Follow(std::get<EventFilter>(filter));
}

}  // namespace
}  // namespace portmatrix
