// SPDX-License-Identifier: Apache-2.0
// Files that are either the old or the new ones, whenever the power fails.
#ifndef PORTMATRIX_AGENT_DURABLE_FILE_H_
#define PORTMATRIX_AGENT_DURABLE_FILE_H_

#include <functional>
#include <future>
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

// A text on its way to the disk: a thread of its own writes and flushes it beside its place, while
// the caller finds out whether it shall have one. Dropped before that, nothing is left of it. One a
// folder at a time.
class DurableDraft {
 public:
  // `text` is called by that thread, or at the latest by Finish.
  DurableDraft(std::string folder, std::function<Result<std::string>()> text);
  DurableDraft(const DurableDraft&) = delete;
  DurableDraft& operator=(const DurableDraft&) = delete;
  ~DurableDraft();

  const std::string& folder() const { return folder_; }
  // Returns when it is written and flushed.
  Result<void> Finish();
  // Renames the finished draft; the folder is still to be flushed.
  Result<void> Place(const std::string& name);

 private:
  std::string folder_;
  std::future<Result<void>> written_;
  Result<void> outcome_;
  bool is_placed_ = false;
};

// The same as WriteDurably, `draft` being put in place as `draft_name` before the file.
Result<void> WriteDurably(DurableDraft& draft, const std::string& draft_name,
                          const DurableText& file);

// Removes `folder`/`name` and flushes the folder; no error if it is not there.
Result<void> RemoveDurably(const std::string& folder, const std::string& name);

Result<std::string> ReadWhole(const std::string& path);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DURABLE_FILE_H_
