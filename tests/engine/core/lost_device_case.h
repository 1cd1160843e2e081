// SPDX-License-Identifier: GPL-3.0-or-later
//
// An engine whose device is lost: what becomes of whom, beside the answers of a run where nothing happened.
#pragma once

#include <gmock/gmock.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/engine/core/fragile_device.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {

class LostDevice : public testing::Test {
  protected:
    using Call = FragileDevice::Call;
    static constexpr int64_t kRestartNs = 7'000'000;

    RigOptions fragile(RigOptions options) {
        options.around = [this](std::unique_ptr<Executor> inner) { return device_.put_on(std::move(inner)); };
        options.recovery = [this, options](Rig& rig, const Error& why) {
            EXPECT_EQ(why.what, FragileDevice::why().what);
            EXPECT_EQ(device_.executors(), 0u) << "something is still on the lost device";
            rig.clock.advance(kRestartNs);
            ++recoveries_;
            return rig.simulated(options, KvDtype::kF16);  // which puts it on the device anew
        };
        return options;
    }
    /// Those in flight have failed with the reason, after tokens of the right answer; all others never noticed.
    void expect_answers(const Rig& rig, const std::vector<GenerationRequest>& requests) {
        Rig calm(RigOptions{});
        for (const GenerationRequest& request : requests) calm.submit(request);
        calm.finish();
        for (size_t i = 0; i < requests.size(); ++i) {
            const Answered& answer = *rig.answers[i];
            std::vector<TokenId> want = calm.answers[i]->ids;
            if (device_.took_along().contains(rig.ids[i])) {
                EXPECT_EQ(answer.reason, FinishReason::kFailed) << "request " << i + 1;
                EXPECT_THAT(answer.error, testing::HasSubstr("fell off the bus"));
                ASSERT_LE(answer.ids.size(), want.size());
                want.resize(answer.ids.size());
            } else {
                EXPECT_EQ(answer.reason, FinishReason::kLength)
                    << "request " << i + 1 << ": " << answer.error;
            }
            EXPECT_EQ(answer.ids, want) << "request " << i + 1;
            EXPECT_EQ(answer.ends, 1);
        }
    }
    /// How long each was held by restarts.
    std::map<RequestId, int64_t> restart_ns(Rig& rig) {
        std::map<RequestId, int64_t> held;
        for (const Event& e : rig.of(EventKind::kCause))
            if (e.cause.cause == Cause::kRestart) held[e.cause.request] += e.cause.duration_ns;
        return held;
    }
    std::vector<int64_t> losses(Rig& rig) {
        std::vector<int64_t> values;
        for (const Event& e : rig.of(EventKind::kMark))
            if (e.mark.mark == MarkKind::kDeviceLost) values.push_back(e.mark.value);
        return values;
    }

    FragileDevice device_;
    uint32_t recoveries_ = 0;
};

}  // namespace pitwall::engine::test
