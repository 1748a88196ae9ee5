// SPDX-License-Identifier: Apache-2.0
// Files that are either the old or the new ones, whenever the power fails.
#ifndef PORTMATRIX_AGENT_DURABLE_FILE_H_
#define PORTMATRIX_AGENT_DURABLE_FILE_H_

#include <span>
#include <string>
#include <string_view>

#include "agent/datapath/result.h"

namespace portmatrix {

// Names that begin with this are files whose writing was cut short; they may be deleted.
inline constexpr std::string_view kUnfinishedPrefix = ".unfinished-";

// Puts `text` at `folder`/`name`, mode 0600: written beside it, flushed, renamed, and the folder
// flushed. On failure what stood there before still stands.
Result<void> WriteDurably(const std::string& folder, const std::string& name,
                          std::string_view text);

struct DurableText {
  std::string folder;
  std::string name;
  std::string_view text;
};

// The same for several files, later ones put in place after earlier ones. Costs hardly more waits
// for the disk than one.
Result<void> WriteDurably(std::span<const DurableText> files);

// Removes `folder`/`name` and flushes the folder; no error if it is not there.
Result<void> RemoveDurably(const std::string& folder, const std::string& name);

Result<std::string> ReadWhole(const std::string& path);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DURABLE_FILE_H_
