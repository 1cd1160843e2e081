// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drafters over a simulated device, in the virtual time of an engine's rig. Each step of the device checks the KV that it reads.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <utility>

#include "engine/exec/sim/sim_executor.h"
#include "engine/spec/model_drafter.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {

struct DraftDevice {
    uint32_t agreement_percent = 100, blocks = 4096, vocab = 997, context = 4096;
    ModelConfig config = tiny_config(997);
    std::string profile = "test";

    std::unique_ptr<Executor> make(Clock& clock) const {
        SimOptions sim;
        sim.clock = &clock;
        sim.capacity_blocks = blocks;
        sim.verify_kv = true;
        sim.agreement_percent = agreement_percent;
        ModelConfig shape = config;
        shape.vocab_size = vocab;
        auto executor = make_sim_executor(shape, profile, sim);
        EXPECT_TRUE(executor.ok());
        return std::move(executor).value();
    }
};

inline ModelDrafter::Loading loaded(std::unique_ptr<Executor> executor) {
    std::promise<Result<std::unique_ptr<Executor>>> done;
    done.set_value(std::move(executor));
    return done.get_future();
}

/// What the rig's knob speculative_method makes: RigOptions::timed_drafters.
inline std::function<DrafterFactory(Clock&)> drafters_of(const DraftDevice& device) {
    return [device](Clock& clock) -> DrafterFactory {
        return [device, &clock](DraftMethod method) -> Result<std::unique_ptr<Drafter>> {
            if (method != DraftMethod::kDraft) return make_drafter(method);
            return std::unique_ptr<Drafter>(
                std::make_unique<ModelDrafter>(loaded(device.make(clock)), device.context, clock));
        };
    };
}

inline telemetry::Answer turn_to(Rig& rig, DraftMethod method) {
    return rig.engine->set_knob(KnobId::kSpeculativeMethod, static_cast<double>(method), KnobOrigin::kUser);
}

}  // namespace pitwall::engine::test
