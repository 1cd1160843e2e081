// SPDX-License-Identifier: GPL-3.0-or-later
//
// A cuBLASLt that multiplies on the host, as its manual ("Using the cuBLASLt API") and header say it does: of float32 sums of
// 16-bit matrices that lie by columns, which is what we ask of it. It refuses what they say is refused, and what is undefined, in
// words. That null is destroyed without complaint, that a layout is not looked at before it is used, what the statuses are called:
// so does the library of version 13.1, whose descriptors need no GPU.
#include "tests/engine/exec/cuda/fake_cublaslt.h"

#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "engine/model/half.h"

struct cublasLtContext {};

namespace {

FakeCublasLt state;

cublasStatus_t refuse(cublasStatus_t status, const std::string& why) {
    state.refusals.push_back(why);
    return status;
}
cublasStatus_t invalid(const std::string& why) { return refuse(CUBLAS_STATUS_INVALID_VALUE, why); }

/// Counts a call, which may be one that is to fail.
cublasStatus_t called(const char* function) {
    const int call = ++state.calls[function];
    const bool fails = state.failure.function == function && state.failure.call == call;
    return fails ? static_cast<cublasStatus_t>(state.failure.status) : CUBLAS_STATUS_SUCCESS;
}

/// What callers hold pointers to, with what it says. One that was destroyed keeps its memory, so that a pointer to it never
/// becomes one to another.
template <class Opaque, class Fields>
class Objects {
  public:
    explicit Objects(const char* kind) : kind_(kind) {}

    cublasStatus_t create(Opaque** out, const Fields& fields) {
        if (!out) return invalid("nowhere to write " + kind_);
        auto one = std::make_unique<One>(One{{}, fields, true});
        *out = &one->opaque;
        made_.emplace(*out, std::move(one));
        ++state.alive[kind_];
        return CUBLAS_STATUS_SUCCESS;
    }
    Fields* find(const Opaque* object) const {
        const auto found = made_.find(object);
        return found != made_.end() && found->second->alive ? &found->second->fields : nullptr;
    }
    cublasStatus_t destroy(const Opaque* object) {
        if (!object) return CUBLAS_STATUS_SUCCESS;
        if (!find(object)) return invalid("destroying what is no " + kind_ + ", or none any more");
        made_.at(object)->alive = false;
        --state.alive[kind_];
        return CUBLAS_STATUS_SUCCESS;
    }

  private:
    struct One {
        Opaque opaque;
        Fields fields;
        bool alive;
    };
    std::string kind_;
    std::map<const Opaque*, std::unique_ptr<One>> made_;
};

struct Product {
    cublasComputeType_t compute;
    cudaDataType scale;
    int32_t transposed[2] = {CUBLAS_OP_N, CUBLAS_OP_N};
    bool operator==(const Product&) const = default;
};
struct Layout {
    cudaDataType type;
    uint64_t rows, columns;
    int64_t ld;
    bool operator==(const Layout&) const = default;
};
struct Preference {
    uint64_t workspace_bytes = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};
};
/// Of a product, which cannot be made of others.
struct Shape {
    Product product;
    Layout a, b, c, d;
    bool operator==(const Shape&) const = default;
};
/// What an algorithm was chosen for.
struct Choice {
    Shape shape;
    Preference preference;
    size_t algorithm;
};

struct Nothing {};
Objects<cublasLtContext, Nothing> handles("handle");
Objects<cublasLtMatmulDescOpaque_t, Product> products("product");
Objects<cublasLtMatrixLayoutOpaque_t, Layout> layouts("layout");
Objects<cublasLtMatmulPreferenceOpaque_t, Preference> preferences("preference");
std::vector<Choice> choices;  ///< the first word of an algorithm is a place among these, plus kMark
constexpr uint64_t kMark = 0x6c74'0000'0000;

