// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <utility>

#include "agent/datapath/event_ring.h"
#include "agent/datapath/flow_table.h"
#include "agent/datapath/kernel_datapath.h"
#include "agent/datapath/pinned_reader.h"
#include "agent/heap.h"
#include "agent/leased_addresses.h"
#include "agent/metrics.h"
#include "agent/policy_files.h"

namespace portmatrix {
namespace {

// Links often speak several times at once; and a hook that fails again and again must not keep the
// loop busy.
constexpr uint64_t kLinksSettleMilliseconds = 20;

std::string StatusLine(const Standing& standing, const Alarms& alarms) {
  std::string line;
  if (standing.detached())
    line = "nothing is in force";
  else if (standing.pending())
    line = fmt::format("generation {} judges on trial", standing.judging.number);
  else
    line = fmt::format("generation {} judges", standing.judging.number);
  if (!alarms.standing().empty())
    line += fmt::format("; {} alarm{}: {}", alarms.standing().size(),
                        alarms.standing().size() == 1 ? "" : "s",
                        alarms.standing().begin()->second.text);
  return line;
}

// The service manager waits for READY=1 after it (sd_notify(3)).
void TellReloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
             static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000);
}

}  // namespace

Firewall::ReadFiles Daemon::PolicyReader() {
  if (options_.policy.empty()) return nullptr;
  return [this]() -> Answer<Sources> {
    PolicyFiles files = ReadPolicyFiles(options_.policy, Writers::kRefuse);
    files_being_written_ = files.being_written;
    if (files.errors.empty()) return std::move(files.sources);
    std::string text = files.errors[0];
    for (size_t i = 1; i < files.errors.size(); ++i) text += "; " + files.errors[i];
    return Refusal{Refusal::Kind::kRuntime, text, ""};
  };
}

Answer<std::unique_ptr<Daemon>> Daemon::Start(const DaemonOptions& options, Journal journal) {
  std::unique_ptr<Daemon> daemon(new Daemon(options, std::move(journal)));
  Result<std::unique_ptr<EventLoop>> loop = EventLoop::Make();
  if (!loop) return Refusal::Runtime(loop.error());
  daemon->loop_ = std::move(*loop);
  // Blocked from here on, so that a signal during a change waits for its end.
  Daemon* self = daemon.get();
  for (const int signal : {SIGTERM, SIGINT})
    if (auto done = daemon->loop_->OnSignal(signal, [self] { self->loop_->Stop(); }); !done)
      return Refusal::Runtime(done.error());
  if (auto done = daemon->loop_->OnSignal(SIGHUP, [self] { self->ReloadOnSignal(); }); !done)
    return Refusal::Runtime(done.error());
  // Whoever opens a policy file for writing while it is read breaks the reader's lease, which tells
  // by this signal; the reader looks for itself (policy_files.cc).
  std::signal(SIGIO, SIG_IGN);

  Result<std::unique_ptr<StateDirectory>> store = StateDirectory::Open(options.state_dir);
  if (!store) return Refusal::Runtime(store.error());
  daemon->store_ = std::move(*store);
  // Before the kernel is touched: a second agent must not get that far.
  if (auto listening = daemon->Listen(); !listening) return Refusal::Runtime(listening.error());

  const OpenDatapath open = [options]() -> Result<std::unique_ptr<Datapath>> {
    Result<std::unique_ptr<KernelDatapath>> opened =
        KernelDatapath::Open(options.pin_root, options.sizes,
                             std::filesystem::absolute(options.state_dir).lexically_normal());
    if (!opened) return opened.error();
    return std::unique_ptr<Datapath>(std::move(*opened));
  };
  Result<std::unique_ptr<Datapath>> datapath = open();
  if (!datapath) return Refusal::Runtime(datapath.error());
  daemon->enforcement_ = std::make_unique<Enforcement>(std::move(*datapath), open, *daemon->store_,
                                                       daemon->clock_, daemon->alarms_);
  daemon->firewall_ = std::make_unique<Firewall>(
      options.node, *daemon->enforcement_, *daemon->store_, daemon->clock_, daemon->alarms_,
      ReadLeasedAddresses,
      [](const Session& session) { return PathsBetween(session.to, session.from); });
  Result<std::unique_ptr<Readings>> readings =
      Readings::Start(*daemon->loop_, options.pin_root, options.state_dir, options.event_rate);
  if (!readings) return Refusal::Runtime(readings.error());
  daemon->readings_ = std::move(*readings);
  daemon->api_ = std::make_unique<ControlApi>(
      *daemon->firewall_, daemon->PolicyReader(), options.pin_root,
      [self](const HttpCall& call) { return self->readings_->Serve(call); });
  // Folders in which nobody has written a policy yet are no candidate, and no reason to fail.
  const bool none = ReadPolicyFiles(options.policy).none;
  const Answer<Applied> started = daemon->firewall_->Start(none ? nullptr : daemon->PolicyReader());
  if (!started) return started.refusal();
  if (!started->warnings.empty()) daemon->alarms_.Note(started->warnings);
  if (auto watching = daemon->Watch(); !watching) return Refusal::Runtime(watching.error());
  return daemon;
}

