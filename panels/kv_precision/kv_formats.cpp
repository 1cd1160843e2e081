// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_formats.h"

#include "telemetry/names.h"

#include <algorithm>

namespace pitwall::panels {

using telemetry::KvDtype;

std::optional<KvDtype> kv_format_of(double choice) {
    const auto& choices = presets::spec(presets::KnobId::kKvCacheDtype).choices;
    if (!(choice >= 0 && choice < double(choices.size()))) return std::nullopt;
    for (size_t i = 0; i < static_cast<size_t>(KvDtype::kCount); ++i)
        if (telemetry::name(static_cast<KvDtype>(i)) == choices[static_cast<size_t>(choice)])
            return static_cast<KvDtype>(i);
    return std::nullopt;
}

std::vector<KvFormatSpan> kv_formats(const telemetry::Store& store) {
    const KnobNumbers numbers(store);
    const uint16_t number = numbers.number(presets::KnobId::kKvCacheDtype);
    std::vector<KvFormatSpan> formats;
    for (const telemetry::KnobChange& change : store.knob_changes()) {
        if (change.event.knob != number || change.event.old_value == change.event.effective_value) continue;
        const auto before = kv_format_of(change.event.old_value),
                   after = kv_format_of(change.event.effective_value);
        if (formats.empty() && before) formats.push_back({store.begin_ns(), *before, 0, 0});
        if (after) formats.push_back({change.t_ns, *after, change.number, change.event.pause_ns});
    }
    const telemetry::KnobState& state = store.knob(number);
    if (formats.empty() && state.known)
        if (const auto now = kv_format_of(state.last.effective_value))
            formats.push_back({store.begin_ns(), *now, 0, 0});
    return formats;
}

const KvFormatSpan* kv_format_at(const std::vector<KvFormatSpan>& formats, int64_t t_ns) {
    const KvFormatSpan* found = formats.empty() ? nullptr : &formats.front();
    for (const KvFormatSpan& span : formats)
        if (span.begin_ns <= t_ns) found = &span;
    return found;
}

QString kv_formats_text(const std::vector<KvFormatSpan>& formats, int64_t begin_ns, int64_t end_ns) {
    const KvFormatSpan* first = kv_format_at(formats, begin_ns);
    if (first == nullptr) return {};
    QString text = to_qstring(telemetry::name(first->dtype));
    for (const KvFormatSpan& span : formats)
        if (span.begin_ns > begin_ns && span.begin_ns <= end_ns)
            text += QStringLiteral(" \u2192 %1 at %2")
                        .arg(to_qstring(telemetry::name(span.dtype)), format_clock_short(span.begin_ns));
    return text;
}

}  // namespace pitwall::panels