/// The value that a caller gives of an attribute.
cublasStatus_t read(const void* from, size_t bytes, void* to, size_t wanted) {
    if (!from) return invalid("an attribute without a value");
    if (bytes != wanted)
        return invalid("an attribute of " + std::to_string(bytes) + " bytes that has " +
                       std::to_string(wanted));
    std::memcpy(to, from, wanted);
    return CUBLAS_STATUS_SUCCESS;
}

struct Size {
    uint64_t rows, columns;
};
Size size_of(const Layout& layout, int32_t transposed) {
    if (transposed == CUBLAS_OP_N) return {layout.rows, layout.columns};
    return {layout.columns, layout.rows};
}

/// Types that there are kernels for, of those that the manual lists for CUBLAS_COMPUTE_32F: what we use.
bool has_kernels(const Shape& s) {
    const bool inputs = s.a.type == s.b.type && (s.a.type == CUDA_R_16F || s.a.type == CUDA_R_16BF);
    return inputs && s.c.type == CUDA_R_32F && s.d.type == CUDA_R_32F &&
           s.product.compute == CUBLAS_COMPUTE_32F && s.product.scale == CUDA_R_32F;
}

/// What is wrong with a shape; "": nothing.
std::string wrong_with(const Shape& s) {
    for (const Layout* layout : {&s.a, &s.b, &s.c, &s.d}) {
        if (layout->rows == 0 || layout->columns == 0) return "a matrix without elements";
        if (layout->ld < 0 || static_cast<uint64_t>(layout->ld) < layout->rows)
            return "columns that lie in one another";
    }
    for (const int32_t transposed : s.product.transposed)
        if (transposed != CUBLAS_OP_N && transposed != CUBLAS_OP_T) return "an operation that is none";
    const Size a = size_of(s.a, s.product.transposed[0]), b = size_of(s.b, s.product.transposed[1]);
    if (a.columns != b.rows) return "matrices that do not meet";
    for (const Layout* out : {&s.c, &s.d})
        if (out->rows != a.rows || out->columns != b.columns) return "a result of another size";
    return "";
}

/// The shape that descriptors say, or null where one of them is none.
std::unique_ptr<Shape> shape_of(cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                                cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                cublasLtMatrixLayout_t d) {
    const Product* const how = products.find(product);
    const Layout* const matrices[] = {layouts.find(a), layouts.find(b), layouts.find(c), layouts.find(d)};
    if (!how || std::count(std::begin(matrices), std::end(matrices), nullptr) > 0) return nullptr;
    return std::make_unique<Shape>(Shape{*how, *matrices[0], *matrices[1], *matrices[2], *matrices[3]});
}

/// What heuristics and products refuse alike.
cublasStatus_t check(cublasLtHandle_t handle, const Shape* shape) {
    if (!handles.find(handle)) return refuse(CUBLAS_STATUS_NOT_INITIALIZED, "a handle that is none");
    if (!shape) return invalid("a descriptor that is none");
    if (const std::string wrong = wrong_with(*shape); !wrong.empty()) return invalid(wrong);
    if (!has_kernels(*shape)) return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "types without kernels");
    return CUBLAS_STATUS_SUCCESS;
}

/// Whether heuristics have it for a shape: leading dimensions and addresses that may come are as it needs them.
bool fits(const FakeAlgorithm& algorithm, const Shape& s, const Preference& preference) {
    const Layout* const matrices[] = {&s.a, &s.b, &s.c, &s.d};
    for (int i = 0; i < 4; ++i) {
        const uint64_t bytes = matrices[i]->type == CUDA_R_32F ? sizeof(float) : sizeof(uint16_t);
        const uint64_t ld_bytes = static_cast<uint64_t>(matrices[i]->ld) * bytes;
        if (ld_bytes % algorithm.alignment != 0 || preference.alignment[i] % algorithm.alignment != 0)
            return false;
    }
    return algorithm.workspace_bytes <= preference.workspace_bytes;
}