Result<void> Daemon::Listen() {
  Result<std::unique_ptr<ControlSocket>> socket = ControlSocket::Listen(options_.socket);
  if (!socket) return socket.error();
  socket_ = std::move(*socket);
  HttpService service;
  service.serve = [this](const HttpCall& call) {
    // What only reads frees little, and leaves a large policy's memory to be handed back.
    if (call.method == "POST") TreatFreed(Freed::kKept);
    HttpReply reply = api_->Serve(call);
    Tick();
    return reply;
  };
  service.takes_body = ControlApi::TakesBody;
  service.max_body_bytes = kMaxBodyBytes;
  Result<std::unique_ptr<HttpServer>> server =
      HttpServer::Start(*loop_, socket_->fd(), std::move(service));
  if (!server) return server.error();
  server_ = std::move(*server);

  if (options_.metrics_listen.empty()) return {};
  Result<FileDescriptor> listening = ListenTcp(options_.metrics_listen);
  if (!listening) return listening.error();
  metrics_socket_ = std::move(*listening);
  HttpService metrics;
  metrics.serve = [this](const HttpCall& call) { return Metrics(call); };
  metrics.takes_body = [](const HttpCall&) { return false; };
  metrics.max_body_bytes = 4096;
  server = HttpServer::Start(*loop_, metrics_socket_.get(), std::move(metrics));
  if (!server) return server.error();
  metrics_server_ = std::move(*server);
  return {};
}

Result<void> Daemon::Watch() {
  Result<EventLoop::Timer*> timer = loop_->MakeTimer([this] {
    firewall_->Tick();
    Tick();
  });
  if (!timer) return timer.error();
  tick_ = *timer;
  timer = loop_->MakeTimer([this] {
    firewall_->Tick();
    Tick();
  });
  if (!timer) return timer.error();
  links_changed_ = *timer;
  timer = loop_->MakeTimer([this] { Glance(); });
  if (!timer) return timer.error();
  glance_ = *timer;
  Result<std::unique_ptr<LinkWatch>> links = LinkWatch::Start(*loop_, [this] {
    if (!links_changed_->is_set()) links_changed_->Set(kLinksSettleMilliseconds);
  });
  if (!links) return links.error();
  links_ = std::move(*links);
  if (!options_.watch) return {};
  Result<std::unique_ptr<PolicyWatch>> files =
      PolicyWatch::Start(*loop_, options_.policy, [this] { ReloadIfChanged(); });
  if (!files) return files.error();
  if (const Answer<Sources> sources = PolicyReader()(); sources)
    files_seen_ = FingerprintOf(*sources, options_.node);
  files_ = std::move(*files);
  return {};
}

Result<void> Daemon::Run() {
  Tick();
  glance_->Set(kGlanceMilliseconds);
  sd_notify(0, "READY=1");
  Result<void> done = loop_->Run();
  (void)readings_->KeepHits();
  enforcement_->live_sets().Tick(enforcement_->datapath());
  sd_notify(0, "STOPPING=1\nSTATUS=stopped; what is in force stays in force");
  alarms_.Note("stopped; what is in force stays in force");
  return done;
}

