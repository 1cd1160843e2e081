// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rates of the CPU executor, one line of JSON a figure.
//   bench_cpu MODEL [--threads N] [--repeat N] [--only NAME,...] [--activation-dtype f32|i16|i8|bf16] [--batch N] [--depth N]
// Names: prefill, 512 tokens of one sequence; decode, one token at a time after 16 (or --depth) others; batch, 16 (or
// --batch) sequences side by side; shared, 16 (or --batch) requests of 20 tokens after 704 that all begin with, 64 tokens
// of answer each; read, what all threads together read from memory the size of the weights, the bound of decode; multiply,
// what the instruction that products use gives at most, the bound of prefill, and what the kernel around it gives with all of
// its data in the nearest caches, the bound of a step that consists of nothing else. What a figure is of its bound is said beside
// it, where the bound is measured in the same run: of the matrix kernels alone, and of the whole step.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "bench/kernel_rate.h"
#include "bench/multiply_rate.h"
#include "engine/exec/cpu/cpu_executor.h"
#include "engine/sched/sequence.h"

namespace {

using namespace pitwall;
using namespace pitwall::engine;

constexpr uint32_t kPrefillTokens = 512, kDecodeSteps = 32;
constexpr uint32_t kSharedBlocks = 44, kOwnTokens = 20, kAnswerTokens = 64;

struct Arguments {
    std::string model, only;  ///< names with commas; empty: all
    bool wants(std::string_view name) const {
        return only.empty() || ("," + only + ",").find("," + std::string(name) + ",") != std::string::npos;
    }
    uint32_t threads = 0, batch = 16, depth = 16;
    int repeat = 5;
    presets::ActivationDtype activations = presets::ActivationDtype::kI8;
};

/// Measured in the same run; 0: was not.
struct Bounds {
    double read_bytes_per_s = 0, products_per_s = 0;
};

struct Rate {
    double median, least, most;
};

KernelWork sum_of(const KernelWork& a, const KernelWork& b) {
    return {a.ns + b.ns, a.flops + b.flops, a.bytes + b.bytes};
}

/// By the timed steps of a figure.
struct Spent {
    double seconds = 0, flops = 0, bytes = 0;
    KernelWorks kernels{};

    void add(const StepResult& step, double took) {
        seconds += took;
        flops += step.flops;
        bytes += step.bytes;
        for (size_t kind = 0; kind < kernels.size(); ++kind)
            kernels[kind] = sum_of(kernels[kind], step.kernels[kind]);
    }
};

Rate summarize(std::vector<double> rates) {
    std::sort(rates.begin(), rates.end());
    return {rates[rates.size() / 2], rates.front(), rates.back()};
}

class Bench {
  public:
    Bench(Executor& executor, const Arguments& arguments)
        : executor_(executor), repeat_(arguments.repeat), depth_(arguments.depth) {
        const uint32_t blocks = blocks_each(arguments);
        for (uint32_t i = 0; i < arguments.batch; ++i) {
            std::vector<BlockId> table;
            for (uint32_t b = 0; b < blocks; ++b) table.push_back(BlockId{i * blocks + b});
            tables_.push_back(table);
        }
        for (uint32_t i = 0; i < blocks * kBlockTokens; ++i)
            tokens_.push_back(static_cast<TokenId>((i * 7919 + 11) % executor.vocab_size()));
    }
    static uint32_t blocks_each(const Arguments& arguments) {
        uint32_t tokens = std::max(kPrefillTokens, arguments.depth + kDecodeSteps);
        if (arguments.wants("shared"))
            tokens = std::max(tokens, kSharedBlocks * kBlockTokens + kOwnTokens + kAnswerTokens);
        return Sequence::blocks_for(tokens);
    }

    Bounds bounds;

    void prefill() {
        begin(1, kPrefillTokens);
        std::vector<double> rates;
        for (int i = 0; i < repeat_; ++i) rates.push_back(kPrefillTokens / step(1, 0, kPrefillTokens));
        print(fmt::format("prefill_{}", kPrefillTokens), rates);
    }

