// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pitwall::testing_program {

struct Ended {
    int code = -1;  ///< exit status; 128 + signal where one ended it
    std::string out, err;
    std::string last_line() const;  ///< of err
};

/// Runs pitwall-headless with these words and this stdin to its end.
Ended run_pitwall(const std::vector<std::string>& words, const std::string& input = "");
/// The same, with a signal after so many milliseconds.
Ended run_pitwall_and_signal(const std::vector<std::string>& words, int signal, int after_ms);

/// An environment variable, for as long as this is there.
class Variable {
  public:
    Variable(const char* name, const std::string& value);
    ~Variable();
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
    std::optional<std::string> before_;
};

/// A name in the test's temporary folder.
std::string temporary(const std::string& name);
std::string slurp(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace pitwall::testing_program
