// SPDX-License-Identifier: GPL-3.0-or-later
//
// Integers decide, tensors obey: the scheduler writes a StepPlan, an executor carries it out.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/sample/sampling_params.h"
#include "presets/knob.h"
#include "telemetry/base/ids.h"
#include "telemetry/base/result.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::KernelKind;
using telemetry::KernelWork;
using telemetry::KernelWorks;
using telemetry::WorkKind;

inline constexpr uint32_t kBlockTokens = 16;

/// The tokens of one sequence in one step: positions [first_position, first_position + tokens.size()). One slice a
/// sequence and step; where it holds tokens of several kinds, `work` is that of the last.
/// The spans point into the sequence and stay valid until the step is collected. With depth() 2 the last of `tokens` (and
/// of `history`) may be -1: the token that the plan before, still in flight, samples for this request.
struct SequenceSlice {
    RequestId request{};
    WorkKind work = WorkKind::kPrefill;
    std::span<const TokenId> tokens;
    uint32_t first_position = 0;
    std::span<const BlockId> block_table;  ///< covers all positions up to the last of this slice
    /// Pick the token that follows each of the last so many of `tokens`: 0 for none, 1 to go on, k + 1 where the last k
    /// are drafts that are to be verified.
    uint32_t samples = 0;
    SamplingParams sampling;
    /// The sampler may not pick these (end tokens under ignore_eos, min_tokens) for positions below `banned_before`.
    std::span<const TokenId> banned;
    uint32_t banned_before = std::numeric_limits<uint32_t>::max();
    /// All tokens up to and including `tokens`, for penalties. A token sampled sees as many of them as its position,
    /// which also keys the noise: the last one sees all.
    std::span<const TokenId> history;
    std::span<float> logits_out;  ///< where given: [tokens.size(), vocab] logits of every position (score)

    /// Index in `tokens` of the first that is followed by a sample.
    size_t first_sampled() const { return tokens.size() - samples; }
    /// Tokens that the sample after `tokens[index]` may see, given that tokens ends where history does.
    std::span<const TokenId> history_at(size_t index) const {
        return history.first(history.size() - (tokens.size() - 1 - index));
    }
    std::span<const TokenId> banned_at(size_t index) const {
        return first_position + index + 1 < banned_before ? banned : std::span<const TokenId>();
    }
};

/// Copy-on-write: before the step, copy the first `filled_tokens` slots of a block.
struct BlockCopy {
    BlockId source, target;
    uint32_t filled_tokens;
};

/// Of a plan that is no step of the engine's: a draft model's.
inline constexpr StepId kNoStep{std::numeric_limits<uint64_t>::max()};

/// A full and plain description of one step: copies first, then the slices. One with copies alone moves blocks before the
/// pool shrinks; it is submitted and collected with nothing else in flight.
struct StepPlan {
    StepId id{};  ///< the one that is recorded; one with copies alone has the id of the step after it
    std::vector<BlockCopy> copies;
    std::vector<SequenceSlice> slices;
};

struct StepResult {
    std::vector<TokenId>
        sampled;  ///< in order of slices, and of positions in each: as many as were asked for
    int64_t copy_ns = 0, execute_ns = 0, sample_ns = 0;
    /// Counted, not estimated: matrix and attention products; weights and KV touched.
    double flops = 0, bytes = 0;
    /// Of which these. No time where the device did not tell its kernels apart in this step.
    KernelWorks kernels{};
    Status status;  ///< an error fails the slices; whether the device goes on, the executor says
};

struct DeviceInfo {
    std::string name;         ///< "Intel Xeon ...", "Simulated H200"
    std::string kernel_tier;  ///< "plain", "avx2", "avx512-bf16", "amx", "simulated"
    uint32_t threads = 1;
    bool simulated = false;
    std::string pci_bus_id = {};  ///< of a GPU, as the driver writes it: "0000:3b:00.0"
};

