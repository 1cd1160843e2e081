// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one knob table. Command line, knob panel, preset files, recordings, exporters and the manual are made
// from it; nothing lists knobs again.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::presets {

/// The order is the number that events carry. Recordings name each knob in their dictionary, so it may grow.
enum class KnobId : uint16_t {
    // scheduling
    kMaxNumSeqs,
    kMaxNumBatchedTokens,
    kEnableChunkedPrefill,
    kLongPrefillTokenThreshold,
    kSchedulingPolicy,
    kBatching,
    // cache
    kEnablePrefixCaching,
    kNumKvBlocks,
    kKvCacheMemoryBytes,
    kKvCacheDtype,
    // numerics
    kActivationDtype,
    kWeightDtype,
    kBatchInvariant,
    // limits
    kDefaultMaxTokens,
    kMaxPromptTokens,
    kMaxQueueLength,
    kRequestTimeoutMs,
    // workload
    kWorkload,
    kWorkloadRunning,
    kArrivalProcess,
    kRequestRate,
    kGammaShape,
    kConcurrency,
    kWorkloadMaxPromptTokens,
    kWorkloadMaxTokens,
    // recording and view
    kRecordText,
    kRecordOverflow,
    kKeyframeIntervalSteps,
    kTtftSloMs,
    kTpotSloMs,
    kScratchRecording,
    kKvQualityProbe,
    // speculation
    kSpeculativeMethod,
    kNumSpeculativeTokens,
    kSpeculativeAdaptive,
    kCount
};
inline constexpr size_t kKnobCount = static_cast<size_t>(KnobId::kCount);

enum class KnobType : uint8_t { kInteger, kReal, kBoolean, kChoice };
/// What turning it may change. Random storms in tests take their knobs from here.
enum class KnobEffect : uint8_t { kSchedule, kNumerics, kLimits, kWorkload, kView };

/// How another engine spells the same knob. Empty `flag` and `off` mean that it has no equivalent; for a boolean an
/// empty `flag` beside an `off` (or the other way round) means that it is so already without a flag.
struct Spelling {
    /// "--max-num-seqs", a YAML path "kv_cache_config.enable_block_reuse", or two flags with a space.
    std::string_view flag = {};
    std::string_view off = {};   ///< for booleans: the flag that turns it off, where that is another
    std::string_view note = {};  ///< said with the export, e.g. why it only nearly fits
    double scale = 1;            ///< their value = ours * scale
    /// For choices: their words in our order, comma separated, "-" where they have none, nothing where it is so without
    /// a flag; "a/b": one for each flag.
    std::string_view choices = {};
    /// What is said of each choice, in the same order; the last also holds for those behind it.
    std::vector<std::string_view> choice_notes = {};
    bool has_off = false;  ///< they read 0 as "off" too; otherwise a value of "off" is left out
};

struct KnobSpec {
    KnobId id;
    std::string_view name;
    std::string_view
        group;  ///< "scheduling", "cache", "numerics", "limits", "workload", "view", "speculation"
    KnobType type;
    std::string_view unit = {};  ///< "tokens", "ms", "" for none
    double minimum = 0, maximum = 0, default_value = 0, step = 1;
    bool logarithmic = false;  ///< how a slider should run
    /// The value that reads "off" (0 for thresholds), NaN where there is none.
    double off_value = std::numeric_limits<double>::quiet_NaN();
    std::vector<std::string_view> choices = {};  ///< of kChoice; value = index
    bool live = true;
    std::string_view reload_reason = {};  ///< why not live
    KnobEffect effect = KnobEffect::kSchedule;
    /// What was computed under each of its values can be computed again, request by request. Where not, tests that compare
    /// answers leave the knob at its default.
    bool repeatable = true;
    std::string_view help = {};  ///< one or two sentences
    Spelling vllm = {}, sglang = {}, tensorrt_llm = {}, llama_server = {};
};

std::span<const KnobSpec> knob_table();  ///< indexed by KnobId
const KnobSpec& spec(KnobId id);
/// What is to be said of a value that the other engine takes so, "" for nothing.
std::string_view note_of(const Spelling& spelling, double value);
bool has_off(const KnobSpec& spec);                         ///< the knob has a value that reads "off"
const KnobSpec* find_knob(std::string_view name);           ///< null where there is none
std::string_view nearest_knob_name(std::string_view name);  ///< for "did you mean"

/// Text to value, checked against type and range; memory also as "512MiB" (see byte_size.h). An Error names knob, range and nearest spelling.
Result<double> parse_value(const KnobSpec& spec, std::string_view text);
/// Value as parse_value takes it: "256", "0.5", "true", "fcfs".
std::string format_value(const KnobSpec& spec, double value);
/// Value with unit, for people: "256 tokens", "off", "1.50 req/s".
std::string display_value(const KnobSpec& spec, double value);

/// A value for every knob, and which of them somebody set.
class KnobValues {
  public:
    KnobValues();  ///< the defaults
    double get(KnobId id) const { return values_[static_cast<size_t>(id)]; }
    int64_t integer(KnobId id) const { return static_cast<int64_t>(get(id)); }
    bool boolean(KnobId id) const { return get(id) != 0; }
    bool given(KnobId id) const { return given_[static_cast<size_t>(id)]; }
    void set(KnobId id, double value) {
        values_[static_cast<size_t>(id)] = value, given_[static_cast<size_t>(id)] = true;
    }
    /// "NAME=VALUE"; the Error names the knob, or the nearest right name.
    Status set_from_text(std::string_view assignment);
    bool operator==(const KnobValues&) const = default;

  private:
    std::array<double, kKnobCount> values_{};
    std::array<bool, kKnobCount> given_{};
};

// Choice values, in the order of the table's `choices`.
enum class SchedulingPolicy : uint8_t { kFcfs, kPriority, kShortestPrompt, kLongestPrefix };
enum class Batching : uint8_t { kContinuous, kStatic };
enum class ArrivalProcess : uint8_t { kPoisson, kGamma, kConstant, kClosed };
/// As what a token's activations meet weights: float32; quantized ones as 16-bit integers with one scale a token, or 8-bit
/// integers with one for every 16 values; float ones as bfloat16. Those that a value is not for meet float32. Binary16, with
/// one power of two a token, is what the CUDA device has for all weights but bfloat16 ones.
enum class ActivationDtype : uint8_t { kF32, kI16, kI8, kBf16, kF16 };
/// As what the layers' matrices are held: as the file has them; or those that are floats there as 8-bit floats with one scale a row.
enum class WeightDtype : uint8_t { kFile, kFp8 };
enum class RecordOverflow : uint8_t { kWait, kGap };
enum class SpeculativeMethod : uint8_t { kNone, kNgram, kSuffix, kDraft };

}  // namespace pitwall::presets
