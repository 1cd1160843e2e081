// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a user types: KNOB=VALUE of --set and the knob panel, STEP:KNOB=VALUE of --at, and --device. One text a line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "app/core/cli/generate_run.h"
#include "app/core/session/engine_parts.h"
#include "presets/knob.h"

using namespace pitwall;

namespace {

void expect_sentence(const Error& error) {
    if (error.what.empty() || error.hint.empty()) std::abort();
}

void try_setting(std::string_view text) {
    presets::KnobValues values;
    if (const auto status = values.set_from_text(text); !status.ok()) return expect_sentence(status.error());
    // What was accepted lies in its range, and reads back as it is written.
    for (const presets::KnobSpec& knob : presets::knob_table()) {
        if (!values.given(knob.id)) continue;
        const double value = values.get(knob.id);
        const bool off = presets::has_off(knob) && value == knob.off_value;
        if (!off && !(value >= knob.minimum && value <= knob.maximum)) std::abort();
        const auto again = presets::parse_value(knob, presets::format_value(knob, value));
        if (!again.ok() || again.value() != value) std::abort();
        if (presets::display_value(knob, value).empty()) std::abort();
    }
}

void try_line(std::string_view line) {
    try_setting(line);
    if (const auto at = app::parse_scheduled_knobs({std::string(line)}); !at.ok())
        expect_sentence(at.error());
    if (const auto device = app::parse_device(std::string(line)); !device.ok())
        expect_sentence(device.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
        const size_t end = rest.find('\n');
        try_line(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return 0;
}