    /// Answers' tokens over all the time from when the requests come; what they begin with is in the cache.
    void shared(uint32_t sequences) {
        constexpr uint32_t kPrefix = kSharedBlocks * kBlockTokens;
        for (uint32_t i = 1; i < sequences; ++i)
            std::copy_n(tables_[0].begin(), kSharedBlocks, tables_[i].begin());
        begin(1, kPrefix);
        std::vector<double> rates;
        for (int i = 0; i < repeat_; ++i) {
            double seconds = step(sequences, kPrefix, kOwnTokens);
            for (uint32_t j = 0; j + 1 < kAnswerTokens; ++j)
                seconds += step(sequences, kPrefix + kOwnTokens + j, 1);
            rates.push_back(sequences * kAnswerTokens / seconds);
        }
        print(fmt::format("shared_{}", sequences), rates);
    }

    void decode(const std::string& name, uint32_t sequences) {
        begin(sequences, depth_);
        std::vector<double> rates;
        for (int i = 0; i < repeat_; ++i) {
            double seconds = 0;
            for (uint32_t j = 0; j < kDecodeSteps; ++j) seconds += step(sequences, depth_ + j, 1);
            rates.push_back(sequences * kDecodeSteps / seconds);
        }
        print(name, rates);
    }

  private:
    /// A step that no figure counts, before those that one does.
    void begin(uint32_t sequences, uint32_t count) {
        step(sequences, 0, count);
        spent_ = {};
    }

    /// One step of `count` tokens for each of the first `sequences`, in seconds.
    double step(uint32_t sequences, uint32_t position, uint32_t count) {
        StepPlan plan;
        for (uint32_t i = 0; i < sequences; ++i) {
            SequenceSlice slice;
            slice.tokens = std::span<const TokenId>(tokens_).subspan(position, count);
            slice.history = std::span<const TokenId>(tokens_).first(position + count);
            slice.first_position = position;
            slice.block_table = tables_[i];
            slice.samples = 1;
            plan.slices.push_back(slice);
        }
        const auto start = std::chrono::steady_clock::now();
        const StepResult result = executor_.collect(executor_.submit(plan));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        spent_.add(result, took.count());
        return took.count();
    }

    /// Tokens/s of each round; all else is of all rounds together.
    void print(const std::string& name, const std::vector<double>& rates) {
        const Rate rate = summarize(rates);
        std::string line = fmt::format(
            R"({{"name": "{}", "unit": "tokens/s", "median": {:.1f}, "min": {:.1f}, "max": {:.1f}, "gmac_per_s": {:.1f}, "gb_per_s": {:.2f})",
            name, rate.median, rate.least, rate.most, spent_.flops / 2e9 / spent_.seconds,
            spent_.bytes / 1e9 / spent_.seconds);
        static constexpr const char* kKinds[] = {"product", "attention", "head", "rowwise"};
        line += fractions();
        for (size_t kind = 0; kind < spent_.kernels.size(); ++kind)
            line += fmt::format(R"(, "{}_share": {:.3f})", kKinds[kind],
                                static_cast<double>(spent_.kernels[kind].ns) / 1e9 / spent_.seconds);
        line += fmt::format(R"(, "activation_dtype": "{}")",
                            presets::spec(presets::KnobId::kActivationDtype)
                                .choices[static_cast<size_t>(executor_.activation_dtype())]);
        const DeviceInfo& device = executor_.device();
        fmt::print(R"({}, "cpu": "{}", "kernel_tier": "{}", "threads": {}}})"
                   "\n",
                   line, device.name, device.kernel_tier, device.threads);
    }

    /// Of the bounds.
    std::string fractions() const {
        const KernelWork matrix = sum_of(spent_.kernels[static_cast<size_t>(KernelKind::kProduct)],
                                         spent_.kernels[static_cast<size_t>(KernelKind::kHead)]);
        const double seconds = static_cast<double>(matrix.ns) / 1e9;
        std::string out;
        const auto add = [&](const char* of, double kernels, double step, double bound) {
            if (bound > 0)
                out += fmt::format(R"(, "matrix_kernels_of_{}": {:.3f}, "step_of_{}": {:.3f})", of,
                                   kernels / seconds / bound, of, step / spent_.seconds / bound);
        };
        add("read_bandwidth", matrix.bytes, spent_.bytes, bounds.read_bytes_per_s);
        add("multiply_rate", matrix.flops / 2, spent_.flops / 2, bounds.products_per_s);
        return out;
    }

