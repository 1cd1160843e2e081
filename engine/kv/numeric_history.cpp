// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/numeric_history.h"

#include <algorithm>

namespace pitwall::engine {
namespace {

/// Nothing was computed between the changes that led from one span's epoch to the next one's: of those on the way only
/// conversions count, and the activations are those of the end. Activations that changed and changed back are no change.
std::vector<FormatChange> changes_of(std::span<const EpochSpan> spans, const KvEpochs& epochs) {
    std::vector<FormatChange> changes;
    for (size_t i = 0; i < spans.size(); ++i) {
        const NumericFormat now = epochs.format(spans[i].epoch);
        const size_t before = changes.size();
        for (uint32_t epoch = i == 0 ? spans[i].epoch : spans[i - 1].epoch + 1; epoch <= spans[i].epoch;
             ++epoch)
            if (i > 0 && epochs.format(epoch).kv != epochs.format(epoch - 1).kv)
                changes.push_back(
                    {spans[i].position,
                     {epochs.format(epoch).kv, now.activation, now.batch_invariant, now.kernels}});
        const bool converted = changes.size() > before;
        if (!converted && (i == 0 || changes.back().format != now))
            changes.push_back({spans[i].position, now});
    }
    return changes;
}

/// What of a history the first `computed` tokens went through while they were all.
std::vector<FormatChange> until(std::vector<FormatChange> changes, uint32_t computed) {
    std::erase_if(changes, [&](const FormatChange& change) { return change.position >= computed; });
    return changes;
}

}  // namespace

void SequenceNumerics::computed(uint32_t first_position, uint32_t epoch) {
    if (spans_.empty() || spans_.back().epoch != epoch) spans_.push_back({first_position, epoch});
}

void SequenceNumerics::drop(uint32_t known, uint32_t computed, const KvEpochs& epochs) {
    if (!spans_.empty()) dropped_.push_back({{known, changes_of(spans_, epochs)}, computed});
    spans_.clear();
}

NumericHistory SequenceNumerics::history(uint32_t prompt_tokens, const KvEpochs& epochs) const {
    NumericHistory history;
    if (!spans_.empty()) history.push_back({0, changes_of(spans_, epochs)});
    for (size_t i = dropped_.size(); i-- > 0;) {
        const Dropped& dropped = dropped_[i];
        const uint32_t before = i == 0 ? prompt_tokens : dropped_[i - 1].stage.tokens;
        const bool gave_nothing = dropped.stage.tokens <= before;
        if (gave_nothing && !(history.empty() && i == 0)) continue;
        if (!history.empty() && until(history.front().formats, dropped.computed) == dropped.stage.formats)
            continue;
        history.insert(history.begin(), dropped.stage);
    }
    return history;
}

std::string reason_history_is_wrong(const NumericHistory& history) {
    for (size_t i = 0; i < history.size(); ++i) {
        const std::vector<FormatChange>& formats = history[i].formats;
        if (formats.empty() || formats.front().position != 0) return "has a stage that does not begin at 0";
        if (!std::is_sorted(formats.begin(), formats.end(),
                            [](const auto& a, const auto& b) { return a.position < b.position; }))
            return "goes back from a position to an earlier one";
        if (!std::all_of(formats.begin(), formats.end(),
                         [](const FormatChange& change) { return change.format.batch_invariant; }))
            return "was computed with batch_invariant=false: nothing but the same steps gives it again";
        const bool last = i + 1 == history.size();
        if (!last && history[i].tokens == 0) return "has a stage after one without an end";
        if (i > 0 && !last && history[i].tokens < history[i - 1].tokens)
            return "has a stage that ends before the one before it";
    }
    return "";
}

std::vector<EpochSpan> spans_between(std::span<const EpochSpan> spans, uint32_t begin, uint32_t end) {
    std::vector<EpochSpan> some;
    for (size_t i = 0; i < spans.size(); ++i) {
        const uint32_t next = i + 1 < spans.size() ? spans[i + 1].position : end;
        const uint32_t from = std::max(spans[i].position, begin), to = std::min(next, end);
        if (from < to) some.push_back({from, spans[i].epoch});
    }
    return some;
}

}  // namespace pitwall::engine
