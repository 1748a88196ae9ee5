// SPDX-License-Identifier: Apache-2.0
// portmatrixd put together: firewall, API, watches and timers around one loop, and what it tells
// systemd.
#ifndef PORTMATRIX_AGENT_DAEMON_H_
#define PORTMATRIX_AGENT_DAEMON_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/alarms.h"
#include "agent/clock.h"
#include "agent/control_api.h"
#include "agent/control_socket.h"
#include "agent/datapath/filter_object.h"
#include "agent/enforcement.h"
#include "agent/event_loop.h"
#include "agent/firewall.h"
#include "agent/http_server.h"
#include "agent/link_watch.h"
#include "agent/policy_watch.h"
#include "agent/readings.h"
#include "agent/state_directory.h"

namespace portmatrix {

struct DaemonOptions {
  std::vector<std::string> policy;  // paths; empty: none
  std::string node;
  std::string pin_root;
  std::string state_dir;
  std::string socket;
  std::string metrics_listen;  // empty: no metrics
  bool watch = false;
  uint32_t event_rate = kDefaultEventBudget;  // of one rule or reason, a second
  DatapathSizes sizes;
};

class Daemon {
 public:
  // Everything up to a state in which packets are judged and calls are answered; or why not.
  static Answer<std::unique_ptr<Daemon>> Start(const DaemonOptions& options, Journal journal);
  // Until SIGTERM or SIGINT. What is in force stays in force.
  Result<void> Run();

 private:
  Daemon(DaemonOptions options, Journal journal)
      : options_(std::move(options)), alarms_(clock_, std::move(journal)) {}

  Firewall::ReadFiles PolicyReader();
  Result<void> Listen();
  Result<void> Watch();
  HttpReply Metrics(const HttpCall& call);
  void Reload(const Answer<Sources>& sources);
  void ReloadOnSignal();
  void ReloadIfChanged();
  void Tick();
  void Glance();

  DaemonOptions options_;
  SystemClock clock_;
  Alarms alarms_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<StateDirectory> store_;
  std::unique_ptr<Enforcement> enforcement_;
  std::unique_ptr<Firewall> firewall_;
  std::unique_ptr<Readings> readings_;
  std::unique_ptr<ControlApi> api_;
  std::unique_ptr<ControlSocket> socket_;
  FileDescriptor metrics_socket_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpServer> metrics_server_;
  std::unique_ptr<LinkWatch> links_;
  std::unique_ptr<PolicyWatch> files_;
  EventLoop::Timer* tick_ = nullptr;
  EventLoop::Timer* links_changed_ = nullptr;
  EventLoop::Timer* glance_ = nullptr;
  bool files_being_written_ = false;       // when they were last read
  std::optional<Fingerprint> files_seen_;  // by the watch
  std::string told_;                       // systemd's STATUS
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DAEMON_H_
