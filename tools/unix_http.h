// SPDX-License-Identifier: Apache-2.0
// One HTTP call over a Unix socket. A command that changes a policy is over within milliseconds; the
// packaged HTTP library, with the TLS and compression libraries behind it, takes three of them to
// be loaded. HTTP/1.0 (RFC 1945) is all that is needed here: the answer ends with the connection.
#ifndef PORTMATRIX_TOOLS_UNIX_HTTP_H_
#define PORTMATRIX_TOOLS_UNIX_HTTP_H_

#include <string>
#include <string_view>

#include "agent/datapath/result.h"

namespace portmatrix {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// Operations of errors: "connect to", where nobody listens; "ask", where no answer came. `seconds`
// bounds each wait, not the whole call.
Result<HttpAnswer> AskUnixSocket(const std::string& socket_path, std::string_view method,
                                 std::string_view call, std::string_view body, int seconds);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_UNIX_HTTP_H_
