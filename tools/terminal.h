// SPDX-License-Identifier: Apache-2.0
// The whole terminal, lent: its other screen, without echo or cursor, given back as it was on any
// exit but a kill. Draws only the lines that changed.
#ifndef PORTMATRIX_TOOLS_TERMINAL_H_
#define PORTMATRIX_TOOLS_TERMINAL_H_

#include <string>
#include <vector>

namespace portmatrix {

class Terminal {
 public:
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  // Standard input and output are a terminal that can be lent.
  static bool IsThere();

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  // Lines as they shall stand, already no wider than the terminal. False: nobody looks any more.
  bool Draw(const std::vector<std::string>& lines);
  // Waits for a key: its byte; 0 after that time, or when the size changed; -1 if nobody will press
  // one any more, or a signal asks for the end.
  int Key(int milliseconds);

 private:
  void Measure();

  size_t rows_ = 24, columns_ = 80;
  std::vector<std::string> shown_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_TERMINAL_H_
