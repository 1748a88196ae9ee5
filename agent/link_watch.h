// SPDX-License-Identifier: Apache-2.0
// Tells when a network device came, went, or changed its name or state, and when filters or queues
// of one were changed (rtnetlink: RTM_NEWLINK, RTM_DELLINK; RTM_DELTFILTER, RTM_DELQDISC and
// others).
#ifndef PORTMATRIX_AGENT_LINK_WATCH_H_
#define PORTMATRIX_AGENT_LINK_WATCH_H_

#include <functional>
#include <memory>
#include <utility>

#include "agent/datapath/result.h"
#include "agent/event_loop.h"

struct mnl_socket;

namespace portmatrix {

class LinkWatch {
 public:
  // `changed` runs after each batch of messages, also where some were lost: look at everything. It
  // must not assume that anything is different.
  static Result<std::unique_ptr<LinkWatch>> Start(EventLoop& loop, std::function<void()> changed);
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;
  ~LinkWatch();

 private:
  LinkWatch(mnl_socket* socket, std::function<void()> changed)
      : socket_(socket), changed_(std::move(changed)) {}
  void Read();

  mnl_socket* socket_;
  std::function<void()> changed_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_LINK_WATCH_H_
