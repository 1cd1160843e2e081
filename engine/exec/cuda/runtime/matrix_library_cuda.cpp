// SPDX-License-Identifier: GPL-3.0-or-later
//
// matrix_library.h over cuBLASLt, of which only the header is needed to build: half a gigabyte is not carried along, it is there
// where the CUDA toolkit or PyTorch is. cuBLAS manual, "Using the cuBLASLt API".
#include <cublasLt.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <tuple>
#include <type_traits>
#include <vector>

#include "engine/exec/cuda/runtime/matrix_library.h"
#include "telemetry/base/environment.h"

namespace pitwall::cuda {
namespace {

/// What is called of it.
struct Functions {
    decltype(&cublasLtCreate) create;
    decltype(&cublasLtDestroy) destroy;
    decltype(&cublasLtGetVersion) version;
    decltype(&cublasLtGetStatusString) status_text;
    decltype(&cublasLtMatmulDescCreate) create_product;
    decltype(&cublasLtMatmulDescSetAttribute) set_product;
    decltype(&cublasLtMatmulDescDestroy) destroy_product;
    decltype(&cublasLtMatrixLayoutCreate) create_layout;
    decltype(&cublasLtMatrixLayoutDestroy) destroy_layout;
    decltype(&cublasLtMatmulPreferenceCreate) create_preference;
    decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference;
    decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference;
    decltype(&cublasLtMatmulAlgoGetHeuristic) choose;
    decltype(&cublasLtMatmul) multiply;
};

/// The first of them that the file lacks; null: it has them all.
const char* find_all(void* file, Functions& f) {
    const char* missing = nullptr;
    const auto find = [&](const char* name, auto& function) {
        function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(file, name));
        if (!function && !missing) missing = name;
    };
    find("cublasLtCreate", f.create);
    find("cublasLtDestroy", f.destroy);
    find("cublasLtGetVersion", f.version);
    find("cublasLtGetStatusString", f.status_text);
    find("cublasLtMatmulDescCreate", f.create_product);
    find("cublasLtMatmulDescSetAttribute", f.set_product);
    find("cublasLtMatmulDescDestroy", f.destroy_product);
    find("cublasLtMatrixLayoutCreate", f.create_layout);
    find("cublasLtMatrixLayoutDestroy", f.destroy_layout);
    find("cublasLtMatmulPreferenceCreate", f.create_preference);
    find("cublasLtMatmulPreferenceSetAttribute", f.set_preference);
    find("cublasLtMatmulPreferenceDestroy", f.destroy_preference);
    find("cublasLtMatmulAlgoGetHeuristic", f.choose);
    find("cublasLtMatmul", f.multiply);
    return missing;
}

/// All that the library's choice depends on.
using Shape = std::tuple<bool, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>;
Shape shape_of(const LibraryProduct& p) {
    return {p.bfloats, p.rows, p.tokens, p.columns, p.ld_weights, p.ld_x, p.ld_out};
}

/// A product as the library is told of it. It counts matrices by columns: out^T [rows, tokens] = weights x^T, of which
/// `weights` lies transposed.
struct Plan {
    cublasLtMatmulDesc_t product{};
    cublasLtMatrixLayout_t weights{}, x{}, out{};
    cublasLtMatmulAlgo_t algorithm{};
};

struct Library {
    Functions call{};
    cublasLtHandle_t handle{};
    std::map<Shape, Plan> plans;

    Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() {
        forget_plans();
        if (handle) (void)call.destroy(handle);
    }

    void forget_plans() {
        for (const auto& [shape, plan] : plans) release(plan);
        plans.clear();
    }

