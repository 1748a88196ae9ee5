// SPDX-License-Identifier: Apache-2.0
// How a call of the API says that it failed.
#ifndef PORTMATRIX_AGENT_API_FAILURE_H_
#define PORTMATRIX_AGENT_API_FAILURE_H_

#include "agent/http_server.h"
#include "agent/refusal.h"

namespace portmatrix::api {

// {"error":{"kind","text","diagnostics"}}
HttpReply Failure(unsigned int status, const Refusal& refusal);

}  // namespace portmatrix::api

#endif  // PORTMATRIX_AGENT_API_FAILURE_H_
