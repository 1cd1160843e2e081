// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "presets/knob.h"
#include "telemetry/bus/bus.h"
#include "telemetry/record/recorder.h"

namespace pitwall::app {

/// As the knobs say.
telemetry::RecorderOptions recorder_options(const presets::KnobValues& knobs);

/// A recorder and its reader, as one thing that begins and ends.
class Recording {
  public:
    /// Makes the file; what is recorded begins with listen(). The bus must outlive it.
    static Result<std::unique_ptr<Recording>> begin(telemetry::Bus& bus, const std::string& path,
                                                    bool overwrite, const presets::KnobValues& knobs);
    static Result<std::unique_ptr<Recording>> begin(telemetry::Bus& bus, const std::string& path,
                                                    const telemetry::RecorderOptions& options,
                                                    size_t queue_events);
    /// Before the first event that it is to hold; in the middle of a session on the engine thread.
    void listen() { bus_.attach_reader(reader_); }
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    /// Writes what was published before and completes the file; gives why the recording ended before, where it did.
    Status end();
    const telemetry::Recorder& recorder() const { return recorder_; }

  private:
    Recording(telemetry::Bus& bus, std::shared_ptr<telemetry::Reader> reader,
              const telemetry::RecorderOptions& options)
        : bus_(bus), reader_(reader), recorder_(std::move(reader), options) {}

    telemetry::Bus& bus_;
    std::shared_ptr<telemetry::Reader> reader_;
    telemetry::Recorder recorder_;
};

}  // namespace pitwall::app
