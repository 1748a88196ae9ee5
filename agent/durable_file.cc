// SPDX-License-Identifier: Apache-2.0
#include "agent/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

constexpr char kDraftName[] = "draft";

Result<void> WriteAll(int fd, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error{"write", path, errno, ""};
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> FlushFolder(const std::string& folder) {
  const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) return Error{"flush", folder, errno, ""};
  return {};
}

std::string PathOf(const DurableText& file) { return file.folder + "/" + file.name; }

std::string PathBeside(const DurableText& file) {
  return file.folder + "/" + std::string(kUnfinishedPrefix) + file.name;
}

// All are handed to the disk before the first is waited for: file systems with a journal then
// commit them together.
Result<void> WriteAllBeside(std::span<const DurableText> files) {
  std::vector<FileDescriptor> written;
  for (const DurableText& file : files) {
    const std::string path = PathBeside(file);
    FileDescriptor fd(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return Error{"create", path, errno, ""};
    if (Result<void> done = WriteAll(fd.get(), path, file.text); !done) return done;
    if (files.size() > 1) (void)sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    written.push_back(std::move(fd));
  }
  for (size_t i = 0; i < files.size(); ++i)
    if (fsync(written[i].get()) != 0) return Error{"flush", PathBeside(files[i]), errno, ""};
  return {};
}

Result<void> Rename(std::span<const DurableText> files) {
  for (const DurableText& file : files) {
    const std::string path = PathOf(file);
    if (rename(PathBeside(file).c_str(), path.c_str()) != 0)
      return Error{"rename to", path, errno, ""};
  }
  return {};
}

Result<void> PutInPlace(std::span<const DurableText> files) {
  if (Result<void> done = Rename(files); !done) return done;
  std::set<std::string_view> flushed;
  for (const DurableText& file : files) {
    if (!flushed.insert(file.folder).second) continue;
    if (Result<void> done = FlushFolder(file.folder); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> WriteDurably(std::span<const DurableText> files) {
  Result<void> done = WriteAllBeside(files);
  if (done) done = PutInPlace(files);
  if (!done)
    for (const DurableText& file : files) unlink(PathBeside(file).c_str());
  return done;
}

Result<void> WriteDurably(const std::string& folder, const std::string& name,
                          std::string_view text) {
  const DurableText file{folder, name, text};
  return WriteDurably({&file, 1});
}

DurableDraft::DurableDraft(std::string folder, std::function<Result<std::string>()> text)
    : folder_(std::move(folder)) {
  const auto write = [this, text = std::move(text)]() -> Result<void> {
    const Result<std::string> written = text();
    if (!written) return written.error();
    const DurableText file{folder_, kDraftName, *written};
    return WriteAllBeside({&file, 1});
  };
  written_ = std::async(std::launch::async | std::launch::deferred, write);
}

DurableDraft::~DurableDraft() {
  (void)Finish();
  if (!is_placed_) unlink(PathBeside({folder_, kDraftName, ""}).c_str());
}

Result<void> DurableDraft::Finish() {
  if (written_.valid()) outcome_ = written_.get();
  return outcome_;
}

Result<void> DurableDraft::Place(const std::string& name) {
  const std::string path = folder_ + "/" + name;
  if (rename(PathBeside({folder_, kDraftName, ""}).c_str(), path.c_str()) != 0)
    return Error{"rename to", path, errno, ""};
  is_placed_ = true;
  return {};
}

Result<void> WriteDurably(DurableDraft& draft, const std::string& draft_name,
                          const DurableText& file) {
  const std::span<const DurableText> files(&file, 1);
  Result<void> done = WriteAllBeside(files);
  if (done) done = draft.Finish();
  if (done) done = draft.Place(draft_name);
  // Both renames before the first folder is flushed: a journal commits them together, in this
  // order.
  if (done) done = Rename(files);
  if (done) done = FlushFolder(draft.folder());
  if (done) done = FlushFolder(file.folder);
  if (!done) unlink(PathBeside(file).c_str());
  return done;
}

Result<void> RemoveDurably(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Error{"delete", path, errno, ""};
  return FlushFolder(folder);
}

Result<std::string> ReadWhole(const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error{"open", path, errno, ""};
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return Error{"read", path, errno, ""};
  if (!S_ISREG(status.st_mode)) return Error{"read", path, 0, "not a file"};
  std::string text(static_cast<size_t>(status.st_size), '\0');
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t got = read(fd.get(), text.data() + at, text.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{"read", path, errno, ""};
    if (got == 0) break;
    at += static_cast<size_t>(got);
  }
  text.resize(at);
  return text;
}

}  // namespace portmatrix
