// SPDX-License-Identifier: Apache-2.0
// Traffic for a test of changes under load, exact to the packet: two tap devices carry a fixed
// round of packets, each in turn, as fast as this machine can. A packet that is written to a tap is
// judged before the call returns, and one that is sent is judged before it can be read from the
// tap; so the fate of each is known at once, nothing is lost in queues, and the order of judgements
// is known.
//
//   steady_traffic FIRST SECOND     devices with addresses 192.0.2.1 and 198.51.100.1, hooked
//
// Runs until its standard input ends, then prints what it saw as JSON. Ports: 7001 is allowed by
// every policy of the test and 7002 by none; 7003 by the even ones, 7004 by the odd ones; both
// ways. Port 7005 is a conversation: allowed out, answered in.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

enum Port : uint16_t { kBoth = 7001, kNone = 7002, kEven = 7003, kOdd = 7004, kTalk = 7005 };
constexpr uint16_t kPeerPort = 20000;
constexpr size_t kHeaders = 14 + 20 + 8;
constexpr size_t kPayload = 18;
constexpr size_t kRoundsALook = 64;
constexpr int kMostLooksForCarrier = 10'000;  // a millisecond apart

[[noreturn]] void Fail(const std::string& what) {
  std::perror(("steady_traffic: " + what).c_str());
  std::exit(1);
}

// The queue of a tap that was opened just now throws away what has been judged already, until the
// kernel has worked off the news of the carrier (Linux 6.18, net/core/link_watch.c). That work shows
// in the flags before its end, and its lock is free after it: the second call takes it.
void AwaitCarrier(int any, ifreq device) {
  for (int look = 0;; ++look) {
    if (ioctl(any, SIOCGIFFLAGS, &device) != 0) Fail("read the flags of the device");
    if ((device.ifr_flags & IFF_RUNNING) != 0) break;
    if (look == kMostLooksForCarrier) Fail("wait for the carrier");
    usleep(1000);
  }
  ethtool_value link{ETHTOOL_GLINK, 0};
  device.ifr_data = &link;
  if (ioctl(any, SIOCETHTOOL, &device) != 0) Fail("ask for the link");
}

struct Count {
  uint64_t sent = 0;
  uint64_t passed = 0;
};

