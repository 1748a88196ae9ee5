// SPDX-License-Identifier: Apache-2.0
#include "agent/control_api.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "agent/api_failure.h"
#include "agent/live_set_api.h"
#include "agent/plain_json.h"
#include "agent/policy/moment.h"
#include "agent/sources_json.h"
#include "agent/status_report.h"
#include "maps/address.h"

namespace portmatrix {
namespace {

using nlohmann::json;

// Texts come from policies too, which may not be UTF-8 where they are refused for it.
std::string Text(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

using api::Failure;

HttpReply Failure(const Refusal& refusal) {
  switch (refusal.kind) {
    case Refusal::Kind::kBadRequest:
      return Failure(400, refusal);
    case Refusal::Kind::kInvalidPolicy:
      return Failure(422, refusal);
    case Refusal::Kind::kRefused:
      return Failure(409, refusal);
    case Refusal::Kind::kForbidden:
      return Failure(403, refusal);
    case Refusal::Kind::kRuntime:
      break;
  }
  return Failure(500, refusal);
}

HttpReply BadRequest(std::string text) {
  return Failure(400, {Refusal::Kind::kBadRequest, std::move(text), ""});
}

HttpReply Success(const Answer<json>& answer) {
  if (!answer) return Failure(answer.refusal());
  return {200, Text(*answer)};
}

HttpReply Success(const Answer<Applied>& answer) {
  if (!answer) return Failure(answer.refusal());
  const std::optional<int64_t> deadline = answer->deadline;
  return {200, Text({{"result", ToString(answer->result)},
                     {"generation", answer->generation},
                     {"fingerprint", ToHex(answer->fingerprint)},
                     {"deadline", deadline ? json(MomentText(*deadline / 1'000'000'000)) : json()},
                     {"warnings", answer->warnings},
                     {"alarms", answer->alarms},
                     {"objections", answer->objections},
                     {"rules",
                      {{"added", answer->changes.added},
                       {"removed", answer->changes.removed},
                       {"changed", answer->changes.changed},
                       {"reordered", answer->changes.reordered}}}})};
}

Permission PermissionOf(const HttpCall& call) {
  return call.peer ? portmatrix::PermissionOf(*call.peer) : Permission::kNone;
}

size_t BytesOf(const std::vector<SourceFile>& files) {
  size_t bytes = 0;
  for (const SourceFile& file : files) bytes += file.text.size();
  return bytes;
}

// An object with no keys but these; nothing if it is not one, and the reason in `*what`.
std::optional<json> ParseObject(const std::string& body, const std::set<std::string>& keys,
                                std::string* what) {
  json object = body.empty() ? json::object() : ParseJson(body);
  if (!object.is_object()) {
    *what = "the body is not a JSON object";
    return std::nullopt;
  }
  for (const auto& [key, value] : object.items()) {
    if (keys.contains(key)) continue;
    *what = fmt::format("unknown key `{}`", key);
    return std::nullopt;
  }
  return object;
}

bool ReadFlag(const json& object, const char* key, bool* flag) {
  if (!object.contains(key)) return true;
  if (!object[key].is_boolean()) return false;
  *flag = object[key].get<bool>();
  return true;
}

bool ReadNumber(const json& object, const char* key, std::optional<uint64_t>* number) {
  if (!object.contains(key) || object[key].is_null()) return true;
  if (!object[key].is_number_unsigned()) return false;
  *number = object[key].get<uint64_t>();
  return true;
}

// {"from":"192.0.2.7","from_port":51022,"to":"203.0.113.11","to_port":22}
std::optional<Session> ReadSession(const json& object) {
  try {
    const auto from = ParseAddress(object.at("from").get<std::string>());
    const auto to = ParseAddress(object.at("to").get<std::string>());
    if (!from || !to || from->family != to->family) return std::nullopt;
    return Session{*from, object.at("from_port").get<uint16_t>(), *to,
                   object.at("to_port").get<uint16_t>()};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// What a generation was read from, so that whoever asks can work out what it means.
HttpReply FilesOf(const StateDirectory& store, const HttpCall& call) {
  const auto asked = call.query.find("generation");
  uint64_t number = 0;
  const char* end =
      asked == call.query.end() ? nullptr : asked->second.data() + asked->second.size();
  if (end == nullptr || std::from_chars(asked->second.data(), end, number).ptr != end)
    return BadRequest("`generation` is no number");
  const auto stored = store.generations().find(number);
  if (stored == store.generations().end())
    return Failure(404, {Refusal::Kind::kBadRequest,
                         fmt::format("generation {} is not in the history", number), ""});
  const Result<Sources> sources = store.LoadSources(number);
  if (!sources) return Failure(Refusal::Runtime(sources.error()));
  return {200, Text({{"number", number},
                     {"node", stored->second.node},
                     {"stored_at", stored->second.stored_at},
                     {"files", ToJson(*sources)}})};
}

struct Route {
  const char* method;
  const char* path;
  Permission needed;
};

constexpr Route kRoutes[] = {
    {"GET", "/v1/status", Permission::kRead},
    {"GET", "/v1/history", Permission::kRead},
    {"GET", "/v1/counters", Permission::kRead},
    {"GET", "/v1/counters/stream", Permission::kRead},
    {"GET", "/v1/files", Permission::kRead},
    {"GET", "/v1/hits", Permission::kRead},
    {"GET", "/v1/events/stream", Permission::kRead},
    {"GET", "/v1/sets", Permission::kRead},
    {"POST", "/v1/apply", Permission::kChange},
    {"POST", "/v1/confirm", Permission::kChange},
    {"POST", "/v1/rollback", Permission::kChange},
    {"POST", "/v1/detach", Permission::kChange},
    {"POST", "/v1/sets/add", Permission::kChange},
    {"POST", "/v1/sets/del", Permission::kChange},
    {"POST", "/v1/sets/flush", Permission::kChange},
};

}  // namespace

bool ControlApi::TakesBody(const HttpCall& call) {
  return PermissionOf(call) == Permission::kChange;
}

HttpReply ControlApi::Serve(const HttpCall& call) {
  const Permission permission = PermissionOf(call);
  bool path_known = false;
  const Route* route = nullptr;
  for (const Route& candidate : kRoutes) {
    if (call.path != candidate.path) continue;
    path_known = true;
    if (call.method == candidate.method) route = &candidate;
  }
  if (permission < (route != nullptr ? route->needed : Permission::kRead)) {
    const bool reads = route == nullptr || route->needed == Permission::kRead;
    return Failure(
        {Refusal::Kind::kForbidden,
         fmt::format("not permitted: only root and the group{} {} may {}",
                     reads ? "s portmatrix-admin and" : "", reads ? kReadGroup : kChangeGroup,
                     reads ? "read this" : "change what is in force"),
         ""});
  }
  if (route == nullptr)
    return Failure(path_known ? 405 : 404,
                   {Refusal::Kind::kBadRequest,
                    fmt::format("there is no call {} {}", call.method, call.path), ""});

  const std::string path = call.path;
  if (path == "/v1/status") return Status();
  if (path == "/v1/history") return {200, Text(HistoryReport(firewall_))};
  if (path == "/v1/files") return FilesOf(firewall_.store(), call);
  if (path == "/v1/sets") {
    const auto set = call.query.find("set");
    return Success(LiveSetReport(firewall_, set == call.query.end() ? "" : set->second));
  }
  if (route->needed == Permission::kRead)
    return readings_ ? readings_(call)
                     : Failure(404, {Refusal::Kind::kBadRequest, "no readings", ""});
  return Change(call, call.peer ? AuthorOf(*call.peer) : Author{});
}

HttpReply ControlApi::Change(const HttpCall& call, const Author& author) {
  const std::string& path = call.path;
  if (path == "/v1/apply") return Apply(call, author);
  if (path == "/v1/confirm") return Success(firewall_.Confirm(author));
  if (path == "/v1/rollback") return RollBack(call, author);
  if (path.starts_with("/v1/sets/")) return ChangeSet(call, author);
  return Success(firewall_.Detach(author));
}

HttpReply ControlApi::Status() {
  json report = StatusReport(firewall_, files_);
  report["pin_root"] = pin_root_;
  report["version"] = PORTMATRIX_VERSION;
  return {200, Text(report)};
}

HttpReply ControlApi::Apply(const HttpCall& call, const Author& author) {
  std::string what;
  const std::optional<json> body =
      ParseObject(call.body, {"files", "confirm_seconds", "dry_run", "force", "session"}, &what);
  if (!body) return BadRequest(what);
  ApplyOrder order;
  if (!ReadNumber(*body, "confirm_seconds", &order.confirm_seconds) ||
      !ReadFlag(*body, "dry_run", &order.dry_run) || !ReadFlag(*body, "force", &order.force))
    return BadRequest("`confirm_seconds` is a number, `dry_run` and `force` are true or false");
  if (body->contains("session")) {
    order.session = ReadSession((*body)["session"]);
    if (!order.session) return BadRequest("`session` is no pair of addresses and ports");
  }
  if (!body->contains("files")) return BadRequest("there are no `files`");
  std::optional<Sources> sources = SourcesFromJson((*body)["files"], &what);
  if (!sources) return BadRequest(what);
  if (BytesOf(sources->documents) > kMaxDocumentsBytes)
    return BadRequest(
        fmt::format("the documents have more than {} bytes together", kMaxDocumentsBytes));
  if (BytesOf(sources->lists) > kMaxListsBytes)
    return BadRequest(
        fmt::format("the list files have more than {} bytes together", kMaxListsBytes));
  order.sources = std::move(*sources);
  order.author = author;
  return Success(firewall_.Apply(order));
}

HttpReply ControlApi::ChangeSet(const HttpCall& call, const Author& author) {
  std::string what;
  const std::optional<json> body =
      ParseObject(call.body, {"set", "entries", "seconds", "force", "session"}, &what);
  if (!body) return BadRequest(what);
  const LiveSetOrder::Kind kind = call.path.ends_with("/add")   ? LiveSetOrder::Kind::kAdd
                                  : call.path.ends_with("/del") ? LiveSetOrder::Kind::kDelete
                                                                : LiveSetOrder::Kind::kFlush;
  Answer<LiveSetOrder> order = LiveSetOrderFromJson(kind, *body);
  if (!order) return Failure(order.refusal());
  if (!ReadFlag(*body, "force", &order->force)) return BadRequest("`force` is true or false");
  if (body->contains("session")) {
    order->session = ReadSession((*body)["session"]);
    if (!order->session) return BadRequest("`session` is no pair of addresses and ports");
  }
  order->author = author;
  return Success(ChangeLiveSet(firewall_, *order));
}

HttpReply ControlApi::RollBack(const HttpCall& call, const Author& author) {
  std::string what;
  const std::optional<json> body = ParseObject(call.body, {"number"}, &what);
  if (!body) return BadRequest(what);
  std::optional<uint64_t> number;
  if (!ReadNumber(*body, "number", &number))
    return BadRequest("`number` is not a generation's number");
  return Success(firewall_.RollBack(number, author));
}

}  // namespace portmatrix
