// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "telemetry/base/result.h"
#include "telemetry/bus/reader.h"
#include "telemetry/event.h"

namespace pitwall::telemetry {

class SessionWriter;
class SpaceReserve;

/// 64 MiB of events: what the queue between the bus and the recorder holds.
inline constexpr size_t kRecorderQueueEvents = (size_t{64} << 20) / sizeof(Event);

struct RecorderOptions {
    bool record_text = true;  ///< the knob record_text
    /// The knob record_overflow: leave out and count instead of letting producers wait.
    bool gap_on_overflow = false;
    bool overwrite = false;         ///< replace a session file that is there already; never any other file
    int64_t batch_ns = 50'000'000;  ///< wall time between two commits: what a killed process loses
    size_t batch_events = 16384;    ///< commit earlier than that after so many
    uint32_t most_pages = 0;        ///< of 4 KiB; 0: as the disk allows. For tests of a full disk
    /// The recording ends, with a mark, after the batch that makes the file as large (its log not counted); 0: never.
    uint64_t most_bytes = 0;
};

/// Writes what a lossless reader brings into a session file, on a thread of its own. A recording that begins in the
/// middle of a session needs a keyframe: whoever starts it asks the engine for one.
///
/// A full disk, or the size that the options allow, ends the recording with a mark, as far as there is room for it; the
/// reader is switched to discard, so that no producer ever waits for it, and failure() tells.
class Recorder {
  public:
    /// `reader` is of Overflow::kWait (Bus::add_reader with kRecorderQueueEvents). Whoever made it removes it from the
    /// bus: before stop() if producers go on, so that stop() knows the last event.
    explicit Recorder(std::shared_ptr<Reader> reader, RecorderOptions options = {});
    ~Recorder();
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    /// Creates the file and begins.
    Status start(const std::string& path);
    /// Writes what was published before the call, then completes the file. Idempotent: gives the same answer again.
    Status stop();

    // From any thread.
    bool recording() const { return recording_.load(std::memory_order_relaxed); }
    std::optional<Error> failure() const;  ///< why the recording ended by itself
    bool reached_limit() const { return reached_limit_.load(std::memory_order_relaxed); }  ///< of most_bytes
    uint64_t events_written() const { return events_committed_.load(std::memory_order_relaxed); }
    uint64_t events_left_out() const { return events_left_out_.load(std::memory_order_relaxed); }
    uint64_t bytes_written() const;  ///< of the file and its log, as the file system says
    /// Session time between the newest event taken and the newest one that is safe in the file.
    int64_t lag_ns() const;
    /// Number and session time of the newest event that is safe in the file; 0: none yet.
    uint64_t safe_seq() const { return committed_seq_.load(std::memory_order_relaxed); }
    int64_t safe_t_ns() const { return committed_t_ns_.load(std::memory_order_relaxed); }

  private:
    /// Why a recording ends by itself: as a mark tells it (a number of errno.h), and as recording.end does.
    struct Ending {
        int reason;
        std::string_view word;
    };
    void run();
    void take_batch();
    void write_batch();
    void note_gap(const Event& next);
    void commit();
    void end_at_limit();
    void fail(const Error& error, const Ending& ending);
    void finish();
    bool pause_until_stop(bool idle);

    std::shared_ptr<Reader> reader_;
    RecorderOptions options_;
    std::string path_;
    std::thread thread_;

    // The thread's own, between start() and the join in stop().
    std::unique_ptr<SessionWriter> writer_;
    std::unique_ptr<SpaceReserve> reserve_;
    std::vector<Event> batch_;
    uint64_t last_seq_ = 0;
    bool at_limit_ = false;
    int64_t last_t_ns_ = 0, begun_wall_ns_ = 0;

    std::atomic<bool> recording_{false}, reached_limit_{false};
    std::atomic<uint64_t> events_committed_{0}, events_left_out_{0}, committed_seq_{0};
    std::atomic<int64_t> taken_t_ns_{0}, committed_t_ns_{0};
    mutable std::mutex mutex_;  ///< guards the rest
    std::condition_variable wake_;
    bool stopping_ = false;
    std::optional<Error> failure_;
    std::optional<Status> stopped_;
};

}  // namespace pitwall::telemetry
