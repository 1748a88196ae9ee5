// SPDX-License-Identifier: Apache-2.0
#include "agent/api_failure.h"

#include <nlohmann/json.hpp>

namespace portmatrix::api {

HttpReply Failure(unsigned int status, const Refusal& refusal) {
  const nlohmann::json error = {{"error",
                                 {{"kind", ToString(refusal.kind)},
                                  {"text", refusal.text},
                                  {"diagnostics", refusal.diagnostics}}}};
  return {status, error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

}  // namespace portmatrix::api