/// What a KV format makes of the memory given.
struct KvCapacity {
    uint64_t bytes_per_block = 0;
    uint32_t blocks = 0;
};

enum class Ticket : uint64_t {};

/// Carries out plans. Owns weights and the bytes of the KV blocks; used by the engine thread alone.
class Executor {
  public:
    virtual ~Executor() = default;
    virtual const DeviceInfo& device() const = 0;
    /// An error: the device is gone for good, and why. Nothing works on it any more, and the contents of the blocks are lost. What
    /// failed while this is good may work the next time.
    virtual Status status() const { return {}; }
    virtual uint32_t vocab_size() const = 0;
    virtual uint64_t bytes_per_block() const = 0;
    virtual telemetry::KvDtype kv_cache_dtype() const = 0;
    /// As what activations meet weights: integers the quantized ones, bfloat16 the floats. May be set between steps; a device
    /// that has no such kernels refuses.
    virtual presets::ActivationDtype activation_dtype() const { return presets::ActivationDtype::kF32; }
    virtual Status set_activation_dtype(presets::ActivationDtype dtype) {
        if (dtype == activation_dtype()) return {};
        return Error{"this device has one format for activations", ""};
    }
    /// Whether what is computed for a token depends on its sequence alone. May be set between steps, with nothing in flight; a
    /// device that has no faster way refuses to give it up.
    virtual bool batch_invariant() const { return true; }
    virtual Status set_batch_invariant(bool invariant) {
        if (invariant) return {};
        return Error{"this device has no faster products: its sums never depend on the batch", ""};
    }
    /// As what the layers' matrices are held, since they were loaded.
    virtual presets::WeightDtype weight_dtype() const { return presets::WeightDtype::kFile; }
    virtual uint64_t weight_bytes() const = 0;  ///< resident, as laid out for this device
    /// Buffers for what a step computes on its way, logits among them; 0 where it is not known.
    virtual uint64_t activation_bytes() const { return 0; }
    /// Bytes a second that memory gives while as much is read as the weights are (512 MB at most), or, of a GPU's own, read and written; 0 where that
    /// cannot be measured; nothing: it has no memory. Takes some tenths of a second.
    virtual std::optional<double> measure_bandwidth() { return std::nullopt; }
    /// Most blocks the memory given allows; what num_kv_blocks may be raised to.
    virtual uint32_t capacity_blocks() const = 0;
    /// The same, would the cache be of that format.
    virtual KvCapacity kv_capacity(telemetry::KvDtype dtype) const = 0;
    /// Makes room for blocks [0, num_blocks); contents below min(old, new) are kept.
    virtual Status resize_pool(uint32_t num_blocks) = 0;
    /// Brings the cache into another format and the pool to that size, with nothing in flight. `holding`: the blocks,
    /// below the smaller of both sizes, whose contents are wanted; those of others are lost. Fails with nothing changed.
    virtual Status convert_kv(telemetry::KvDtype dtype, uint32_t num_blocks,
                              std::span<const BlockId> holding) = 0;
    virtual Ticket submit(const StepPlan& plan) = 0;
    virtual StepResult collect(Ticket ticket) = 0;
    /// Longest text that score_beside() takes; 0: this device has no such thing.
    virtual uint32_t side_tokens() const { return 0; }
    /// Computes tokens [first_position, first_position + tokens.size()) of a text of its own, beside the pool and with KV
    /// in that format. Pieces come in order, from position 0 on; one text for each format at a time. The logits after
    /// token i go to logits[i] [vocab] where that is not null.
    virtual Status score_beside(telemetry::KvDtype /*dtype*/, std::span<const TokenId> /*tokens*/,
                                uint32_t /*first_position*/, std::span<float* const> /*logits*/) {
        return Error{"this device computes nothing beside its pool", ""};
    }
    /// How many plans may be in flight: 1 finishes inside submit or collect, 2 lets planning overlap.
    virtual uint32_t depth() const { return 1; }
};

}  // namespace pitwall::engine