    void release(const Plan& plan) const {
        if (plan.product) (void)call.destroy_product(plan.product);
        for (cublasLtMatrixLayout_t layout : {plan.weights, plan.x, plan.out})
            if (layout) (void)call.destroy_layout(layout);
    }
    Error failure(const char* doing, const LibraryProduct& p, cublasStatus_t status) const {
        return {fmt::format("{} a product of {} x {} with {} tokens: cuBLASLt says: {}", doing, p.rows,
                            p.columns, p.tokens, call.status_text(status)),
                "set batch_invariant=true, which goes without it"};
    }
    cublasStatus_t describe(const LibraryProduct& p, Plan& plan) const;
    cublasStatus_t choose_algorithm(Plan& plan) const;
    Result<const Plan*> plan_for(const LibraryProduct& p);
};

Library& library_of(const MatrixLibrary& library) { return *static_cast<Library*>(library.handle); }

/// Does one after the other until one fails.
template <class... Steps>
cublasStatus_t in_turn(const Steps&... steps) {
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    (void)(((status = steps()) == CUBLAS_STATUS_SUCCESS) && ...);
    return status;
}

cublasStatus_t Library::describe(const LibraryProduct& p, Plan& plan) const {
    const cudaDataType type = p.bfloats ? CUDA_R_16BF : CUDA_R_16F;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    return in_turn([&] { return call.create_product(&plan.product, CUBLAS_COMPUTE_32F, CUDA_R_32F); },
                   [&] {
                       return call.set_product(plan.product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                               sizeof transposed);
                   },
                   [&] { return call.create_layout(&plan.weights, type, p.columns, p.rows, p.ld_weights); },
                   [&] { return call.create_layout(&plan.x, type, p.columns, p.tokens, p.ld_x); },
                   [&] { return call.create_layout(&plan.out, CUDA_R_32F, p.rows, p.tokens, p.ld_out); });
}

cublasStatus_t Library::choose_algorithm(Plan& plan) const {
    cublasLtMatmulPreference_t preference{};
    constexpr int kMost = 8;
    std::array<cublasLtMatmulHeuristicResult_t, kMost> found{};
    int count = 0;
    const uint64_t workspace_bytes = MatrixLibrary::kWorkspaceBytes;
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
        return call.set_preference(preference, attribute, &value, sizeof value);
    };
    constexpr uint32_t kAlignment = 16;
    const cublasStatus_t status =
        in_turn([&] { return call.create_preference(&preference); },
                [&] { return set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes); },
                [&] { return set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, kAlignment); },
                [&] { return set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, kAlignment); },
                [&] { return set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, kAlignment); },
                [&] { return set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, kAlignment); },
                [&] {
                    return call.choose(handle, plan.product, plan.weights, plan.x, plan.out, plan.out,
                                       preference, kMost, found.data(), &count);
                });
    if (preference) (void)call.destroy_preference(preference);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    const auto end = found.begin() + count;
    const auto first = std::find_if(found.begin(), end, [](const cublasLtMatmulHeuristicResult_t& result) {
        return result.state == CUBLAS_STATUS_SUCCESS &&
               result.workspaceSize <= MatrixLibrary::kWorkspaceBytes;
    });
    if (first == end) return CUBLAS_STATUS_NOT_SUPPORTED;
    plan.algorithm = first->algo;
    return status;
}

Result<const Plan*> Library::plan_for(const LibraryProduct& p) {
    const Shape shape = shape_of(p);
    if (const auto known = plans.find(shape); known != plans.end()) return &known->second;
    Plan plan;
    const char* doing = "describing";
    cublasStatus_t status = describe(p, plan);
    if (status == CUBLAS_STATUS_SUCCESS) {
        doing = "choosing a kernel for";
        status = choose_algorithm(plan);
    }
    if (status != CUBLAS_STATUS_SUCCESS) {
        release(plan);
        return failure(doing, p, status);
    }
    if (plans.size() >= MatrixLibrary::kMostPlans) forget_plans();
    return &(plans[shape] = plan);
}

std::vector<std::string> places() {
    if (const std::string wanted = environment_text("PITWALL_CUBLASLT"); !wanted.empty()) return {wanted};
    return {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"};
}

/// 10000 major + 100 minor + patch; most before 12 have 1000 major. Those before 11 take other arguments, those before 11.4 have no
/// texts, and of version 11 nothing was tried.
constexpr size_t kOldestVersion = 120000;

/// Never closed, as a driver's threads may outlive whoever used it.
Status open_at(const char* place, Library& library) {
    void* const file = ::dlopen(place, RTLD_NOW | RTLD_LOCAL);
    if (!file) return Error{::dlerror(), ""};
    if (const char* const missing = find_all(file, library.call))
        return Error{fmt::format("{} is no cuBLASLt of version 12 or later: it lacks {}", place, missing),
                     ""};
    if (const size_t version = library.call.version(); version < kOldestVersion)
        return Error{fmt::format("{} is older than cuBLASLt 12: its version is {}", place, version), ""};
    if (const cublasStatus_t status = library.call.create(&library.handle); status != CUBLAS_STATUS_SUCCESS)
        return Error{fmt::format("{} cannot be used on this machine: cuBLASLt says: {}", place,
                                 library.call.status_text(status)),
                     ""};
    return {};
}

}  // namespace

void release_matrix_library(void* library) { delete static_cast<Library*>(library); }

Result<MatrixLibrary> MatrixLibrary::open() {
    std::string reasons;
    for (const std::string& place : places()) {
        if (place == "off") return matrix_library_is_off();
        auto library = std::make_unique<Library>();
        const Status status = open_at(place.c_str(), *library);
        if (status.ok()) {
            MatrixLibrary opened;
            opened.handle = library.release();
            return opened;
        }
        reasons += (reasons.empty() ? "" : "; ") + status.error().what;
    }
    return Error{reasons, "install cuBLAS 12 or later, or name its file in PITWALL_CUBLASLT"};
}

std::string MatrixLibrary::name() const {
    const size_t version = library_of(*this).call.version();
    return fmt::format("cuBLASLt {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

Status MatrixLibrary::multiply(Stream& stream, const LibraryProduct& p) {
    Library& library = library_of(*this);
    const auto plan = library.plan_for(p);
    if (!plan.ok()) return plan.error();
    const Plan& how = *plan.value();
    const float one = 1, before = p.add ? 1 : 0;
    const cublasStatus_t status = library.call.multiply(
        library.handle, how.product, &one, p.weights, how.weights, p.x, how.x, &before, p.out, how.out, p.out,
        how.out, &how.algorithm, p.workspace, kWorkspaceBytes, static_cast<cudaStream_t>(stream.handle));
    if (status != CUBLAS_STATUS_SUCCESS) return library.failure("carrying out", p, status);
    return {};
}

}  // namespace pitwall::cuda
