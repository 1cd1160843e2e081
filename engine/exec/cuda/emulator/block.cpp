// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/emulator/block.h"

#include <fmt/format.h>

#include <boost/context/fiber.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/cuda/emulator/fiber_stacks.h"
#include "engine/exec/cuda/emulator/memcheck.h"
#include "engine/exec/cuda/emulator/sanitizer.h"

namespace pitwall::cuda::emulator {
namespace {

constexpr uint32_t kLanes = 32;
constexpr size_t kCopyBytes = 16;
constexpr int kPoison = 0xff;  ///< NaN as float32, binary16, bfloat16 and E4M3

std::string shown(const Site& site) { return fmt::format("{}:{}", site.file, site.line); }

struct PendingCopy {
    void* to;
    const void* from;
    uint32_t group;
};

struct Fiber {
    boost::context::fiber context;
    Self self;
    bool ended = false;
    Site site;  ///< where it waits
    StackRange stack;
    void* kept = nullptr;  ///< AddressSanitizer's
    std::vector<PendingCopy> copies;
    uint32_t groups = 0;  ///< committed
};

struct Warp {
    const void* ins[kLanes];
    void* outs[kLanes];
    std::vector<uint32_t> waiting;  ///< threads
};

class Block {
  public:
    Block(const GridShape& shape, const std::function<void()>& kernel, uint64_t seed)
        : shape_(shape),
          kernel_(kernel),
          random_(seed),
          fibers_(shape.threads),
          warps_(shape.threads / kLanes) {}

    void run(const Index3& index);

    const GridShape& shape() const { return shape_; }
    const Index3& index() const { return index_; }
    Fiber& current() { return *current_; }
    void meet_block(Site site);
    void meet_warp(const void* in, void* out, WarpWork work, Site site);
    void* take_shared(uint32_t number, size_t bytes);
    [[noreturn]] void fail(const std::string& what) const;

  private:
    struct Shared {
        std::unique_ptr<std::byte[]> memory;
        size_t bytes;
    };

    void start(uint32_t thread);
    void resume(Fiber& fiber);
    void wait(Site site);
    void end(Fiber& fiber);
    void release(std::vector<uint32_t>& waiting);
    void report_hang() const;

