// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/recording.h"

namespace pitwall::app {

using presets::KnobId;

telemetry::RecorderOptions recorder_options(const presets::KnobValues& knobs) {
    telemetry::RecorderOptions options;
    options.record_text = knobs.boolean(KnobId::kRecordText);
    options.gap_on_overflow =
        knobs.integer(KnobId::kRecordOverflow) == static_cast<int64_t>(presets::RecordOverflow::kGap);
    return options;
}

Result<std::unique_ptr<Recording>> Recording::begin(telemetry::Bus& bus, const std::string& path,
                                                    bool overwrite, const presets::KnobValues& knobs) {
    telemetry::RecorderOptions options = recorder_options(knobs);
    options.overwrite = overwrite;
    return begin(bus, path, options, telemetry::kRecorderQueueEvents);
}

Result<std::unique_ptr<Recording>> Recording::begin(telemetry::Bus& bus, const std::string& path,
                                                    const telemetry::RecorderOptions& options,
                                                    size_t queue_events) {
    auto reader = bus.make_reader(telemetry::Overflow::kWait, queue_events);
    std::unique_ptr<Recording> recording(new Recording(bus, reader, options));
    if (auto started = recording->recorder_.start(path); !started.ok()) return started.error();
    return recording;
}

Recording::~Recording() {
    const Status ended = end();
    static_cast<void>(ended);  // whoever wants to know has called end() before
}

Status Recording::end() {
    if (reader_) bus_.remove_reader(reader_);
    reader_.reset();
    Status stopped = recorder_.stop();
    if (const auto failure = recorder_.failure()) return *failure;
    return stopped;
}

}  // namespace pitwall::app
