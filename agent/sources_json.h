// SPDX-License-Identifier: Apache-2.0
// The files of a policy as JSON, for the API and the state directory:
// {"documents":[{"path":"…","root":"…","text":"…"}],"lists":[…]}.
#ifndef PORTMATRIX_AGENT_SOURCES_JSON_H_
#define PORTMATRIX_AGENT_SOURCES_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/policy/source.h"

namespace portmatrix {

// Throws nlohmann::json::type_error on dumping where a text is not UTF-8.
nlohmann::json ToJson(const Sources& sources);

// Appends what dumping it gives, several times as fast. False, with part of it appended, where a
// text is not UTF-8.
bool AppendJson(const Sources& sources, std::string* to);

// Strict: every field there, of its type, and no other; sizes within agent/policy/limits.h.
// Otherwise nothing, and the reason in `*what`.
std::optional<Sources> SourcesFromJson(const nlohmann::json& object, std::string* what);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_SOURCES_JSON_H_