cublasLtMatmulHeuristicResult_t result_of(const Shape& shape, const Preference& preference, size_t place) {
    cublasLtMatmulHeuristicResult_t result{};
    result.state = static_cast<cublasStatus_t>(state.algorithms[place].state);
    if (result.state != CUBLAS_STATUS_SUCCESS) {  // the rest says nothing
        std::memset(&result.algo, 0xff, sizeof result.algo);
        return result;
    }
    result.workspaceSize = state.algorithms[place].workspace_bytes;
    result.algo.data[0] = kMark + choices.size();
    choices.push_back({shape, preference, place});
    return result;
}

const Choice* choice_of(const cublasLtMatmulAlgo_t* algorithm) {
    const uint64_t place = algorithm ? algorithm->data[0] - kMark : choices.size();
    return place < choices.size() ? &choices[place] : nullptr;
}

bool aligned(const void* address, uint64_t bytes) {
    return reinterpret_cast<uintptr_t>(address) % bytes == 0;
}

/// Addresses that are as they were said to be, and as much workspace as was asked for.
cublasStatus_t check_memory(const Choice& choice, const void* const (&matrices)[4], const void* workspace,
                            size_t workspace_bytes) {
    for (int i = 0; i < 4; ++i)
        if (!aligned(matrices[i], choice.preference.alignment[i]))
            return invalid("a matrix at an address that is not as was said");
    if (workspace_bytes < state.algorithms[choice.algorithm].workspace_bytes ||
        (workspace_bytes && !workspace))
        return invalid("less workspace than the algorithm needs");
    if (!aligned(workspace, 256)) return invalid("workspace at an address that is no multiple of 256");
    return CUBLAS_STATUS_SUCCESS;
}

double number_at(const void* data, const Layout& layout, uint64_t row, uint64_t column) {
    const uint64_t place = column * static_cast<uint64_t>(layout.ld) + row;
    if (layout.type == CUDA_R_32F) return static_cast<const float*>(data)[place];
    const uint16_t bits = static_cast<const uint16_t*>(data)[place];
    return layout.type == CUDA_R_16BF ? pitwall::engine::bfloat16_to_float(bits)
                                      : pitwall::engine::half_to_float(bits);
}

/// D = alpha op(A) op(B) + beta C. Where beta is zero, C is not read.
void multiply(const Shape& s, float alpha, float beta, const void* const (&matrices)[4], float* out) {
    const auto [ta, tb] = s.product.transposed;
    const uint64_t depth = size_of(s.a, ta).columns;
    for (uint64_t column = 0; column < s.d.columns; ++column)
        for (uint64_t row = 0; row < s.d.rows; ++row) {
            double sum = 0;
            for (uint64_t k = 0; k < depth; ++k) {
                const double a =
                    ta ? number_at(matrices[0], s.a, k, row) : number_at(matrices[0], s.a, row, k);
                const double b =
                    tb ? number_at(matrices[1], s.b, column, k) : number_at(matrices[1], s.b, k, column);
                sum += a * b;
            }
            const double before = beta == 0 ? 0 : double{beta} * number_at(matrices[2], s.c, row, column);
            out[column * static_cast<uint64_t>(s.d.ld) + row] =
                static_cast<float>(double{alpha} * sum + before);
        }
}

}  // namespace

