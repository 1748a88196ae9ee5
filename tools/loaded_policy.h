// SPDX-License-Identifier: Apache-2.0
// A policy from paths on the command line to resolved nodes: what every command that takes PATH...
// begins with.
#ifndef PORTMATRIX_TOOLS_LOADED_POLICY_H_
#define PORTMATRIX_TOOLS_LOADED_POLICY_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "agent/policy_files.h"

namespace portmatrix {

struct LoadedPolicy {
  std::string paths;  // as named, joined by blanks: "policies/lync-2013-edge"
  PolicyFiles files;
  Diagnostics diagnostics;
  Policy policy;
  std::vector<Node> nodes;  // those that could be resolved

  const Sources& sources() const { return files.sources; }
  // kExitOk, kExitFailure if files could not be read, kExitInvalidPolicy.
  int exit_code() const;
};

// Reads the paths and resolves the node called `node`, or all nodes if that is empty, as of now.
// Prints nothing.
std::unique_ptr<LoadedPolicy> LoadPolicy(const std::vector<std::string>& paths,
                                         const std::string& node);

// What could not be read, and the diagnostics, on stderr.
void PrintProblems(const LoadedPolicy& loaded);

// A list of objects {severity, name, file, line, column, length, message, hint, notes}, in the
// order of the text. Numbers are null where they mean nothing.
nlohmann::ordered_json DiagnosticsJson(const Sources& sources, const Diagnostics& diagnostics);
nlohmann::ordered_json PlaceJson(const Sources& sources, const Span& span);

// One line on stdout; bytes that are no UTF-8 (in a file's name) are replaced.
void PrintJson(const nlohmann::ordered_json& json);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_LOADED_POLICY_H_
