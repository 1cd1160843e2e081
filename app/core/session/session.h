// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "presets/knob.h"
#include "telemetry/base/result.h"
#include "telemetry/bus/reader.h"
#include "telemetry/control.h"
#include "telemetry/record/recorded_request.h"

namespace pitwall::app {

/// What the command line says of a session.
struct SessionOptions {
    std::string model;            ///< FILE, synthetic:SHAPE, or "" for the default model
    std::string device = "auto";  ///< as parse_device() takes it
    uint32_t threads = 0;         ///< 0: as many as the machine has cores for us
    uint64_t seed = 1;
    std::string draft_model;  ///< FILE or synthetic:SHAPE; "": none
    presets::KnobValues knobs;
    std::string preset_path;  ///< "": none
    /// Of the knobs, those that the preset gave and nobody by hand: what the device lacks of these is replaced, and not refused.
    std::vector<presets::KnobId> from_preset;
    /// Told in a sentence what is worth knowing of what is opened, and no error. May be null; on the thread that opens.
    std::function<void(const std::string& sentence)> remark;
    std::string record_path;  ///< "": not recorded
    bool overwrite = false;   ///< a session that is there at record_path is replaced
    /// Of a GPU's free memory, less some bytes, for the KV cache. None: kv_cache_memory_bytes where somebody gave that, else most.
    struct GpuKvShare {
        double share = 0;
        uint64_t spared_bytes = 0;
    };
    std::optional<GpuKvShare> gpu_kv_share;
    /// How often a simulated device picks what another one would: below 100 for those that draft.
    uint32_t simulated_agreement_percent = 100;
    bool paced = false;       ///< a simulated device keeps wall-clock time (in the window)
    int64_t duration_ns = 0;  ///< the session ends by itself at this session time; 0: it does not
    /// Where the session is recorded unasked while it runs (see ScratchFolder); "", or with record_path: nowhere.
    std::string scratch_folder;
    uint64_t scratch_most_bytes = uint64_t{2} << 30;
};

/// How the recording stands that a live session keeps of itself without being asked.
struct ScratchState {
    bool recording = false;
    bool full = false;  ///< it has become as large as it may, and holds the session's beginning
    uint64_t bytes = 0;
    int64_t held_ns = 0;           ///< session time of the newest event in it
    std::optional<Error> trouble;  ///< why there is none, or why it ended before its time
};

/// What Session::save_so_far() wrote.
struct SavedSession {
    int64_t held_ns = 0;  ///< session time of the newest event in it
    uint64_t bytes = 0;
};

/// A stage of opening, for people: "Reading weights", 61e6, 98e6, "bytes".
struct Progress {
    std::string stage;
    uint64_t done = 0, total = 0;
};
using ProgressFn = std::function<void(const Progress&)>;

/// A source of events and the control that belongs to it: a live engine or a recorded session. No panel knows which.
class Session {
  public:
    virtual ~Session() = default;
    virtual telemetry::Control& control() = 0;
    /// A reader of the session's bus; ask before start() to miss nothing. Lossy for the UI, lossless for a summary.
    virtual std::shared_ptr<telemetry::Reader> add_reader(telemetry::Overflow overflow,
                                                          size_t capacity_events) = 0;
    virtual void start() = 0;  ///< begins the thread that produces events
    /// Ends it: what is unfinished is cancelled, the recording is closed. Idempotent.
    virtual void stop() = 0;
    virtual bool finished() const = 0;  ///< no more events will come
    virtual int64_t now_ns() const = 0;
    virtual telemetry::ReplayControl* replay() { return nullptr; }  ///< null: live
    /// Begins or ends a recording while running; live sessions only. Returns after the next step: not for a thread that
    /// lets a lossless reader of its own run full meanwhile. What is at `path` already is replaced only with `overwrite`,
    /// and only where it is a session.
    virtual Status start_recording(const std::string& /*path*/, bool /*overwrite*/ = false) {
        return Error{"a replay cannot be recorded", "open a live session"};
    }
    virtual void stop_recording() {}
    /// As stop_recording(), and says why the recording ended before, where it did (a full disk).
    virtual Status end_recording() { return stop_recording(), Status(); }
    virtual bool recording() const { return false; }
    virtual ScratchState scratch() const { return {}; }
    /// Writes all that is recorded of the session by now, asked for or not, to a file of its own; nothing stops for it.
    /// Takes as long as the file is large: not for a thread that answers the mouse. `overwrite` as in start_recording().
    virtual Result<SavedSession> save_so_far(const std::string& /*path*/, bool /*overwrite*/) {
        return Error{"nothing is kept of this session", "record it with R"};
    }
    /// What the store has folded of `row`, where it is recorded. Reads the file for some milliseconds.
    virtual std::optional<telemetry::RecordedRequest> recall(const telemetry::RequestRow& /*row*/) const {
        return std::nullopt;
    }
    /// What went wrong in the middle and nobody was told as an answer: a replay whose file is damaged further on.
    virtual std::optional<Error> trouble() const { return std::nullopt; }
    virtual uint64_t recorded_bytes() const { return 0; }
    virtual int64_t recorder_lag_ns() const { return 0; }
    virtual std::string model_name() const = 0;
    virtual std::string device_name() const = 0;
};

Result<std::unique_ptr<Session>> open_live_session(const SessionOptions& options, const ProgressFn& progress);
Result<std::unique_ptr<Session>> open_replay_session(const std::string& path);

}  // namespace pitwall::app
