// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// A name in the scratch folder that is this process's while it lives: a lock beside it says so, which the system lets
/// go of however the process ends. Beside it and not on it, as closing any handle of an SQLite file drops SQLite's locks.
class ScratchFile {
  public:
    ~ScratchFile();  ///< removes the session and its lock, unless it is kept
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    const std::string& path() const { return path_; }
    void keep() { kept_ = true; }  ///< the session stays, as that of a process that was killed

  private:
    friend class ScratchFolder;
    ScratchFile(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

    std::string path_;
    int lock_;
    bool kept_ = false;
};

/// What a process that was killed left in the scratch folder.
struct LeftOver {
    std::string path;
    int64_t begun_s = 0;        ///< UTC, since 1970
    bool found_before = false;  ///< by an earlier left_over(): whoever started then was told
};

/// Where live sessions of the window are recorded unasked: `20260102T140245Z-4711.db` each, UTC start and process.
class ScratchFolder {
  public:
    explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
    /// $XDG_STATE_HOME/pitwall/scratch, or the same in ~/.local/state; "" where there is no home.
    static std::string default_path();

    /// A name for a session that begins now; makes the folder, for its owner alone.
    Result<std::unique_ptr<ScratchFile>> claim() const;
    /// How large a recording here may become: `most_bytes`, or a tenth of what is free; an error where that is too little
    /// to be worth it.
    Result<uint64_t> room(uint64_t most_bytes) const;
    /// Sessions whose process is gone, newest first. Keeps the three newest of at most a week and removes the others.
    std::vector<LeftOver> left_over() const;

  private:
    std::string path_;
};

}  // namespace pitwall::app
