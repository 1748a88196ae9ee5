// SPDX-License-Identifier: Apache-2.0
// Both ends of the wire in the guest that tests/package/boot_test boots. UDP to port 7001 is what
// the policy allows, to 7002 what it denies.
//
//   boot_witness send DEVICE MAC   sends both kinds by turns to 192.0.2.1 at MAC, and never stops;
//   goes on in the background
//                                  once the first packets are out
//   boot_witness count FILE        keeps in FILE how many of each have reached this host's stack,
//   on whatever device
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr uint16_t kAllowed = 7001, kDenied = 7002;
constexpr size_t kFrameBytes = 60;
constexpr size_t kPortAt = 14 + 20 + 2;
constexpr int kPauseMilliseconds = 20;
constexpr unsigned kBetweenMicroseconds = 5000;

[[noreturn]] void Fail(const char* what) {
  std::perror((std::string("boot_witness: ") + what).c_str());
  std::exit(1);
}

using Frame = std::array<uint8_t, kFrameBytes>;

Frame FrameTo(const std::array<uint8_t, 6>& mac, uint16_t port) {
  Frame frame{};
  std::memcpy(frame.data(), mac.data(), mac.size());
  frame[6] = 2;  // locally administered
  frame[12] = 8;
  uint8_t* ip = &frame[14];
  ip[0] = 0x45;
  ip[3] = kFrameBytes - 14;
  ip[8] = 64;
  ip[9] = IPPROTO_UDP;
  inet_pton(AF_INET, "192.0.2.2", ip + 12);
  inet_pton(AF_INET, "192.0.2.1", ip + 16);
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(ip[i] << 8 | ip[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  ip[10] = static_cast<uint8_t>(~sum >> 8);
  ip[11] = static_cast<uint8_t>(~sum);
  uint8_t* udp = ip + 20;
  udp[0] = 20000 >> 8;
  udp[1] = 20000 & 0xff;
  udp[2] = static_cast<uint8_t>(port >> 8);
  udp[3] = static_cast<uint8_t>(port);
  udp[5] = kFrameBytes - 34;  // no checksum
  return frame;
}

int Send(const char* device, const char* mac_text) {
  std::array<unsigned, 6> words{};
  std::array<uint8_t, 6> mac{};
  if (std::sscanf(mac_text, "%x:%x:%x:%x:%x:%x", words.data(), &words[1], &words[2], &words[3],
                  &words[4], &words[5]) != 6)
    return 2;
  for (size_t i = 0; i < 6; ++i) mac[i] = static_cast<uint8_t>(words[i]);
  const int sender = socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(device));
  if (sender < 0 || bind(sender, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) Fail(device);
  const Frame frames[] = {FrameTo(mac, kAllowed), FrameTo(mac, kDenied)};
  for (bool in_background = false;;) {
    bool sent = true;
    for (const Frame& frame : frames) sent &= send(sender, frame.data(), frame.size(), 0) > 0;
    if (sent && !in_background) {
      if (daemon(0, 0) != 0) Fail("daemon");
      in_background = true;
    }
    usleep(kBetweenMicroseconds);
  }
}

int Count(const char* path) {
  const int receiver = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
  if (receiver < 0) Fail("socket");
  uint64_t allowed = 0, denied = 0;
  for (;;) {
    pollfd ready{receiver, POLLIN, 0};
    // The file is written in the pauses, and in one go.
    if (poll(&ready, 1, kPauseMilliseconds) == 0 || (allowed + denied) % 16 == 0) {
      const std::string beside = std::string(path) + ".beside";
      std::FILE* file = std::fopen(beside.c_str(), "we");
      if (file == nullptr) Fail(path);
      std::fprintf(file, "allowed %lu\ndenied %lu\n", allowed, denied);
      std::fclose(file);
      std::rename(beside.c_str(), path);
    }
    uint8_t frame[2048];
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(receiver, frame, sizeof frame, MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (got < static_cast<ssize_t>(kPortAt + 2) || from.sll_pkttype == PACKET_OUTGOING) continue;
    const int port = frame[kPortAt] << 8 | frame[kPortAt + 1];
    if (frame[23] != IPPROTO_UDP) continue;
    if (port == kAllowed) ++allowed;
    if (port == kDenied) ++denied;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "send" && argc == 4) return Send(argv[2], argv[3]);
  if (mode == "count" && argc == 3) return Count(argv[2]);
  std::fputs("usage: boot_witness send DEVICE MAC | count FILE\n", stderr);
  return 2;
}
