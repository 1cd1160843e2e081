// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/knobs/knob_text.h"

#include <QStringList>
#include <array>
#include <cmath>
#include <utility>

#include "presets/byte_size.h"

namespace pitwall::panels {

using presets::KnobId;
using presets::KnobSpec;
using presets::KnobType;
using telemetry::DictionaryKind;
using telemetry::KnobBound;

QString to_qstring(std::string_view text) { return QString::fromUtf8(text.data(), qsizetype(text.size())); }

namespace {

/// As few decimals as say the value: 4, 0.5, 0.05.
QString real_text(double value) {
    for (int decimals = 0; decimals < 3; ++decimals) {
        const double factor = std::pow(10, decimals);
        if (std::abs(std::round(value * factor) / factor - value) < 1e-9)
            return format_fixed(value, decimals);
    }
    return format_three(value);
}

/// What is said of any of its values, or of each choice.
QString note_text(const KnobSpec& spec, const presets::Spelling& spelling) {
    QStringList notes;
    if (!spelling.note.empty()) notes += to_qstring(spelling.note);
    for (size_t i = 0; i < std::min(spelling.choice_notes.size(), spec.choices.size()); ++i)
        if (!spelling.choice_notes[i].empty())
            notes += QStringLiteral("%1: %2").arg(to_qstring(spec.choices[i]),
                                                  to_qstring(spelling.choice_notes[i]));
    return notes.join(QStringLiteral("; ")).toHtmlEscaped();
}

QString spelling_line(const KnobSpec& spec, const char* engine, const presets::Spelling& spelling) {
    const QString note = note_text(spec, spelling);
    QString line = QStringLiteral("%1: ").arg(QLatin1String(engine));
    if (!spelling.flag.empty())
        line += to_qstring(spelling.flag).toHtmlEscaped();
    else if (!spelling.off.empty())
        line += QStringLiteral("off by ") + to_qstring(spelling.off).toHtmlEscaped();
    else
        line += note.isEmpty() ? QStringLiteral("none") : QStringLiteral("none, ");
    if (note.isEmpty()) return line;
    return line + (spelling.flag.empty() && spelling.off.empty() ? note : QStringLiteral(" (%1)").arg(note));
}

QString range_text(const KnobSpec& spec) {
    if (spec.type == KnobType::kBoolean) return QStringLiteral("on or off");
    if (spec.type == KnobType::kChoice) {
        QStringList words;
        for (const std::string_view choice : spec.choices) words << to_qstring(choice);
        return words.join(QStringLiteral(", "));
    }
    return QStringLiteral("%1 to %2")
        .arg(knob_quantity(spec, spec.minimum).text(), knob_quantity(spec, spec.maximum).text());
}

}  // namespace

Quantity knob_quantity(const KnobSpec& spec, double value) {
    if (spec.type == KnobType::kBoolean)
        return {value != 0 ? QStringLiteral("on") : QStringLiteral("off"), {}};
    if (spec.type == KnobType::kChoice) return {to_qstring(presets::format_value(spec, value)), {}};
    if (presets::has_off(spec) && value == spec.off_value) return {QStringLiteral("off"), {}};
    if (presets::is_size(spec)) return format_memory(value);
    const QString number =
        spec.type == KnobType::kInteger ? format_count(std::llround(value)) : real_text(value);
    return {number, to_qstring(spec.unit)};
}

std::string typed_knob_text(const KnobSpec& spec, QString typed) {
    typed = typed.trimmed();
    if (spec.type == KnobType::kChoice || spec.type == KnobType::kBoolean) return typed.toStdString();
    const QString unit = to_qstring(spec.unit);
    if (!unit.isEmpty() && typed.endsWith(unit)) typed.chop(unit.size());
    return typed.remove(u',').trimmed().toStdString();
}

QString bound_text(const KnobSpec& spec, KnobBound bound, double effective_value) {
    const QString value = knob_quantity(spec, effective_value).text();
    switch (bound) {
        case KnobBound::kNone:
            return {};
        case KnobBound::kRange:
            return QStringLiteral("stops at the end of its range, %1").arg(value);
        case KnobBound::kCapacity:
            return QStringLiteral("stops at capacity, %1").arg(value);
        case KnobBound::kInFlight:
            return QStringLiteral("held at %1 by requests in flight").arg(value);
        case KnobBound::kDraining:
            return QStringLiteral("draining, %1 now").arg(value);
        case KnobBound::kUnavailable:
            return QStringLiteral("not to be had, %1 instead").arg(value);
    }
    return {};
}

QString knob_hover_text(const KnobSpec& spec) {
    const std::array<std::pair<const char*, const presets::Spelling*>, 4> engines = {
        {{"vLLM", &spec.vllm},
         {"SGLang", &spec.sglang},
         {"TensorRT-LLM", &spec.tensorrt_llm},
         {"llama-server", &spec.llama_server}}};
    QString text = QStringLiteral("<b>%1</b><br>%2<br>%3; default %4")
                       .arg(to_qstring(spec.name), to_qstring(spec.help).toHtmlEscaped(),
                            range_text(spec).toHtmlEscaped(), knob_quantity(spec, spec.default_value).text());
    if (!spec.live) text += QStringLiteral("<br>Not live: ") + to_qstring(spec.reload_reason).toHtmlEscaped();
    for (const auto& [engine, spelling] : engines)
        text += QStringLiteral("<br>") + spelling_line(spec, engine, *spelling);
    return text;
}

KnobNumbers::KnobNumbers(const telemetry::Store& store) : store_(store) {}

const KnobSpec* KnobNumbers::spec(uint16_t number) const {
    const std::string_view recorded = store_.text(DictionaryKind::kKnobName, number);
    if (!recorded.empty()) return presets::find_knob(recorded);
    return number < presets::kKnobCount ? &presets::knob_table()[number] : nullptr;
}

uint16_t KnobNumbers::number(KnobId id) const {
    const auto own = static_cast<uint16_t>(id);
    const std::string_view name = presets::spec(id).name;
    const std::string_view recorded = store_.text(DictionaryKind::kKnobName, own);
    if (recorded == name) return own;
    constexpr uint16_t kMostKnobs = 256;
    for (uint16_t number = 0; number < kMostKnobs; ++number)
        if (store_.text(DictionaryKind::kKnobName, number) == name) return number;
    return recorded.empty() ? own : kMostKnobs;  // the recording is older than the knob: no state
}

double KnobNumbers::value(KnobId id) const {
    const telemetry::KnobState& known = state(id);
    return known.known ? known.last.effective_value : presets::spec(id).default_value;
}

QString KnobNumbers::name(uint16_t number) const {
    const std::string_view recorded = store_.text(DictionaryKind::kKnobName, number);
    if (!recorded.empty()) return to_qstring(recorded);
    return number < presets::kKnobCount ? to_qstring(presets::knob_table()[number].name)
                                        : QStringLiteral("knob %1").arg(number);
}

}  // namespace pitwall::panels