    GridShape shape_;
    const std::function<void()>& kernel_;
    std::minstd_rand random_;
    std::vector<Fiber> fibers_;
    std::vector<Warp> warps_;
    std::vector<uint32_t> ready_, at_barrier_;
    std::vector<Shared> shared_;
    size_t shared_used_ = 0;
    uint32_t alive_ = 0;
    Index3 index_;
    Fiber* current_ = nullptr;
    boost::context::fiber scheduler_;
    StackRange scheduler_stack_ = own_stack();
    void* scheduler_kept_ = nullptr;
};

thread_local Block* block = nullptr;

void Block::fail(const std::string& what) const {
    std::fprintf(stderr, "pitwall: emulated kernel %s, block (%u, %u, %u), thread %u: %s\n", shape_.kernel,
                 index_.x, index_.y, index_.z, current_ ? current_->self.thread : 0, what.c_str());
    std::fflush(stderr);
    std::abort();
}

void Block::start(uint32_t thread) {
    Fiber& fiber = fibers_[thread];
    thread_local FiberStacks stacks;  // pages once touched serve all grids
    std::byte* const bottom = stacks.bottom(thread);
    fiber.self.thread = thread;
    fiber.ended = false;
    fiber.groups = 0;
    fiber.stack = stacks.range(thread);
    forget_stack(fiber.stack);
    fiber.context = boost::context::fiber(std::allocator_arg, FiberStacks::Slot{bottom},
                                          [this, &fiber](boost::context::fiber&& scheduler) {
                                              enter_stack(nullptr, &scheduler_stack_);
                                              scheduler_ = std::move(scheduler);
                                              kernel_();
                                              end(fiber);
                                              leave_stack(nullptr, scheduler_stack_);
                                              return std::move(scheduler_);
                                          });
}

void Block::run(const Index3& index) {
    index_ = index;
    shared_.clear();
    shared_used_ = 0;
    alive_ = shape_.threads;
    for (uint32_t thread = 0; thread < shape_.threads; ++thread) {
        start(thread);
        ready_.push_back(thread);
    }
    while (!ready_.empty()) {
        const size_t at = random_() % ready_.size();
        const uint32_t thread = std::exchange(ready_[at], ready_.back());
        ready_.pop_back();
        resume(fibers_[thread]);
    }
    if (alive_ > 0) report_hang();
}

void Block::resume(Fiber& fiber) {
    current_ = &fiber;
    leave_stack(&scheduler_kept_, fiber.stack);
    fiber.context = std::move(fiber.context).resume();
    enter_stack(scheduler_kept_, nullptr);
    current_ = nullptr;
}

void Block::wait(Site site) {
    Fiber& fiber = *current_;
    fiber.site = site;
    leave_stack(&fiber.kept, scheduler_stack_);
    scheduler_ = std::move(scheduler_).resume();
    enter_stack(fiber.kept, &scheduler_stack_);
}

/// A thread that has ended is not waited for at a barrier, as on a GPU.
void Block::end(Fiber& fiber) {
    fiber.ended = true;
    if (!fiber.copies.empty()) fail("ends with copies that it has not waited for");
    --alive_;
    if (!at_barrier_.empty() && at_barrier_.size() == alive_) release(at_barrier_);
}

void Block::release(std::vector<uint32_t>& waiting) {
    ready_.insert(ready_.end(), waiting.begin(), waiting.end());
    waiting.clear();
}

void Block::report_hang() const {
    std::string who;
    for (const Fiber& fiber : fibers_) {
        if (fiber.ended) continue;
        who = fmt::format("{} threads wait for others that do not come, thread {} at {}", alive_,
                          fiber.self.thread, shown(fiber.site));
        break;
    }
    fail(who);
}

void Block::meet_block(Site site) {
    for (const uint32_t other : at_barrier_) {
        if (!(fibers_[other].site == site))
            fail(fmt::format("stands at the barrier of {}, thread {} at that of {}", shown(site), other,
                             shown(fibers_[other].site)));
        break;
    }
    if (at_barrier_.size() + 1 == alive_) return release(at_barrier_);
    at_barrier_.push_back(current_->self.thread);
    wait(site);
}

void Block::meet_warp(const void* in, void* out, WarpWork work, Site site) {
    const uint32_t thread = current_->self.thread;
    Warp& warp = warps_[thread / kLanes];
    if (!warp.waiting.empty() && !(fibers_[warp.waiting[0]].site == site))
        fail(fmt::format("asks its warp at {}, thread {} at {}", shown(site), warp.waiting[0],
                         shown(fibers_[warp.waiting[0]].site)));
    warp.ins[thread % kLanes] = in;
    warp.outs[thread % kLanes] = out;
    if (warp.waiting.size() + 1 < kLanes) {
        warp.waiting.push_back(thread);
        return wait(site);
    }
    if (work) work(warp.ins, warp.outs);
    release(warp.waiting);
}

void* Block::take_shared(uint32_t number, size_t bytes) {
    if (number == shared_.size()) {
        shared_.push_back({std::make_unique_for_overwrite<std::byte[]>(bytes), bytes});
        std::memset(shared_.back().memory.get(), kPoison, bytes);
        mark_unwritten(shared_.back().memory.get(), bytes);
        shared_used_ += (bytes + kCopyBytes - 1) / kCopyBytes * kCopyBytes;
        if (shared_used_ > shape_.shared_bytes)
            fail(fmt::format("takes {} bytes of shared memory, the launch gave {}", shared_used_,
                             shape_.shared_bytes));
    }
    if (number > shared_.size() || shared_[number].bytes != bytes)
        fail(fmt::format("takes {} bytes as array {} of shared memory, others do not", bytes, number));
    return shared_[number].memory.get();
}

}  // namespace

void run_grid(const GridShape& shape, const std::function<void()>& kernel, uint64_t seed) {
    Block runner(shape, kernel, seed);
    Block* const outer = std::exchange(block, &runner);
    if (shape.threads == 0 || shape.threads % kLanes != 0 || shape.threads > FiberStacks::kMost)
        runner.fail(fmt::format("{} threads in a block", shape.threads));
    for (uint32_t z = 0; z < shape.grid.z; ++z)
        for (uint32_t y = 0; y < shape.grid.y; ++y)
            for (uint32_t x = 0; x < shape.grid.x; ++x) runner.run({x, y, z});
    block = outer;
}

const Self& self() { return block->current().self; }
const GridShape& shape() { return block->shape(); }
const Index3& block_index() { return block->index(); }
void meet_block(Site site) { block->meet_block(site); }
void meet_warp(const void* in, void* out, WarpWork work, Site site) { block->meet_warp(in, out, work, site); }
void* take_shared(uint32_t number, size_t bytes) { return block->take_shared(number, bytes); }

void copy_async(void* shared, const void* global) {
    check_aligned(shared, kCopyBytes);
    if (global) check_aligned(global, kCopyBytes);
    Fiber& fiber = block->current();
    std::memset(shared, kPoison, kCopyBytes);
    mark_unwritten(shared, kCopyBytes);
    fiber.copies.push_back({shared, global, fiber.groups});
}

void commit_copies() { ++block->current().groups; }

void wait_copies(uint32_t pending) {
    Fiber& fiber = block->current();
    std::erase_if(fiber.copies, [&](const PendingCopy& copy) {
        if (copy.group + pending >= fiber.groups) return false;
        if (copy.from)
            std::memcpy(copy.to, copy.from, kCopyBytes);
        else
            std::memset(copy.to, 0, kCopyBytes);
        return true;
    });
}

void check_aligned(const void* address, size_t bytes) {
    if (reinterpret_cast<uintptr_t>(address) % bytes != 0)
        block->fail(fmt::format("an address that is not a multiple of {}", bytes));
}

}  // namespace pitwall::cuda::emulator
