// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/core/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ;

namespace pitwall::testing_program {

namespace {

std::string folder() { return testing::TempDir() + "pitwall-app-core-" + std::to_string(getpid()); }

/// Takes the folder away when the tests are through.
class Cleaner final : public testing::Environment {
  public:
    void TearDown() override { std::filesystem::remove_all(folder()); }
};
[[maybe_unused]] const auto* const cleaner = testing::AddGlobalTestEnvironment(new Cleaner);

/// Input and output are files: no pipe can fill up while nobody reads it.
struct Files {
    std::string in = temporary("in"), out = temporary("out"), err = temporary("err");
};

pid_t start(const std::vector<std::string>& words, const Files& files) {
    std::vector<char*> arguments;
    std::string program = PITWALL_HEADLESS;
    arguments.push_back(program.data());
    std::vector<std::string> copies = words;
    for (std::string& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, files.in.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, files.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, files.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid = -1;
    EXPECT_EQ(posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

Ended wait_for(pid_t pid, const Files& files) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    Ended ended;
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended.out = slurp(files.out), ended.err = slurp(files.err);
    return ended;
}

}  // namespace

std::string Ended::last_line() const {
    std::string text = err;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const size_t newline = text.rfind('\n');
    return newline == std::string::npos ? text : text.substr(newline + 1);
}

Ended run_pitwall(const std::vector<std::string>& words, const std::string& input) {
    const Files files;
    write_file(files.in, input);
    return wait_for(start(words, files), files);
}

Ended run_pitwall_and_signal(const std::vector<std::string>& words, int signal, int after_ms) {
    const Files files;
    write_file(files.in, "");
    const pid_t pid = start(words, files);
    std::this_thread::sleep_for(std::chrono::milliseconds(after_ms));
    kill(pid, signal);
    return wait_for(pid, files);
}

Variable::Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
}

Variable::~Variable() {
    if (before_)
        ::setenv(name_, before_->c_str(), 1);
    else
        ::unsetenv(name_);
}

std::string temporary(const std::string& name) {
    std::filesystem::create_directories(folder());
    return folder() + "/" + name;
}

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

}  // namespace pitwall::testing_program
