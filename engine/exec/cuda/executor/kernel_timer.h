// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/cuda/runtime/runtime.h"
#include "engine/exec/executor.h"

namespace pitwall::cuda {

/// Times a step's kernels by their kind: an event in the stream wherever the kind changes. A device does one thing after another
/// in a stream, so the time between two of them is that of the kernels between them, their start-up included.
class KernelTimer {
  public:
    void begin() { used_ = 0; }
    /// What the stream is given from now on is of that kind.
    void next(engine::KernelKind kind, Stream& stream) { mark(static_cast<Kind>(kind), stream); }
    void sampling(Stream& stream) { mark(kSampling, stream); }
    void end(Stream& stream) { mark(kNothing, stream); }
    /// Adds what was timed since begin(), and gives what sampling took; the stream has passed the end. Nothing where the device ran
    /// out of events.
    int64_t add_to(abi::Work* works) const;  ///< [kinds]

  private:
    using Kind = uint8_t;  ///< an engine::KernelKind, or one of
    static constexpr Kind kSampling = static_cast<Kind>(engine::KernelKind::kCount), kNothing = kSampling + 1;
    struct Mark {
        Event event;
        Kind kind = kNothing;
    };
    void mark(Kind kind, Stream& stream);

    std::vector<Mark> marks_;
    size_t used_ = 0;
    bool short_ = false;  ///< of events: times would have holes
};

}  // namespace pitwall::cuda
