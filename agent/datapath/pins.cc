// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/pins.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <string_view>

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReaders = "portmatrix";
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kReadersMode = 0640;
constexpr mode_t kOwnerMode = 0600;
// No device's pin ends so: PinName writes `_` only before two hex digits.
constexpr std::string_view kUnfinished = "_new";

// Without such a group the pins stay with the owner's.
void GiveToReaders(const std::string& path) {
  if (const group* readers = getgrnam(kReaders); readers != nullptr)
    if (chown(path.c_str(), static_cast<uid_t>(-1), readers->gr_gid) != 0) return;
}

Result<void> CheckFileSystem(const fs::path& root) {
  fs::path existing = root;
  std::error_code ignored;
  while (!fs::exists(existing, ignored) && existing.has_parent_path() &&
         existing != existing.parent_path())
    existing = existing.parent_path();
  struct statfs status {};
  if (statfs(existing.c_str(), &status) != 0) return Error{"look at", existing.string(), errno, ""};
  if (status.f_type != BPF_FS_MAGIC)
    return Error{"pin under", root.string(), 0,
                 "no bpf file system is mounted there: mount -t bpf bpf /sys/fs/bpf (inside `ip "
                 "netns exec` it is "
                 "hidden: use nsenter --net=/run/netns/NAME)"};
  return {};
}

}  // namespace

std::string PinName(const std::string& device) {
  std::string name;
  for (const char c : device) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-')
      name += c;
    else
      name += fmt::format("_{:02x}", static_cast<unsigned char>(c));
  }
  return name;
}

std::string Pins::Link(const std::string& hook, const std::string& device) const {
  return root_ + "/links/" + hook + "/" + PinName(device);
}

Result<void> Pins::MakeDirectories() const {
  if (auto good = CheckFileSystem(root_); !good) return good;
  for (const std::string& path : {root_, root_ + "/maps", root_ + "/programs", root_ + "/links",
                                  root_ + "/links/xdp", root_ + "/links/tc"}) {
    std::error_code failed;
    fs::create_directories(path, failed);
    if (failed) return Error{"make directory", path, failed.value(), ""};
    if (chmod(path.c_str(), kDirectoryMode) != 0) return Error{"set mode of", path, errno, ""};
    GiveToReaders(path);
  }
  return {};
}

Result<void> Pins::Pin(int fd, const std::string& path, bool readers) {
  // A pin cannot be replaced in place: the new one is made beside it and moved over it.
  const std::string beside = path + std::string(kUnfinished);
  unlink(beside.c_str());
  if (bpf_obj_pin(fd, beside.c_str()) != 0) return Error{"pin", path, errno, ""};
  if (chmod(beside.c_str(), readers ? kReadersMode : kOwnerMode) != 0)
    return Error{"set mode of", beside, errno, ""};
  if (readers) GiveToReaders(beside);
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const int code = errno;
    unlink(beside.c_str());
    return Error{"pin", path, code, ""};
  }
  return {};
}

void Pins::RemoveUnfinished() const {
  std::error_code ignored;
  for (const char* folder : {"/maps", "/programs", "/links/xdp", "/links/tc"}) {
    std::vector<std::string> unfinished;
    for (const auto& entry : fs::directory_iterator(root_ + folder, ignored))
      if (entry.path().string().ends_with(kUnfinished)) unfinished.push_back(entry.path().string());
    for (const std::string& path : unfinished) unlink(path.c_str());
  }
}

std::string Pins::LastChange() const {
  std::string text = "-";
  for (const char* folder : {"/maps", "/programs"}) {
    struct stat status {};
    if (stat((root_ + folder).c_str(), &status) == 0)
      text +=
          fmt::format("{}.{} {} ", status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino);
  }
  return text;
}

Result<void> Pins::RemoveAll() const {
  std::error_code failed;
  fs::remove_all(root_, failed);
  if (failed) return Error{"remove", root_, failed.value(), ""};
  return {};
}

}  // namespace portmatrix
