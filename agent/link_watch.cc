// SPDX-License-Identifier: Apache-2.0
#include "agent/link_watch.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

namespace portmatrix {

Result<std::unique_ptr<LinkWatch>> LinkWatch::Start(EventLoop& loop,
                                                    std::function<void()> changed) {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket == nullptr) return Error{"open", "rtnetlink", errno, ""};
  std::unique_ptr<LinkWatch> made(new LinkWatch(socket, std::move(changed)));
  if (mnl_socket_bind(socket, RTMGRP_LINK | RTMGRP_TC, MNL_SOCKET_AUTOPID) != 0)
    return Error{"listen to", "rtnetlink", errno, ""};
  LinkWatch* self = made.get();
  if (auto done = loop.OnReadable(mnl_socket_get_fd(socket), [self] { self->Read(); }); !done)
    return done.error();
  return made;
}

LinkWatch::~LinkWatch() { mnl_socket_close(socket_); }

void LinkWatch::Read() {
  std::vector<char> buffer(static_cast<size_t>(MNL_SOCKET_BUFFER_SIZE));
  bool any = false;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
    // ENOBUFS: messages were lost, which is news as well.
    if (got < 0 && errno != ENOBUFS) break;
    any = true;
    if (got == 0) break;
  }
  if (any) changed_();
}

}  // namespace portmatrix