    Executor& executor_;
    int repeat_;
    uint32_t depth_;
    std::vector<std::vector<BlockId>> tables_;
    std::vector<TokenId> tokens_;
    Spent spent_;
};

bool read_dtype(std::string_view word, Arguments& arguments) {
    const auto& choices = presets::spec(presets::KnobId::kActivationDtype).choices;
    const auto at = std::find(choices.begin(), choices.end(), word);
    arguments.activations = static_cast<presets::ActivationDtype>(at - choices.begin());
    return at != choices.end();
}

bool parse(int argc, char** argv, Arguments& arguments) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--threads" && i + 1 < argc)
            arguments.threads = static_cast<uint32_t>(std::atoi(argv[++i]));
        else if (word == "--repeat" && i + 1 < argc)
            arguments.repeat = std::max(1, std::atoi(argv[++i]));
        else if (word == "--batch" && i + 1 < argc)
            arguments.batch = static_cast<uint32_t>(std::max(1, std::atoi(argv[++i])));
        else if (word == "--depth" && i + 1 < argc)
            arguments.depth = static_cast<uint32_t>(std::max(1, std::atoi(argv[++i])));
        else if (word == "--activation-dtype" && i + 1 < argc && !read_dtype(argv[++i], arguments))
            return false;
        else if (word == "--activation-dtype")
            continue;
        else if (word == "--only" && i + 1 < argc)
            arguments.only = argv[++i];
        else if (!word.starts_with("--"))
            arguments.model = word;
        else
            return false;
    }
    return true;
}

int fail(const Error& error) {
    fmt::print(stderr, "bench_cpu: {}\n", error.text());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) {
        fmt::print(stderr,
                   "usage: bench_cpu [MODEL] [--threads N] [--repeat N] "
                   "[--only prefill,decode,batch,shared,read,multiply] "
                   "[--activation-dtype f32|i16|i8|bf16] [--batch N] [--depth N]\n");
        return 2;
    }
    auto model = open_model(arguments.model, 1, true);
    if (!model.ok()) return fail(model.error());
    CpuOptions options;
    options.threads = arguments.threads;
    options.activation_dtype = arguments.activations;
    auto made = make_cpu_executor(*model.value(), options);
    if (!made.ok()) return fail(made.error());
    Executor& executor = *made.value();
    if (Status status = executor.resize_pool(arguments.batch * Bench::blocks_each(arguments)); !status.ok())
        return fail(status.error());
    Bench bench(executor, arguments);
    const DeviceInfo& device = executor.device();
    if (arguments.wants("read")) {
        bench.bounds.read_bytes_per_s = executor.measure_bandwidth().value_or(0);
        fmt::print(R"({{"name": "read_bandwidth", "unit": "GB/s", "median": {:.2f}, "threads": {}}})"
                   "\n",
                   bench.bounds.read_bytes_per_s / 1e9, device.threads);
    }
    if (arguments.wants("multiply")) {
        const double rate = bench::multiply_rate(device.kernel_tier, arguments.activations);
        bench.bounds.products_per_s = device.threads * rate;
        fmt::print(R"({{"name": "multiply_rate", "unit": "GMAC/s of one core", "median": {:.1f}}})"
                   "\n",
                   rate / 1e9);
        const double kernel = bench::kernel_rate(device.kernel_tier, arguments.activations, arguments.batch);
        if (kernel > 0)
            fmt::print(R"({{"name": "kernel_rate", "unit": "GMAC/s of one core", "median": {:.1f}}})"
                       "\n",
                       kernel / 1e9);
    }
    if (arguments.wants("prefill")) bench.prefill();
    if (arguments.wants("decode")) bench.decode("decode_1", 1);
    if (arguments.wants("batch")) bench.decode(fmt::format("decode_{}", arguments.batch), arguments.batch);
    if (arguments.wants("shared")) bench.shared(arguments.batch);
    return 0;
}
