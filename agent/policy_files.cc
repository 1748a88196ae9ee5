// SPDX-License-Identifier: Apache-2.0
#include "agent/policy_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>

#include "agent/policy/limits.h"
#include "agent/policy/reader.h"

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

std::string ErrorText(int number) { return std::generic_category().message(number); }

// NFS and SMB say EAGAIN of every file whose server has granted nothing, written or not.
bool IsOfThisHost(const Descriptor& file) {
  struct statfs system = {};
  if (fstatfs(file.number(), &system) != 0) return false;
  constexpr std::array<uint32_t, 4> kNetworks = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                                 SMB2_SUPER_MAGIC};
  return std::ranges::find(kNetworks, static_cast<uint32_t>(system.f_type)) == kNetworks.end();
}

class Loading {
 public:
  explicit Loading(Writers writers) : writers_(writers) {}

  void ReadPath(const std::string& path) {
    std::error_code failure;
    const fs::file_status status = fs::status(path, failure);
    if (status.type() == fs::file_type::not_found) {
      Fail(path, ErrorText(ENOENT));
    } else if (failure) {
      Fail(path, failure.message());
    } else if (fs::is_directory(status)) {
      ReadTree(path);
    } else {
      ReadDocument(path, path);
    }
  }

  void SortDocuments() {
    std::ranges::stable_sort(files_.sources.documents, {}, &SourceFile::path);
  }

  void ReadLists() {
    for (const ListFile& list : ListFilesNamedIn(files_.sources)) {
      const std::string folder = RootFolder(list.root);
      std::error_code failure;
      const fs::path target = fs::canonical(list.path, failure);
      if (failure == std::errc::no_such_file_or_directory)
        continue;  // reported at its place by the reader
      const fs::path root = failure ? fs::path() : fs::canonical(folder, failure);
      if (failure) {
        Fail(list.path, failure.message());
      } else if (!IsInside(target, root)) {
        Fail(list.path, fmt::format("a symbolic link leads out of {}", folder));
      } else {
        ReadFile(list.path, list.root, kMaxListBytes, files_.sources.lists);
      }
    }
  }

  PolicyFiles Take() {
    files_.none = empty_roots_ > 0 && files_.errors.size() == empty_roots_ &&
                  files_.sources.documents.empty();
    return std::move(files_);
  }

 private:
  static std::string RootFolder(const std::string& root) {
    if (fs::is_directory(root)) return root;
    const std::string folder = fs::path(root).parent_path().string();
    return folder.empty() ? "." : folder;
  }

  static bool IsInside(const fs::path& target, const fs::path& root) {
    return std::mismatch(root.begin(), root.end(), target.begin(), target.end()).first ==
           root.end();
  }

  void ReadTree(const std::string& root) {
    bool found = false;
    std::error_code failure;
    fs::recursive_directory_iterator next(root, failure), end;
    for (; !failure && next != end; next.increment(failure)) {
      const fs::path& path = next->path();
      std::error_code ignored;
      if (path.filename().string().starts_with('.')) {
        if (next->is_directory(ignored)) next.disable_recursion_pending();
      } else if (path.extension() == ".yaml" && !next->is_directory(ignored)) {
        found = true;
        ReadDocument(path.string(), root);
      }
    }
    if (failure) Fail(root, failure.message());
    if (!failure && !found) {
      Fail(root, "no *.yaml file in this directory");
      ++empty_roots_;
    }
  }

  // A file that two arguments reach is read once.
  void ReadDocument(const std::string& path, const std::string& root) {
    std::error_code ignored;
    const fs::path target = fs::canonical(path, ignored);
    if (!ignored && !documents_.insert(target.string()).second) return;
    ReadFile(path, root, kMaxDocumentBytes, files_.sources.documents);
  }

  void ReadFile(const std::string& path, const std::string& root, size_t limit,
                std::vector<SourceFile>& files) {
    if (files_.sources.documents.size() + files_.sources.lists.size() >= kMaxFiles) {
      if (!too_many_) Fail(path, fmt::format("more than {} files (kMaxFiles)", kMaxFiles));
      too_many_ = true;
      return;
    }
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status = {};
    if (file.number() < 0 || fstat(file.number(), &status) != 0)
      return Fail(path, ErrorText(errno));
    if (S_ISDIR(status.st_mode)) return Fail(path, ErrorText(EISDIR));
    // A lease is refused while anyone has the file open for writing, and broken when someone opens
    // it so (fcntl(2)).
    const bool is_leased =
        writers_ == Writers::kRefuse && fcntl(file.number(), F_SETLEASE, F_RDLCK) == 0;
    if (writers_ == Writers::kRefuse && !is_leased && errno == EAGAIN && IsOfThisHost(file))
      return FailBusy(path);
    SourceFile source{path, root, {}};
    // Room for all of it and a byte more, by which its end is known; pipes tell no size.
    constexpr size_t kPartBytes = 1 << 16;
    const size_t told = status.st_size > 0 ? static_cast<size_t>(status.st_size) : kPartBytes;
    source.text.resize(std::min(told, limit) + 1);
    size_t filled = 0;
    while (true) {
      if (filled == source.text.size()) source.text.resize(std::min(2 * filled, limit + 1));
      const ssize_t count =
          read(file.number(), source.text.data() + filled, source.text.size() - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Fail(path, ErrorText(errno));
      if (count == 0) break;
      filled += static_cast<size_t>(count);
      if (filled > limit) {
        return Fail(path, fmt::format("longer than the limit of {} bytes", limit));
      }
    }
    source.text.resize(filled);
    if (source.text.capacity() > 2 * filled) source.text.shrink_to_fit();
    if (is_leased && fcntl(file.number(), F_GETLEASE) != F_RDLCK) return FailBusy(path);
    bytes_ += source.text.size();
    if (bytes_ > kMaxPolicyBytes) {
      if (!too_large_)
        Fail(path, fmt::format("with it the policy is longer than {} bytes (kMaxPolicyBytes)",
                               kMaxPolicyBytes));
      too_large_ = true;
      return;
    }
    files.push_back(std::move(source));
  }

  void FailBusy(const std::string& path) {
    files_.being_written = true;
    Fail(path, "somebody is writing it");
  }

  void Fail(const std::string& path, const std::string& why) {
    files_.errors.push_back(fmt::format("read {}: {}", path, why));
  }

  const Writers writers_;
  PolicyFiles files_;
  std::set<std::string> documents_;  // by their canonical paths
  size_t bytes_ = 0;
  size_t empty_roots_ = 0;  // directories that hold no document
  bool too_many_ = false;
  bool too_large_ = false;
};

}  // namespace

std::vector<std::string> SplitPaths(const std::vector<std::string>& arguments) {
  std::vector<std::string> paths;
  for (std::string_view rest : arguments) {
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (comma > 0) paths.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return paths;
}

PolicyFiles ReadPolicyFiles(const std::vector<std::string>& paths, Writers writers) {
  Loading loading(writers);
  for (const std::string& path : SplitPaths(paths)) loading.ReadPath(path);
  loading.SortDocuments();
  loading.ReadLists();
  return loading.Take();
}

}  // namespace portmatrix