extern "C" {

FakeCublasLt* fake_cublaslt() { return &state; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    return handles.create(handle, {});
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    (void)called(__func__);
    if (!handle) return invalid("destroying no handle");
    return handles.destroy(handle);
}
size_t cublasLtGetVersion() { return state.version; }

#ifndef FAKE_CUBLASLT_LACKS_TEXTS  // as those before 11.4 do
const char* cublasLtGetStatusString(cublasStatus_t status) {
    switch (status) {
        case CUBLAS_STATUS_SUCCESS:
            return "success";
        case CUBLAS_STATUS_NOT_INITIALIZED:
            return "the library was not initialized";
        case CUBLAS_STATUS_ALLOC_FAILED:
            return "the resource allocation failed";
        case CUBLAS_STATUS_INVALID_VALUE:
            return "an unsupported value or parameter was passed to the function";
        case CUBLAS_STATUS_EXECUTION_FAILED:
            return "the function failed to launch on the GPU";
        case CUBLAS_STATUS_INTERNAL_ERROR:
            return "an internal operation failed";
        case CUBLAS_STATUS_NOT_SUPPORTED:
            return "the requested functionality is not supported";
        default:
            return "unrecognized status";
    }
}
#endif

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* product, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    return products.create(product, {compute, scale});
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
    (void)called(__func__);
    return products.destroy(product);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product,
                                              cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              size_t bytes) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    Product* const own = products.find(product);
    if (!own) return invalid("an attribute of a product that is none");
    if (attribute != CUBLASLT_MATMUL_DESC_TRANSA && attribute != CUBLASLT_MATMUL_DESC_TRANSB)
        return invalid("an attribute of products that is not known here");
    int32_t& transposed = own->transposed[attribute == CUBLASLT_MATMUL_DESC_TRANSB];
    return read(value, bytes, &transposed, sizeof transposed);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t ld) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    return layouts.create(layout, {type, rows, columns, ld});
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    (void)called(__func__);
    return layouts.destroy(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    return preferences.create(preference, {});
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    (void)called(__func__);
    return preferences.destroy(preference);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t bytes) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    Preference* const own = preferences.find(preference);
    if (!own) return invalid("an attribute of a preference that is none");
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return read(value, bytes, &own->workspace_bytes, sizeof own->workspace_bytes);
    const int matrix = attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (matrix < 0 || matrix > 3) return invalid("an attribute of preferences that is not known here");
    uint32_t alignment = 0;
    const auto status = read(value, bytes, &alignment, sizeof alignment);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    if (alignment == 0) return invalid("an alignment of no bytes");
    own->alignment[matrix] = alignment;
    return status;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t product,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int* count) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    const auto shape = shape_of(product, a, b, c, d);
    if (const auto status = check(handle, shape.get()); status != CUBLAS_STATUS_SUCCESS) return status;
    const Preference* const wanted = preferences.find(preference);
    if (!wanted) return invalid("a preference that is none");
    if (most <= 0 || !results || !count) return invalid("no room for results");
    *count = 0;
    for (size_t place = 0; place < state.algorithms.size() && *count < most; ++place)
        if (fits(state.algorithms[place], *shape, *wanted))
            results[(*count)++] = result_of(*shape, *wanted, place);
    return *count > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t product, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
    if (const auto status = called(__func__); status != CUBLAS_STATUS_SUCCESS) return status;
    const auto shape = shape_of(product, a_layout, b_layout, c_layout, d_layout);
    if (const auto status = check(handle, shape.get()); status != CUBLAS_STATUS_SUCCESS) return status;
    if (!alpha || !beta || !a || !b || !c || !d) return invalid("no address of a matrix or a factor");
    if (c == d && shape->c != shape->d) return invalid("a result in place that lies otherwise");
    const Choice* const choice = choice_of(algorithm);
    if (!choice) return invalid("an algorithm that was not chosen here");
    if (choice->shape != *shape) return invalid("an algorithm that was chosen for another shape");
    const void* const matrices[] = {a, b, c, d};
    if (const auto status = check_memory(*choice, matrices, workspace, workspace_bytes);
        status != CUBLAS_STATUS_SUCCESS)
        return status;
    const float factor = *static_cast<const float*>(beta);
    multiply(*shape, *static_cast<const float*>(alpha), factor, matrices, static_cast<float*>(d));
    state.products.push_back({choice->algorithm, stream, factor});
    return CUBLAS_STATUS_SUCCESS;
}
}
