// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands before another executor and hands everything on: a test changes what it is about.
#pragma once

#include <memory>
#include <utility>

#include "engine/exec/executor.h"

namespace pitwall::engine::test {

class ForwardingExecutor : public Executor {
  public:
    explicit ForwardingExecutor(std::unique_ptr<Executor> inner) : inner_(std::move(inner)) {}
    const DeviceInfo& device() const override { return inner_->device(); }
    Status status() const override { return inner_->status(); }
    uint32_t vocab_size() const override { return inner_->vocab_size(); }
    uint64_t bytes_per_block() const override { return inner_->bytes_per_block(); }
    telemetry::KvDtype kv_cache_dtype() const override { return inner_->kv_cache_dtype(); }
    presets::ActivationDtype activation_dtype() const override { return inner_->activation_dtype(); }
    Status set_activation_dtype(presets::ActivationDtype dtype) override {
        return inner_->set_activation_dtype(dtype);
    }
    presets::WeightDtype weight_dtype() const override { return inner_->weight_dtype(); }
    uint64_t weight_bytes() const override { return inner_->weight_bytes(); }
    uint64_t activation_bytes() const override { return inner_->activation_bytes(); }
    uint32_t capacity_blocks() const override { return inner_->capacity_blocks(); }
    KvCapacity kv_capacity(telemetry::KvDtype dtype) const override { return inner_->kv_capacity(dtype); }
    Status resize_pool(uint32_t blocks) override { return inner_->resize_pool(blocks); }
    Status convert_kv(telemetry::KvDtype dtype, uint32_t blocks, std::span<const BlockId> holding) override {
        return inner_->convert_kv(dtype, blocks, holding);
    }
    uint32_t side_tokens() const override { return inner_->side_tokens(); }
    Status score_beside(telemetry::KvDtype dtype, std::span<const TokenId> tokens, uint32_t first,
                        std::span<float* const> logits) override {
        return inner_->score_beside(dtype, tokens, first, logits);
    }
    uint32_t depth() const override { return inner_->depth(); }
    Ticket submit(const StepPlan& plan) override { return inner_->submit(plan); }
    StepResult collect(Ticket ticket) override { return inner_->collect(ticket); }

  private:
    std::unique_ptr<Executor> inner_;
};

}  // namespace pitwall::engine::test
