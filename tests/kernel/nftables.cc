// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/nftables.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/kernel/command_line.h"

namespace portmatrix {
namespace {

void Need(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void Shell(const std::string& line) { Need(std::system(line.c_str()) == 0, line); }

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string PeerOf(const std::string& device) { return "p-" + device; }

}  // namespace

std::string WhyNoNftables() {
  if (geteuid() != 0) return "not root";
  if (std::system("nft --version >/dev/null 2>&1") != 0) return "there is no nft";
  return std::system("nft list tables >/dev/null 2>&1") == 0 ? "" : "the kernel has no nftables";
}

std::unique_ptr<Nftables> Nftables::Enter() {
  Need(unshare(CLONE_NEWNET) == 0, "no network namespace");
  // Without IPv6 the kernel sends nothing by itself.
  for (const char* which : {"all", "default"}) {
    std::ofstream file(fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", which));
    Need(!(file << 1 << std::flush).fail(), "IPv6 stays on");
  }
  return std::unique_ptr<Nftables>(new Nftables);
}

void Nftables::AddDevice(const std::string& device) {
  if (sockets_.contains(device)) return;
  const std::string peer = PeerOf(device);
  Shell(
      fmt::format("ip link add {0} mtu 9200 arp off type veth peer name {1} mtu 9200 arp off && "
                  "ip link set {0} promisc on up && ip link set {1} up",
                  device, peer));
  for (const std::string& each : {device, peer}) {
    FileDescriptor socket(::socket(AF_PACKET, SOCK_RAW, 0));
    Need(socket.valid(), "no packet socket");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(each.c_str()));
    Need(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
    sockets_.emplace(each, std::move(socket));
  }
}

std::string Nftables::Load(const std::string& ruleset, bool check) {
  const Folder folder;
  const std::string rules = folder.Write("rules.nft", ruleset);
  const std::string said = folder.path() + "/said";
  const int status =
      std::system(fmt::format("nft {}-f {} >{} 2>&1", check ? "-c " : "", rules, said).c_str());
  const std::string text = Content(said);
  return status == 0 ? text : text + "(nft failed)";
}

void Nftables::Send(const std::string& device, Direction direction,
                    std::span<const uint8_t> frame) {
  const std::string& from = direction == Direction::kIn ? PeerOf(device) : device;
  const ssize_t sent = send(sockets_.at(from).get(), frame.data(), frame.size(), 0);
  // What a hook drops on its way out is no buffer space to the sender.
  Need(sent == static_cast<ssize_t>(frame.size()) ||
           (direction == Direction::kOut && (errno == ENOBUFS || errno == EPERM)),
       "send");
}

std::map<std::string, uint64_t> Nftables::Counted(const std::string& table) {
  const Folder folder;
  const std::string path = folder.path() + "/rules.json";
  Shell(fmt::format("nft -j list table netdev {} >{}", table, path));
  std::map<std::string, uint64_t> counted;
  const auto listed = nlohmann::json::parse(Content(path));
  for (const auto& entry : listed.at("nftables")) {
    if (!entry.contains("rule")) continue;
    uint64_t packets = 0;
    std::string verdict;
    for (const auto& part : entry.at("rule").at("expr")) {
      if (part.contains("counter")) packets = part.at("counter").at("packets");
      for (const char* word : {"accept", "drop"}) {
        if (part.contains(word)) verdict = word;
      }
    }
    if (verdict.empty() || packets == 0) continue;
    counted[verdict + " " + entry.at("rule").value("comment", "")] += packets;
  }
  return counted;
}

}  // namespace portmatrix
