// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "app/core/session/recording.h"
#include "app/core/session/scratch_folder.h"
#include "app/core/session/session.h"

namespace pitwall::app {

/// The recording that a live session keeps of itself without being asked, from its first event until it ends well: then
/// it is removed. No producer ever waits for it, and it ends where it has become as large as it may.
class ScratchRecording {
  public:
    /// Before the session's first event. The bus must outlive it.
    static Result<std::unique_ptr<ScratchRecording>> begin(telemetry::Bus& bus, const std::string& folder,
                                                           uint64_t most_bytes,
                                                           const presets::KnobValues& knobs);

    /// Ends it and removes the file. Idempotent.
    void remove();
    /// Ends it and leaves the file, to be offered at the next start: where saving it has failed. Idempotent.
    void keep();
    /// "" once removed.
    std::string path() const { return file_ ? file_->path() : ""; }
    const telemetry::Recorder& recorder() const { return recording_->recorder(); }
    ScratchState state() const;  ///< from any thread

  private:
    ScratchRecording(std::unique_ptr<ScratchFile> file, std::unique_ptr<Recording> recording)
        : file_(std::move(file)), recording_(std::move(recording)) {}

    std::unique_ptr<ScratchFile> file_;  ///< goes after what writes to it
    std::unique_ptr<Recording> recording_;
};

}  // namespace pitwall::app
