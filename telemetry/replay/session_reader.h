// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "telemetry/base/result.h"
#include "telemetry/event.h"
#include "telemetry/replay/event_loader.h"

namespace SQLite {
class Database;
}

namespace pitwall::telemetry {

/// Gives the events of a session file again, as they were recorded, in order of seq. One thread. Reads a chunk at a
/// time, so that memory does not depend on the length of the session; a session that was killed replays up to its
/// last commit.
class SessionReader {
  public:
    static Result<std::unique_ptr<SessionReader>> open(const std::string& path);
    ~SessionReader();
    SessionReader(const SessionReader&) = delete;
    SessionReader& operator=(const SessionReader&) = delete;

    const std::string& path() const { return path_; }
    int64_t begin_ns() const { return begin_ns_; }  ///< time of the first event
    int64_t end_ns() const { return end_ns_; }      ///< of the last, with the length of the last step
    uint64_t last_seq() const { return last_seq_; }
    /// Recorded to the session's end; false where it was stopped, killed, or is still being written.
    bool complete() const { return complete_; }

    /// The next events, at most `max_events`, and none from the first on that is stamped after `until_ns`: what a
    /// clock that shows until_ns has seen. Valid until the next call. Empty: nothing (more) up to there, see at_end().
    std::span<const Event> next(size_t max_events, int64_t until_ns = std::numeric_limits<int64_t>::max());
    bool at_end() const { return next_in_chunk_ == chunk_.size() && ended_; }
    /// The damage that was found on the way, where there was; next() gives nothing from then on.
    const Status& status() const { return status_; }

    /// Goes to the last whole keyframe at or before t_ns - history_ns (or to the beginning). next() then gives first
    /// what a keyframe does not hold (names, texts, knob changes and marks so far), then the keyframe, and so on; the
    /// caller clears its store and applies events up to t_ns. `history_ns` is how much of charts he wants before.
    Status seek(int64_t t_ns, int64_t history_ns = 0);

  private:
    struct Keyframe {
        uint64_t begin_seq, end_seq;
        int64_t t_ns;
    };
    SessionReader(std::string path, std::unique_ptr<SQLite::Database> database);
    Status survey();
    void find_keyframes();
    int64_t last_time();
    void fill();
    void aim(int64_t t_ns, int64_t history_ns);
    void live_requests(const Keyframe& keyframe);

    std::string path_;
    std::unique_ptr<SQLite::Database> database_;
    std::unique_ptr<EventLoader> loader_;
    std::vector<Keyframe> keyframes_;  ///< whole ones, in order
    int64_t begin_ns_ = 0, end_ns_ = 0;
    uint64_t first_seq_ = 0, last_seq_ = 0;
    bool complete_ = false;

    std::vector<LoadRange> ranges_;  ///< what next() gives, the present one last
    std::unordered_set<uint32_t> live_requests_;
    std::vector<Event> chunk_;
    size_t next_in_chunk_ = 0;
    bool ended_ = false;
    Status status_;
};

}  // namespace pitwall::telemetry
