// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which format the KV cache was in, when: from the knob's events.
#pragma once

#include <QString>
#include <cstdint>
#include <optional>
#include <vector>

#include "panels/knobs/knob_text.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

struct KvFormatSpan {
    int64_t begin_ns = 0;  ///< until the next one's
    telemetry::KvDtype dtype{};
    uint32_t change = 0;   ///< its number; 0: it was there from the start
    int64_t pause_ns = 0;  ///< that the change held the engine
};

/// The format that a value of the knob kv_cache_dtype means.
std::optional<telemetry::KvDtype> kv_format_of(double choice);
/// In the order of time; none where no event told the knob.
std::vector<KvFormatSpan> kv_formats(const telemetry::Store& store);
/// The one in force at `t_ns`: of those given, the last that had begun; null without any.
const KvFormatSpan* kv_format_at(const std::vector<KvFormatSpan>& formats, int64_t t_ns);
/// "f16", "f16 → int8 at 1:02": those in force between two moments.
QString kv_formats_text(const std::vector<KvFormatSpan>& formats, int64_t begin_ns, int64_t end_ns);

}  // namespace pitwall::panels
