// SPDX-License-Identifier: GPL-3.0-or-later
//
// The fake library itself: what the real one refuses it refuses too, or a test over it would show nothing.
#include <cublasLt.h>

#include <array>
#include <limits>
#include <type_traits>

#include "tests/engine/exec/cuda/cublaslt_fixture.h"

namespace pitwall::cuda {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A product of 2 x 3 with 3 x 2 that works, of which each test spoils something.
class CudaFakeCublasLt : public CublasLtTest {
  protected:
    void SetUp() override {
        CublasLtTest::SetUp();
        const int32_t transposed = CUBLAS_OP_T;
        handle_ = created<cublasLtHandle_t>("cublasLtCreate");
        product_ = created<cublasLtMatmulDesc_t>("cublasLtMatmulDescCreate", CUBLAS_COMPUTE_32F, CUDA_R_32F);
        EXPECT_EQ(set_product(product_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, 4), CUBLAS_STATUS_SUCCESS);
        a_ = layout(CUDA_R_16F, 3, 2, 4);
        b_ = layout(CUDA_R_16F, 3, 2, 3);
        c_ = layout(CUDA_R_32F, 2, 2, 2);
        preference_ = created<cublasLtMatmulPreference_t>("cublasLtMatmulPreferenceCreate");
        const uint64_t most = kWorkspace;
        EXPECT_EQ(set_preference(preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, 8),
                  CUBLAS_STATUS_SUCCESS);
        fake_->algorithms = {{0, kWorkspace, 2}};
        EXPECT_EQ(choose(), CUBLAS_STATUS_SUCCESS);
        EXPECT_EQ(found_, 1);
        algorithm_ = results_[0].algo;
    }
    void TearDown() override {
        if (fake_ == nullptr) return CublasLtTest::TearDown();
        for (const auto layout : made_layouts_) (void)destroy("cublasLtMatrixLayoutDestroy", layout);
        (void)destroy("cublasLtMatmulDescDestroy", product_);
        (void)destroy("cublasLtMatmulPreferenceDestroy", preference_);
        (void)destroy("cublasLtDestroy", handle_);
        CublasLtTest::TearDown();
    }

    template <class Object, class... Words>
    Object created(const char* name, Words... words) {
        Object object{};
        EXPECT_EQ((function<cublasStatus_t (*)(Object*, Words...)>(name)(&object, words...)),
                  CUBLAS_STATUS_SUCCESS);
        return object;
    }
    cublasLtMatrixLayout_t layout(cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld) {
        made_layouts_.push_back(
            created<cublasLtMatrixLayout_t>("cublasLtMatrixLayoutCreate", type, rows, columns, ld));
        return made_layouts_.back();
    }
    template <class Object>
    cublasStatus_t destroy(const char* name, Object object) {
        return function<cublasStatus_t (*)(Object)>(name)(object);
    }
    cublasStatus_t set_product(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute,
                               const void* value, size_t bytes) {
        return function<decltype(&cublasLtMatmulDescSetAttribute)>("cublasLtMatmulDescSetAttribute")(
            product, attribute, value, bytes);
    }
    cublasStatus_t set_preference(cublasLtMatmulPreference_t preference,
                                  cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                  size_t bytes) {
        return function<decltype(&cublasLtMatmulPreferenceSetAttribute)>(
            "cublasLtMatmulPreferenceSetAttribute")(preference, attribute, value, bytes);
    }
    cublasStatus_t choose() {
        return function<decltype(&cublasLtMatmulAlgoGetHeuristic)>("cublasLtMatmulAlgoGetHeuristic")(
            handle_, product_, a_, b_, c_, c_, preference_, most_, results_.data(), &found_);
    }
    cublasStatus_t multiply() {
        return function<decltype(&cublasLtMatmul)>("cublasLtMatmul")(
            handle_, product_, &alpha_, x_, a_, weights_.data(), b_, &beta_, out_.data(), c_, out_.data(), c_,
            algorithm_used_, workspace_, workspace_bytes_, nullptr);
    }
    /// With one thing as it is not, both, or a product alone, are refused; then all is well again.
    template <class Thing>
    void expect_refused(Thing& thing, std::type_identity_t<Thing> wrong, cublasStatus_t status,
                        const std::string& why, bool by_heuristics = true) {
        SCOPED_TRACE(why);
        const Thing right = std::exchange(thing, wrong);
        EXPECT_EQ(multiply(), status);
        EXPECT_THAT(refusals(), ElementsAre(why));
        if (by_heuristics) {
            EXPECT_EQ(choose(), status);
            EXPECT_THAT(refusals(), ElementsAre(why));
        }
        thing = right;
        EXPECT_EQ(multiply(), CUBLAS_STATUS_SUCCESS);
        EXPECT_THAT(fake_->refusals, IsEmpty());
    }

