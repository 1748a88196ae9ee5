// SPDX-License-Identifier: Apache-2.0
#include "agent/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace portmatrix {

std::string JsonText(std::string_view text) {
  const bool is_plain = std::ranges::all_of(
      text, [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (is_plain) return "\"" + std::string(text) + "\"";
  const nlohmann::json json = std::string(text);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace portmatrix
