// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

namespace portmatrix {
namespace {

constexpr std::string_view kEnter = "\033[?1049h\033[?25l\033[H\033[J";
constexpr std::string_view kLeave = "\033[0m\033[?25h\033[?1049l";
constexpr int kEnds[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

volatile sig_atomic_t asked_to_end = 0;
volatile sig_atomic_t resized = 0;
termios before;

bool WriteAll(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR && !asked_to_end) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

void OnSignal(int signal) {
  if (signal == SIGWINCH)
    resized = 1;
  else
    asked_to_end = 1;
}

}  // namespace

bool Terminal::IsThere() { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

Terminal::Terminal() {
  tcgetattr(STDIN_FILENO, &before);
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  struct sigaction action {};
  action.sa_handler = OnSignal;
  for (const int signal : kEnds) sigaction(signal, &action, nullptr);
  sigaction(SIGWINCH, &action, nullptr);
  // Stopped with the screen lent, a shell would be left with it.
  signal(SIGTSTP, SIG_IGN);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  WriteAll(kEnter);
  Measure();
}

Terminal::~Terminal() {
  asked_to_end = 0;
  WriteAll(kLeave);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

void Terminal::Measure() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
    rows_ = size.ws_row;
    columns_ = size.ws_col;
  }
}

bool Terminal::Draw(const std::vector<std::string>& lines) {
  std::string text;
  for (size_t i = 0; i < rows_; ++i) {
    const std::string line = i < lines.size() ? lines[i] : "";
    if (i < shown_.size() && shown_[i] == line) continue;
    text += fmt::format("\033[{};1H{}\033[0m\033[K", i + 1, line);
  }
  shown_ = lines;
  shown_.resize(rows_);
  return WriteAll(text);
}

int Terminal::Key(int milliseconds) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const int ready = poll(&input, 1, milliseconds);
  if (asked_to_end) return -1;
  if (resized) {
    resized = 0;
    Measure();
    shown_.clear();
    WriteAll("\033[J");
    return 0;
  }
  if (ready <= 0) return 0;
  char key = 0;
  const ssize_t got = read(STDIN_FILENO, &key, 1);
  return got == 1 ? static_cast<unsigned char>(key) : -1;
}

}  // namespace portmatrix
