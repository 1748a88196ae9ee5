// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/source.h"

#include <fmt/format.h>

namespace portmatrix {

const SourceFile& FileOf(const Sources& sources, const Span& span) {
  static const SourceFile kNone{"policy", "", ""};
  if (span.file < sources.documents.size()) return sources.documents[span.file];
  const size_t list = span.file - sources.documents.size();
  return list < sources.lists.size() ? sources.lists[list] : kNone;
}

std::string Place(const Sources& sources, const Span& span) {
  const std::string& path = FileOf(sources, span).path;
  return span.line == 0 ? path : fmt::format("{}:{}:{}", path, span.line, span.column);
}

}  // namespace portmatrix
