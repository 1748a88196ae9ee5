// SPDX-License-Identifier: Apache-2.0
// The agent's calls as HTTP and JSON (README.md lists them). A function of the call and the
// firewall: no socket is seen here, and no path that a client names is ever opened.
#ifndef PORTMATRIX_AGENT_CONTROL_API_H_
#define PORTMATRIX_AGENT_CONTROL_API_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "agent/firewall.h"
#include "agent/http_server.h"
#include "agent/peer.h"

namespace portmatrix {

// A body carries documents (8 MiB together), lists (64 MiB) and what JSON adds to them.
inline constexpr size_t kMaxDocumentsBytes = size_t{8} << 20;
inline constexpr size_t kMaxListsBytes = size_t{64} << 20;
inline constexpr size_t kMaxBodyBytes = size_t{80} << 20;

class ControlApi {
 public:
  // Answers the calls that read what the kernel counts and tells (readings.h).
  using Readings = std::function<HttpReply(const HttpCall&)>;

  // `files` reads what --policy names, and may be empty. `firewall` outlives this.
  ControlApi(Firewall& firewall, Firewall::ReadFiles files, std::string pin_root,
             Readings readings = nullptr)
      : firewall_(firewall),
        files_(std::move(files)),
        pin_root_(std::move(pin_root)),
        readings_(std::move(readings)) {}

  // Only who may change is listened to at length.
  static bool TakesBody(const HttpCall& call);
  HttpReply Serve(const HttpCall& call);

 private:
  HttpReply Status();
  HttpReply Change(const HttpCall& call, const Author& author);
  HttpReply Apply(const HttpCall& call, const Author& author);
  HttpReply RollBack(const HttpCall& call, const Author& author);
  HttpReply ChangeSet(const HttpCall& call, const Author& author);

  Firewall& firewall_;
  Firewall::ReadFiles files_;
  std::string pin_root_;  // told to callers, who may know another
  Readings readings_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_CONTROL_API_H_