// Sets the clock for the next look at things, and tells systemd how they stand.
void Daemon::Tick() {
  tick_->Set(enforcement_->UntilNextTick());
  const Result<Standing> standing = enforcement_->Stand();
  if (!standing) return;
  std::string line = StatusLine(*standing, alarms_);
  if (line == told_) return;
  told_ = std::move(line);
  sd_notifyf(0, "STATUS=%s", told_.c_str());
}

void Daemon::Glance() {
  if (enforcement_->Glance()) {
    firewall_->Tick();
    Tick();
  }
  glance_->Set(kGlanceMilliseconds);
}

// Without files there is nothing that could be wrong with them, so nothing that an alarm could tell.
void Daemon::ReloadOnSignal() {
  TellReloading();
  if (const Firewall::ReadFiles read = PolicyReader())
    Reload(read());
  else
    alarms_.Note("reload: there is no --policy to read again, nothing is changed");
  sd_notify(0, "READY=1");
}

// Something changed in a watched folder. Files that are being written are left for later, and so is
// what was read while something changed: it may be half of the old and half of the new.
void Daemon::ReloadIfChanged() {
  const Answer<Sources> sources = PolicyReader()();
  if (files_being_written_ || files_->Disturbed()) {
    alarms_.Raise(kFilesAlarm, "the files change right now; waiting for a quiet moment");
    files_seen_.reset();
    files_->LookAgain();
    return;
  }
  std::optional<Fingerprint> seen;
  if (sources) seen = FingerprintOf(*sources, options_.node);
  if (seen && seen == files_seen_ && !alarms_.standing().contains(kFilesAlarm)) return;
  files_seen_ = seen;
  TellReloading();
  Reload(sources);
  sd_notify(0, "READY=1");
}

void Daemon::Reload(const Answer<Sources>& sources) {
  const Answer<Applied> applied =
      sources ? firewall_->Reload(*sources) : Answer<Applied>(sources.refusal());
  if (applied) {
    alarms_.Clear(kFilesAlarm);
    alarms_.Note(
        fmt::format("reload: generation {} {}", applied->generation, ToString(applied->result)));
  } else {
    const Refusal& refusal = applied.refusal();
    alarms_.Raise(kFilesAlarm, refusal.text);
    if (!refusal.diagnostics.empty()) alarms_.Note(refusal.diagnostics);
  }
  Tick();
}

HttpReply Daemon::Metrics(const HttpCall& call) {
  if (call.path != "/metrics") return {404, "see /metrics\n", "text/plain"};
  if (call.method != "GET" && call.method != "HEAD") return {405, "GET /metrics\n", "text/plain"};
  AgentGauges gauges;
  for (const auto& [subject, alarm] : alarms_.standing()) gauges.alarms.insert(subject);
  if (const Result<Standing> standing = enforcement_->Stand(); standing && !standing->detached()) {
    gauges.generation = standing->judging.number;
    gauges.on_trial = standing->pending();
    gauges.installed = static_cast<int64_t>(standing->judging.installed_at);
  }
  gauges.unprotected_devices = enforcement_->protection().unprotected();
  gauges.unprotected_milliseconds = enforcement_->protection().UnprotectedMilliseconds();
  if (const auto& change = firewall_->last_change())
    gauges.last_change = AgentGauges::Change{change->at, change->succeeded};
  if (auto attachments = enforcement_->datapath().Attachments(); attachments)
    gauges.attachments = std::move(*attachments);
  for (const Attachment& attachment : gauges.attachments)
    if (!gauges.unprotected_devices.contains(attachment.device))
      gauges.protected_devices.insert(attachment.device);
  if (const auto flows = FlowTable::Open(options_.pin_root)) {
    if (const auto entries = flows->Count()) {
      gauges.flow_entries = *entries;
      gauges.flow_limit = flows->capacity();
    }
  }
  if (const auto events = ReadEventTotals(options_.pin_root)) gauges.events = *events;
  const auto reader = PinnedReader::Open(options_.pin_root);
  const auto snapshot =
      reader ? (*reader)->ReadCounters() : Result<CounterSnapshot>(reader.error());
  return {200, MetricsText(gauges, snapshot ? &*snapshot : nullptr), "text/plain; version=0.0.4"};
}

}  // namespace portmatrix
