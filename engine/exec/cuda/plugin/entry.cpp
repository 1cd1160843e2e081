// SPDX-License-Identifier: GPL-3.0-or-later
//
// The plug-in's side of abi.h: nothing is thrown across it.
#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

#include "engine/exec/cuda/executor/parallel_executor.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/cuda/plugin/build_id.h"
#include "engine/exec/cuda/runtime/collective.h"
#include "engine/exec/cuda/runtime/matrix_library.h"

namespace pitwall::cuda::abi {

struct Executor {
    std::unique_ptr<ParallelExecutor> devices;
};

namespace {

template <size_t kSize>
void copy_text(char (&to)[kSize], const std::string& from) {
    const size_t length = std::min(from.size(), kSize - 1);
    std::memcpy(to, from.data(), length);
    to[length] = 0;
}

void tell(const Error& error, Failure* failure) {
    copy_text(failure->what, error.what);
    copy_text(failure->hint, error.hint);
}

/// Runs `work`, which gives a Status; 0 if that is good.
template <class Work>
int32_t guarded(Failure* failure, const Work& work) {
    try {
        const Status status = work();
        if (status.ok()) return 0;
        tell(status.error(), failure);
    } catch (const std::exception& e) {
        tell({std::string("the CUDA executor failed: ") + e.what(), "use --device cpu, and report this"},
             failure);
    }
    return 1;
}

uint32_t list_devices_entry(DeviceInfo* devices, uint32_t most, Failure* failure) {
    uint32_t count = 0;
    (void)guarded(failure, [&]() -> Status {
        const DeviceList list = list_devices();
        if (list.devices.empty()) return list.why_none;
        for (; count < std::min<size_t>(most, list.devices.size()); ++count) {
            const DeviceProperties& p = list.devices[count];
            devices[count] = {{}, {}, p.compute_major, p.compute_minor, p.emulated, p.has_code};
            copy_text(devices[count].name, p.name);
            copy_text(devices[count].pci_bus_id, p.pci_bus_id);
        }
        return {};
    });
    return count;
}

int32_t create_entry(const Model* model, const Options* options, Executor** executor, Failure* failure) {
    return guarded(failure, [&]() -> Status {
        auto made = ParallelExecutor::create(*model, *options);
        if (!made.ok()) return made.error();
        *executor = new Executor{std::move(made).value()};
        return {};
    });
}

void destroy_entry(Executor* executor) { delete executor; }

int32_t status_entry(const Executor* executor, Failure* failure) {
    return guarded(failure, [&] { return executor->devices->status(); });
}

uint64_t block_bytes_entry(const Executor* executor, uint32_t kv_dtype) {
    return executor->devices->block_bytes(static_cast<engine::KvDtype>(kv_dtype));
}

int32_t resize_pool_entry(Executor* executor, uint32_t num_blocks, Failure* failure) {
    return guarded(failure, [&] { return executor->devices->resize_pool(num_blocks); });
}

int32_t convert_kv_entry(Executor* executor, uint32_t kv_dtype, uint32_t num_blocks, const uint32_t* holding,
                         uint32_t num_holding, Failure* failure) {
    return guarded(failure, [&] {
        return executor->devices->convert_kv(static_cast<engine::KvDtype>(kv_dtype), num_blocks,
                                             {holding, num_holding});
    });
}

int32_t set_batch_invariant_entry(Executor* executor, uint32_t invariant, Failure* failure) {
    return guarded(failure, [&] { return executor->devices->set_batch_invariant(invariant != 0); });
}

void describe_matrix_library_entry(Failure* words) {
    (void)guarded(words, [&]() -> Status {
        const auto library = MatrixLibrary::open();
        if (!library.ok()) return Error{"none: " + library.error().what, library.error().hint};
        copy_text(words->what, library.value().name());
        return {};
    });
}

void describe_collective_library_entry(Failure* words) {
    (void)guarded(words, [&]() -> Status {
        const auto name = Collective::library_name();
        if (!name.ok()) return Error{"none: " + name.error().what, name.error().hint};
        copy_text(words->what, name.value());
        return {};
    });
}

double measure_bandwidth_entry(Executor* executor) {
    double rate = 0;
    Failure failure{};
    (void)guarded(&failure, [&]() -> Status {
        auto measured = executor->devices->measure_bandwidth();
        if (!measured.ok()) return measured.error();
        rate = measured.value();
        return {};
    });
    return rate;
}

int32_t score_beside_entry(Executor* executor, uint32_t kv_dtype, const int32_t* tokens, uint32_t num_tokens,
                           uint32_t first_position, float* const* logits, Failure* failure) {
    return guarded(failure, [&] {
        return executor->devices->score_beside(static_cast<engine::KvDtype>(kv_dtype), {tokens, num_tokens},
                                               first_position, {logits, num_tokens});
    });
}

int32_t submit_entry(Executor* executor, const Plan* plan, Failure* failure) {
    return guarded(failure, [&] { return executor->devices->submit(*plan); });
}

int32_t collect_entry(Executor* executor, StepResult* result, Failure* failure) {
    return guarded(failure, [&]() -> Status {
        auto collected = executor->devices->collect();
        if (!collected.ok()) return collected.error();
        *result = collected.value();
        return {};
    });
}

constexpr Plugin kPlugin = {
    .version = kVersion,
    .build_id = kBuildId,
    .list_devices = list_devices_entry,
    .create = create_entry,
    .destroy = destroy_entry,
    .status = status_entry,
    .weight_bytes = [](const Executor* e) { return e->devices->weight_bytes(); },
    .activation_bytes = [](const Executor* e) { return e->devices->activation_bytes(); },
    .block_bytes = block_bytes_entry,
    .kv_memory_bytes = [](const Executor* e) { return e->devices->kv_memory_bytes(); },
    .resize_pool = resize_pool_entry,
    .convert_kv = convert_kv_entry,
    .set_batch_invariant = set_batch_invariant_entry,
    .describe_matrix_library = describe_matrix_library_entry,
    .describe_collective_library = describe_collective_library_entry,
    .measure_bandwidth = measure_bandwidth_entry,
    .score_beside = score_beside_entry,
    .submit = submit_entry,
    .collect = collect_entry,
};

}  // namespace
}  // namespace pitwall::cuda::abi

extern "C" __attribute__((visibility("default"))) const pitwall::cuda::abi::Plugin* pitwall_cuda_plugin() {
    return &pitwall::cuda::abi::kPlugin;
}
