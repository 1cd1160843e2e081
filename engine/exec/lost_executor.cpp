// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/lost_executor.h"

namespace pitwall::engine {
namespace {

class LostExecutor final : public Executor {
  public:
    LostExecutor(const Executor& lost, const Error& why)
        : info_(lost.device()),
          vocab_size_(lost.vocab_size()),
          bytes_per_block_(lost.bytes_per_block()),
          kv_dtype_(lost.kv_cache_dtype()),
          activations_(lost.activation_dtype()),
          batch_invariant_(lost.batch_invariant()),
          weight_dtype_(lost.weight_dtype()),
          why_(why) {}

    const DeviceInfo& device() const override { return info_; }
    uint32_t vocab_size() const override { return vocab_size_; }
    uint64_t bytes_per_block() const override { return bytes_per_block_; }
    telemetry::KvDtype kv_cache_dtype() const override { return kv_dtype_; }
    presets::ActivationDtype activation_dtype() const override { return activations_; }
    Status set_activation_dtype(presets::ActivationDtype /*dtype*/) override { return why_; }
    bool batch_invariant() const override { return batch_invariant_; }
    Status set_batch_invariant(bool /*invariant*/) override { return why_; }
    presets::WeightDtype weight_dtype() const override { return weight_dtype_; }
    uint64_t weight_bytes() const override { return 0; }
    uint32_t capacity_blocks() const override { return 0; }
    KvCapacity kv_capacity(telemetry::KvDtype /*dtype*/) const override { return {bytes_per_block_, 0}; }
    Status resize_pool(uint32_t /*num_blocks*/) override { return why_; }
    Status convert_kv(telemetry::KvDtype /*dtype*/, uint32_t /*num_blocks*/,
                      std::span<const BlockId> /*holding*/) override {
        return why_;
    }
    Ticket submit(const StepPlan& /*plan*/) override { return {}; }
    StepResult collect(Ticket /*ticket*/) override {
        StepResult result;
        result.status = why_;
        return result;
    }

  private:
    DeviceInfo info_;
    uint32_t vocab_size_;
    uint64_t bytes_per_block_;
    telemetry::KvDtype kv_dtype_;
    presets::ActivationDtype activations_;
    bool batch_invariant_;
    presets::WeightDtype weight_dtype_;
    Error why_;
};

}  // namespace

std::unique_ptr<Executor> make_lost_executor(const Executor& lost, const Error& why) {
    return std::make_unique<LostExecutor>(lost, why);
}

}  // namespace pitwall::engine
