// SPDX-License-Identifier: Apache-2.0
// What the author of a policy got wrong, as values: collected while reading, printed by whoever
// called.
#ifndef PORTMATRIX_AGENT_POLICY_DIAGNOSTIC_H_
#define PORTMATRIX_AGENT_POLICY_DIAGNOSTIC_H_

#include <string>
#include <utility>
#include <vector>

#include "agent/policy/source.h"

namespace portmatrix {

enum class Severity { kError, kWarning };

struct Note {
  Span span;
  std::string message;
};

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string name;  // stable kebab-case word such as `unknown-key` or `shadowed-rule`
  Span span;
  std::string message;
  std::string hint;         // what to do; may be empty
  std::vector<Note> notes;  // other places that matter
};

class Diagnostics {
 public:
  Diagnostic& Error(std::string name, Span span, std::string message, std::string hint = "");
  Diagnostic& Warning(std::string name, Span span, std::string message, std::string hint = "");

  bool has_errors() const { return errors_ > 0; }
  size_t errors() const { return errors_; }
  size_t warnings() const { return all_.size() - errors_; }
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  std::vector<Diagnostic> all_;
  size_t errors_ = 0;
};

// "path:3:5: error: message [name]", the source line, a caret line, the hint and the notes; ends
// with a newline.
std::string Render(const Sources& sources, const Diagnostic& diagnostic);
// Ordered by file and position, errors and warnings together; what two nodes that share a file met
// in the same place is there once.
std::vector<const Diagnostic*> InOrder(const Diagnostics& diagnostics);
// All of them in that order.
std::string Render(const Sources& sources, const Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_DIAGNOSTIC_H_
