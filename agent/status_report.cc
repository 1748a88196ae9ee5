// SPDX-License-Identifier: Apache-2.0
#include "agent/status_report.h"

#include <string>

#include "agent/policy/moment.h"

namespace portmatrix {
namespace {

using nlohmann::json;

std::string TimeText(int64_t nanoseconds) { return MomentText(nanoseconds / 1'000'000'000); }

json GenerationJson(const pm_generation& record, const StateDirectory& store) {
  json object = {{"number", record.number},
                 {"node", NodeOf(record)},
                 {"fingerprint", ToHex(FingerprintOf(record))},
                 {"installed_at", TimeText(static_cast<int64_t>(record.installed_at))}};
  const auto stored = store.generations().find(record.number);
  if (stored != store.generations().end()) {
    object["note"] = stored->second.note;
    object["user"] = stored->second.author.user;
    object["files"] = stored->second.files;
  }
  return object;
}

json AttachmentsJson(Firewall& firewall) {
  json array = json::array();
  const Result<std::vector<Attachment>> attachments =
      firewall.enforcement().datapath().Attachments();
  if (!attachments) return array;
  for (const Attachment& attachment : *attachments) {
    const Result<void> verified = firewall.enforcement().datapath().Verify(attachment);
    array.push_back({{"device", attachment.device},
                     {"ifindex", attachment.ifindex},
                     {"xdp", attachment.xdp == PM_XDP_GENERIC ? "generic" : "native"},
                     {"tc", attachment.tc == PM_TC_CLSACT ? "clsact" : "tcx"},
                     {"protected", verified.ok()}});
  }
  return array;
}

json GapsJson(const Firewall& firewall, const Protection& protection) {
  json array = json::array();
  for (const Gap& gap : protection.gaps()) {
    const uint64_t length = gap.LengthAt(firewall.clock().BootMilliseconds());
    array.push_back({{"device", gap.device},
                     {"from", TimeText(gap.from)},
                     {"until", gap.until ? json(TimeText(*gap.until)) : json()},
                     {"seconds", static_cast<double>(length) / 1e3}});
  }
  return array;
}

json FilesJson(const Firewall& firewall, const Standing& standing,
               const Firewall::ReadFiles& files) {
  if (!files) return nullptr;
  const Answer<Sources> sources = files();
  if (!sources) return {{"differ", nullptr}, {"error", sources.refusal().text}};
  const Fingerprint fingerprint = FingerprintOf(*sources, firewall.node());
  const bool differ = standing.detached() || fingerprint != FingerprintOf(standing.judging);
  return {{"differ", differ}, {"fingerprint", ToHex(fingerprint)}};
}

}  // namespace

json StatusReport(Firewall& firewall, const Firewall::ReadFiles& files) {
  firewall.Tick();
  json report = {{"node", firewall.node()}, {"time", TimeText(firewall.clock().Now())}};
  const Result<Standing> standing = firewall.enforcement().Stand();
  if (standing) {
    report["state"] = ToString(standing->state());
    report["generation"] = standing->detached() || BindsNothing(standing->judging)
                               ? json()
                               : GenerationJson(standing->judging, firewall.store());
    report["previous"] = standing->previous && !BindsNothing(*standing->previous)
                             ? json(standing->previous->number)
                             : json();
    report["pending"] = nullptr;
    if (standing->pending()) {
      const auto left = static_cast<int64_t>(standing->deadline()) -
                        static_cast<int64_t>(firewall.clock().BootMilliseconds());
      report["pending"] = {{"generation", standing->judging.number},
                           {"deadline", TimeText(firewall.clock().Now() + left * 1'000'000)},
                           {"seconds_left", static_cast<double>(left) / 1000}};
    }
    report["files"] = FilesJson(firewall, *standing, files);
  }
  report["confirmed"] = firewall.store().confirmed() ? json(*firewall.store().confirmed()) : json();
  report["attachments"] = AttachmentsJson(firewall);
  json alarms = json::array();
  for (const auto& [subject, alarm] : firewall.enforcement().alarms().standing())
    alarms.push_back(
        {{"subject", subject}, {"text", alarm.text}, {"since", TimeText(alarm.since)}});
  report["alarms"] = std::move(alarms);
  report["gaps"] = GapsJson(firewall, firewall.enforcement().protection());
  return report;
}

json HistoryReport(Firewall& firewall) {
  const Result<Standing> standing = firewall.enforcement().Stand();
  json array = json::array();
  for (const auto& [number, stored] : firewall.store().generations()) {
    const bool judging = standing && !standing->detached() && standing->judging.number == number;
    array.push_back(
        {{"number", number},
         {"time", TimeText(stored.stored_at)},
         {"node", stored.node},
         {"fingerprint", ToHex(stored.fingerprint)},
         {"uid", stored.author.uid ? json(*stored.author.uid) : json()},
         {"user", stored.author.user},
         {"note", stored.note},
         {"files", stored.files},
         {"confirm_seconds", stored.trial_seconds ? json(*stored.trial_seconds) : json()},
         {"changes", ToJson(stored.changes)},
         {"outcome", ToString(stored.outcome)},
         {"judging", judging},
         {"confirmed", firewall.store().confirmed() == number}});
  }
  return {{"generations", std::move(array)}};
}

}  // namespace portmatrix
