// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/scratch_recording.h"

namespace pitwall::app {

namespace {
/// 8 MiB: every page of a ring becomes resident in time, and unlike a recording that was asked for this one may leave out.
constexpr size_t kScratchQueueEvents = size_t{1} << 16;
}  // namespace

Result<std::unique_ptr<ScratchRecording>> ScratchRecording::begin(telemetry::Bus& bus,
                                                                  const std::string& folder,
                                                                  uint64_t most_bytes,
                                                                  const presets::KnobValues& knobs) {
    const ScratchFolder scratch(folder);
    auto file = scratch.claim();
    if (!file.ok()) return file.error();
    auto room = scratch.room(most_bytes);
    if (!room.ok()) return room.error();
    telemetry::RecorderOptions options = recorder_options(knobs);
    options.gap_on_overflow = true;
    options.most_bytes = room.value();
    auto recording = Recording::begin(bus, file.value()->path(), options, kScratchQueueEvents);
    if (!recording.ok()) return recording.error();
    recording.value()->listen();
    return std::unique_ptr<ScratchRecording>(
        new ScratchRecording(std::move(file).value(), std::move(recording).value()));
}

void ScratchRecording::remove() {
    const Status ended = recording_->end();
    static_cast<void>(ended);  // whatever it is, the file goes
    file_.reset();
}

void ScratchRecording::keep() {
    const Status ended = recording_->end();
    static_cast<void>(ended);
    if (file_) file_->keep();
    file_.reset();
}

ScratchState ScratchRecording::state() const {
    ScratchState state;
    state.recording = recorder().recording();
    state.full = !state.recording && recorder().reached_limit();
    state.bytes = recorder().bytes_written();
    state.held_ns = recorder().safe_t_ns();
    const std::optional<Error> failure = recorder().failure();
    if (failure && !recorder().reached_limit())
        state.trouble =
            Error{"the scratch recording ended: " + failure->what, "free some space, or record it with R"};
    return state;
}

}  // namespace pitwall::app
