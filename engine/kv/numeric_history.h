// SPDX-License-Identifier: GPL-3.0-or-later
//
// In which formats a sequence's KV was computed and into which it was converted: its numeric history. Two requests alike
// in all else, and in this, get the same bits.
//
// The whole cache has one format at a time, and so have activations and products. An epoch is the time from one change of any to
// the next; a token's KV is computed in one epoch and goes through every conversion after it. So the epoch in which each position was computed says all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "presets/knob.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using presets::ActivationDtype;
using telemetry::KvDtype;

/// What decides the bits of what is computed.
struct NumericFormat {
    KvDtype kv = KvDtype::kF16;
    ActivationDtype activation = ActivationDtype::kF32;
    /// False: the bits also depended on whoever shared its steps, and no replay gives them again.
    bool batch_invariant = true;
    /// Whose products of bfloat16 activations these are (DeviceInfo::kernel_tier): no two kinds of kernels add them up alike. ""
    /// with other activations, and in a history that leaves it open.
    std::string kernels = {};
    bool operator==(const NumericFormat&) const = default;
};

/// From `position` on (to the next span's) KV was computed in `epoch`. Both grow from span to span.
struct EpochSpan {
    uint32_t position = 0, epoch = 0;
    bool operator==(const EpochSpan&) const = default;
};

/// What each epoch's format was.
class KvEpochs {
  public:
    explicit KvEpochs(const NumericFormat& first) : formats_{first} {}
    void begin(const NumericFormat& format) { formats_.push_back(format); }
    uint32_t current() const { return static_cast<uint32_t>(formats_.size()) - 1; }
    NumericFormat format(uint32_t epoch) const { return formats_[epoch]; }

  private:
    std::vector<NumericFormat> formats_;
};

/// When the sequence had so many tokens computed, all of its KV was converted; what follows is computed in that format, of
/// such activations. The first one, at 0, is what it began with.
struct FormatChange {
    uint32_t position = 0;
    NumericFormat format;
    bool operator==(const FormatChange&) const = default;
};

/// From the computation of its first token on, until its KV was thrown away (by a preemption) or to its end.
struct NumericStage {
    uint32_t tokens = 0;  ///< prompt and output that it had when the KV was thrown away; 0: it was not
    std::vector<FormatChange> formats;
    bool operator==(const NumericStage&) const = default;
};
using NumericHistory = std::vector<NumericStage>;

/// "" or what is wrong with it: every stage begins at 0, positions do not fall, stages grow, all but the last end, and all of it
/// can be computed again.
std::string reason_history_is_wrong(const NumericHistory& history);

/// Of one sequence while it lives.
class SequenceNumerics {
  public:
    /// The first `tokens` come from the cache, computed in those epochs.
    void inherit(std::vector<EpochSpan> spans) { spans_ = std::move(spans); }
    void computed(uint32_t first_position, uint32_t epoch);
    /// Its KV is gone: `computed` tokens of the `known` ones had theirs.
    void drop(uint32_t known, uint32_t computed, const KvEpochs& epochs);

    std::span<const EpochSpan> spans() const { return spans_; }
    /// A stage that gave no token, or in which KV came out as in the one after it, is left out.
    NumericHistory history(uint32_t prompt_tokens, const KvEpochs& epochs) const;

  private:
    struct Dropped {
        NumericStage stage;
        uint32_t computed = 0;
    };
    std::vector<EpochSpan> spans_;
    std::vector<Dropped> dropped_;
};

/// Spans of positions from `begin` to below `end`, the first of them at `begin`.
std::vector<EpochSpan> spans_between(std::span<const EpochSpan> spans, uint32_t begin, uint32_t end);

}  // namespace pitwall::engine