    static constexpr uint64_t kWorkspace = 512;
    cublasLtHandle_t handle_{};
    cublasLtMatmulDesc_t product_{};
    cublasLtMatrixLayout_t a_{}, b_{}, c_{};
    cublasLtMatmulPreference_t preference_{};
    std::vector<cublasLtMatrixLayout_t> made_layouts_;
    int most_ = 4, found_ = 0;
    std::array<cublasLtMatmulHeuristicResult_t, 4> results_{};
    cublasLtMatmulAlgo_t algorithm_{};
    const cublasLtMatmulAlgo_t* algorithm_used_ = &algorithm_;
    float alpha_ = 2, beta_ = 0.5f;
    alignas(256) std::array<uint16_t, 8> matrix_ = {0x3c00, 0x4000, 0x4200, 0x7e00, 0xbc00, 0x3800};
    alignas(256) std::array<uint16_t, 8> weights_ = {0x3c00, 0x3c00, 0x3c00, 0x4000, 0, 0};
    alignas(256) std::array<float, 4> out_ = {10, 20, 30, 40};
    alignas(256) std::array<std::byte, kWorkspace> room_{};
    const uint16_t* x_ = matrix_.data();
    std::byte* workspace_ = room_.data();
    size_t workspace_bytes_ = kWorkspace;
};

/// By hand: a^T has the rows (1, 2, 3) and (-1, 0.5, 0), with a NaN between them; b the columns (1, 1, 1) and (2, 0, 0).
TEST_F(CudaFakeCublasLt, MultipliesByColumns) {
    EXPECT_EQ(multiply(), CUBLAS_STATUS_SUCCESS);
    EXPECT_THAT(out_, ElementsAre(2 * 6 + 5, 2 * -0.5f + 10, 2 * 2 + 15, 2 * -2 + 20));
    out_.fill(std::numeric_limits<float>::quiet_NaN());
    beta_ = 0;
    EXPECT_EQ(multiply(), CUBLAS_STATUS_SUCCESS);
    EXPECT_THAT(out_, ElementsAre(12, -1, 4, -4)) << "what was there before counts for nothing";
}

TEST_F(CudaFakeCublasLt, RefusesObjectsThatAreNone) {
    const auto old_handle = created<cublasLtHandle_t>("cublasLtCreate");
    EXPECT_EQ(destroy("cublasLtDestroy", old_handle), CUBLAS_STATUS_SUCCESS);
    for (const cublasLtHandle_t none : {cublasLtHandle_t{}, old_handle})
        expect_refused(handle_, none, CUBLAS_STATUS_NOT_INITIALIZED, "a handle that is none");
    const auto old_layout = layout(CUDA_R_16F, 3, 2, 4);
    made_layouts_.pop_back();
    EXPECT_EQ(destroy("cublasLtMatrixLayoutDestroy", old_layout), CUBLAS_STATUS_SUCCESS);
    for (cublasLtMatrixLayout_t* const one : {&a_, &b_, &c_})
        for (const cublasLtMatrixLayout_t none : {cublasLtMatrixLayout_t{}, old_layout})
            expect_refused(*one, none, CUBLAS_STATUS_INVALID_VALUE, "a descriptor that is none");
    expect_refused(product_, nullptr, CUBLAS_STATUS_INVALID_VALUE, "a descriptor that is none");
    EXPECT_EQ(destroy("cublasLtMatrixLayoutDestroy", old_layout), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_THAT(refusals(), ElementsAre("destroying what is no layout, or none any more"));
    EXPECT_EQ(destroy("cublasLtMatrixLayoutDestroy", cublasLtMatrixLayout_t{}), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(destroy("cublasLtDestroy", cublasLtHandle_t{}), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_THAT(refusals(), ElementsAre("destroying no handle"));
}

TEST_F(CudaFakeCublasLt, RefusesShapesThatAreNone) {
    const auto invalid = CUBLAS_STATUS_INVALID_VALUE;
    expect_refused(a_, layout(CUDA_R_16F, 3, 2, 2), invalid, "columns that lie in one another");
    expect_refused(a_, layout(CUDA_R_16F, 3, 2, -4), invalid, "columns that lie in one another");
    expect_refused(b_, layout(CUDA_R_16F, 3, 0, 3), invalid, "a matrix without elements");
    expect_refused(b_, layout(CUDA_R_16F, 4, 2, 4), invalid, "matrices that do not meet");
    expect_refused(b_, layout(CUDA_R_16F, 3, 3, 3), invalid, "a result of another size");
    expect_refused(c_, layout(CUDA_R_32F, 3, 2, 3), invalid, "a result of another size");
    const auto without = CUBLAS_STATUS_NOT_SUPPORTED;
    expect_refused(a_, layout(CUDA_R_16BF, 3, 2, 4), without, "types without kernels");
    expect_refused(c_, layout(CUDA_R_16F, 2, 2, 2), without, "types without kernels");
    const auto halves =
        created<cublasLtMatmulDesc_t>("cublasLtMatmulDescCreate", CUBLAS_COMPUTE_16F, CUDA_R_16F);
    const int32_t transposed = CUBLAS_OP_T;
    EXPECT_EQ(set_product(halves, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, 4), CUBLAS_STATUS_SUCCESS);
    expect_refused(product_, halves, without, "types without kernels");
    EXPECT_EQ(destroy("cublasLtMatmulDescDestroy", halves), CUBLAS_STATUS_SUCCESS);
}

TEST_F(CudaFakeCublasLt, RefusesAttributesOfAnotherSize) {
    const int64_t value = CUBLAS_OP_T;
    const auto transposed = CUBLASLT_MATMUL_DESC_TRANSA;
    EXPECT_EQ(set_product(product_, transposed, &value, 8), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(set_product(product_, transposed, nullptr, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(set_product(nullptr, transposed, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(set_product(product_, CUBLASLT_MATMUL_DESC_FILL_MODE, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_THAT(refusals(), ElementsAre("an attribute of 8 bytes that has 4", "an attribute without a value",
                                        "an attribute of a product that is none",
                                        "an attribute of products that is not known here"));
    const auto most = CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
    const auto alignment = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
    EXPECT_EQ(set_preference(preference_, most, &value, 4), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(set_preference(preference_, alignment, &value, 8), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(set_preference(nullptr, most, &value, 8), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_THAT(refusals(),
                ElementsAre("an attribute of 4 bytes that has 8", "an attribute of 8 bytes that has 4",
                            "an attribute of a preference that is none"));
}

TEST_F(CudaFakeCublasLt, RefusesAlgorithmsOfOtherShapes) {
    const auto invalid = CUBLAS_STATUS_INVALID_VALUE;
    const cublasLtMatmulAlgo_t unknown{};
    const cublasLtMatmulAlgo_t* const nothing = nullptr;
    for (const cublasLtMatmulAlgo_t* none : {nothing, &unknown})
        expect_refused(algorithm_used_, none, invalid, "an algorithm that was not chosen here", false);
    const char* const other = "an algorithm that was chosen for another shape";
    expect_refused(a_, layout(CUDA_R_16F, 3, 2, 3), invalid, other, false);
    expect_refused(c_, layout(CUDA_R_32F, 2, 2, 4), invalid, other, false);
    fake_->algorithms = {{CUBLAS_STATUS_NOT_SUPPORTED}};
    EXPECT_EQ(choose(), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(results_[0].state, CUBLAS_STATUS_NOT_SUPPORTED);
    fake_->algorithms = {{0, kWorkspace, 2}};
    expect_refused(algorithm_used_, &results_[0].algo, invalid, "an algorithm that was not chosen here",
                   false);
}

TEST_F(CudaFakeCublasLt, RefusesMemoryThatIsNotAsWasSaid) {
    const auto invalid = CUBLAS_STATUS_INVALID_VALUE;
    expect_refused(x_, nullptr, invalid, "no address of a matrix or a factor", false);
    expect_refused(x_, matrix_.data() + 1, invalid, "a matrix at an address that is not as was said", false);
    expect_refused(workspace_bytes_, kWorkspace - 1, invalid, "less workspace than the algorithm needs",
                   false);
    expect_refused(workspace_, nullptr, invalid, "less workspace than the algorithm needs", false);
    expect_refused(workspace_, room_.data() + 128, invalid,
                   "workspace at an address that is no multiple of 256", false);
}

/// What a preference does not allow, heuristics do not have.
TEST_F(CudaFakeCublasLt, ChoosesWithinPreferences) {
    fake_->algorithms = {{0, kWorkspace + 1, 2}, {0, 0, 16}, {0, 8, 4}, {0, 4, 2}, {0, 2, 2}};
    EXPECT_EQ(choose(), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(found_, 2) << "the leading dimension of b is 6 bytes";
    EXPECT_EQ(results_[0].workspaceSize, 4u);
    EXPECT_EQ(results_[1].workspaceSize, 2u);
    most_ = 1;
    EXPECT_EQ(choose(), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(found_, 1);
    most_ = 0;
    EXPECT_EQ(choose(), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_THAT(refusals(), ElementsAre("no room for results"));
    most_ = 4;
    const uint32_t odd = 1;
    EXPECT_EQ(set_preference(preference_, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &odd, 4),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(choose(), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(found_, 0);
}

}  // namespace
}  // namespace pitwall::cuda