// One device: the node's side is its address and sockets, the world's side its tap.
class Device {
 public:
  Device(const std::string& name, const char* address, const char* peer) : name_(name) {
    tap_ = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (tap_ < 0 || ioctl(tap_, TUNSETIFF, &request) != 0) Fail("open tap " + name);
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(any, SIOCGIFHWADDR, &request) != 0) Fail("read the address of " + name);
    std::memcpy(mac_.data(), request.ifr_hwaddr.sa_data, mac_.size());
    AwaitCarrier(any, request);
    close(any);
    inet_pton(AF_INET, address, &own_);
    inet_pton(AF_INET, peer, &peer_);
    for (const uint16_t port : {kBoth, kNone, kEven, kOdd}) {
      in_[port - kBoth] = Bound(port);
      out_[port - kBoth] = Connected(port);
      frames_[port - kBoth] = FrameTo(port, kPeerPort);
    }
    talk_ = Connected(kTalk);
    sockaddr_in self{};
    socklen_t size = sizeof self;
    getsockname(talk_, reinterpret_cast<sockaddr*>(&self), &size);
    answer_ = FrameTo(ntohs(self.sin_port), kTalk);
  }

  // Does a packet from outside to one of the node's ports pass?
  bool Receive(uint16_t port) {
    Write(frames_[port - kBoth]);
    const bool passed = Arrived(in_[port - kBoth]);
    Tally(in_counts_[port - kBoth], passed);
    return passed;
  }
  // Does one that the node sends?
  bool Send(uint16_t port) {
    const bool passed = Leave(out_[port - kBoth]);
    Tally(out_counts_[port - kBoth], passed);
    return passed;
  }
  // A request and its answer.
  void Talk() {
    Tally(request_, Leave(talk_));
    Write(answer_);
    Tally(reply_, Arrived(talk_));
  }

  uint64_t packets() const {
    uint64_t sum = request_.sent + reply_.sent;
    for (size_t i = 0; i < 4; ++i) sum += in_counts_[i].sent + out_counts_[i].sent;
    return sum;
  }

  std::string Json() const {
    std::string text = fmt::format("\"{}\":{{", name_);
    for (size_t i = 0; i < 4; ++i)
      text +=
          fmt::format(R"("in {0}":[{1},{2}],"out {0}":[{3},{4}],)", kBoth + i, in_counts_[i].sent,
                      in_counts_[i].passed, out_counts_[i].sent, out_counts_[i].passed);
    return text + fmt::format(R"("request":[{},{}],"reply":[{},{}]}})", request_.sent,
                              request_.passed, reply_.sent, reply_.passed);
  }

 private:
  using Frame = std::array<uint8_t, kHeaders + kPayload>;

  static void Tally(Count& count, bool passed) {
    ++count.sent;
    count.passed += passed;
  }

  int Socket(uint16_t own_port) const {
    const int made = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const sockaddr_in self{AF_INET, htons(own_port), own_, {}};
    if (bind(made, reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) Fail("bind");
    return made;
  }
  int Bound(uint16_t port) const { return Socket(port); }
  int Connected(uint16_t port) const {
    const int made = Socket(0);
    const sockaddr_in to{AF_INET, htons(port), peer_, {}};
    if (connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) Fail("connect");
    return made;
  }

  Frame FrameTo(uint16_t port, uint16_t from_port) const {
    Frame frame{};
    std::memcpy(frame.data(), mac_.data(), 6);
    frame[6] = 2;
    frame[12] = 8;
    uint8_t* ip = &frame[14];
    ip[0] = 0x45;
    ip[3] = sizeof frame - 14;
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    std::memcpy(ip + 12, &peer_, 4);
    std::memcpy(ip + 16, &own_, 4);
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(ip[i] << 8 | ip[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    ip[10] = static_cast<uint8_t>(~sum >> 8);
    ip[11] = static_cast<uint8_t>(~sum);
    uint8_t* udp = ip + 20;
    udp[0] = static_cast<uint8_t>(from_port >> 8);
    udp[1] = static_cast<uint8_t>(from_port);
    udp[2] = static_cast<uint8_t>(port >> 8);
    udp[3] = static_cast<uint8_t>(port);
    udp[5] = sizeof frame - 34;  // no checksum
    return frame;
  }

  void Write(const Frame& frame) const {
    if (write(tap_, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size()))
      Fail("write to " + name_);
  }
  // The stack has delivered already, unless softirqs were handed to their thread: then it will.
  static bool Arrived(int receiver) {
    char text[64];
    return recv(receiver, text, sizeof text, 0) > 0;
  }
  bool Leave(int sender) const {
    const char text[kPayload] = {};
    if (send(sender, text, sizeof text, 0) < 0 && errno != ENOBUFS && errno != EPERM) Fail("send");
    uint8_t frame[2048];
    // What the stack says of its own accord (neighbours) is not ours.
    for (ssize_t got; (got = read(tap_, frame, sizeof frame)) > 0;)
      if (got == static_cast<ssize_t>(kHeaders + kPayload) && frame[12] == 8 && frame[13] == 0)
        return true;
    return false;
  }

  std::string name_;
  int tap_ = -1;
  std::array<uint8_t, 6> mac_{};
  in_addr own_{}, peer_{};
  std::array<int, 4> in_{}, out_{};
  std::array<Frame, 4> frames_{};
  int talk_ = -1;
  Frame answer_{};
  std::array<Count, 4> in_counts_{}, out_counts_{};
  Count request_, reply_;
};

// Watches that all hooks change at one instant: judgements come in turn, so the generation that
// they speak for may change only between two of them, never back and forth.
class Instants {
 public:
  // A packet that only one kind of policy allows was judged: which kind judges?
  void Saw(bool even) {
    if (known_ && even != even_) ++changes_;
    known_ = true;
    even_ = even;
  }
  uint64_t changes() const { return changes_; }

 private:
  bool known_ = false, even_ = false;
  uint64_t changes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: steady_traffic FIRST SECOND\n", stderr);
    return 2;
  }
  std::array<Device, 2> devices{Device(argv[1], "192.0.2.1", "192.0.2.2"),
                                Device(argv[2], "198.51.100.1", "198.51.100.2")};
  Instants instants;
  std::fputs("ready\n", stdout);
  std::fflush(stdout);
  char go;
  if (read(STDIN_FILENO, &go, 1) != 1) return 1;
  const auto began = std::chrono::steady_clock::now();
  pollfd end{STDIN_FILENO, POLLIN, 0};
  for (bool running = true; running; running = poll(&end, 1, 0) == 0) {
    for (size_t round = 0; round < kRoundsALook; ++round) {
      for (Device& device : devices) {
        device.Receive(kBoth);
        instants.Saw(device.Receive(kEven));
        device.Send(kBoth);
        instants.Saw(!device.Send(kOdd));
        device.Receive(kNone);
        instants.Saw(!device.Receive(kOdd));
        device.Send(kNone);
        instants.Saw(device.Send(kEven));
        device.Talk();
      }
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{{{},{},\"changes\":{},\"packets\":{},\"seconds\":{:.3f}}}\n", devices[0].Json(),
             devices[1].Json(), instants.changes(), devices[0].packets() + devices[1].packets(),
             took.count());
  return 0;
}
