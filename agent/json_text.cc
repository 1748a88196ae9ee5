// SPDX-License-Identifier: Apache-2.0
#include "agent/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace portmatrix {

void AppendJsonText(std::string_view text, std::string* to) {
  const bool is_plain = std::ranges::all_of(
      text, [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (is_plain) {
    *to += '"';
    *to += text;
    *to += '"';
    return;
  }
  const nlohmann::json json = std::string(text);
  *to += json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonText(std::string_view text) {
  std::string json;
  AppendJsonText(text, &json);
  return json;
}

}  // namespace portmatrix
