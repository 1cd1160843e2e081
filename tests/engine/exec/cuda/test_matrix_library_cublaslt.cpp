// SPDX-License-Identifier: GPL-3.0-or-later
//
// matrix_library_cuda.cpp over a cuBLASLt that multiplies on the host, and is strict.
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "engine/exec/cuda/runtime/matrix_library.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cuda/cublaslt_fixture.h"
#include "tests/storm.h"

namespace pitwall::cuda {

void release_stream(void*) {}  // the runtime's, which is not linked here

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kFailedToLaunch = 13, kInternalError = 14, kNotSupported = 15;  // of cublasStatus_t
constexpr float kGap = -77;  ///< what lies between rows of results

uint16_t to_bits(float value, bool bfloats) {
    return bfloats ? engine::float_to_bfloat16(value) : engine::float_to_half(value);
}
double to_number(uint16_t bits, bool bfloats) {
    return bfloats ? engine::bfloat16_to_float(bits) : engine::half_to_float(bits);
}

/// Memory at multiples of 256, as the device's is.
template <class T>
class Aligned {
  public:
    explicit Aligned(size_t count)
        : data_(static_cast<T*>(std::aligned_alloc(256, (count * sizeof(T) + 255) / 256 * 256))) {}
    ~Aligned() { std::free(data_); }
    Aligned(const Aligned&) = delete;
    Aligned& operator=(const Aligned&) = delete;
    T* data() const { return data_; }
    T& operator[](size_t i) const { return data_[i]; }

  private:
    T* data_;
};

/// Operands of a product with NaN between their rows, and room for its results.
struct Operands {
    Operands(const LibraryProduct& shape, std::mt19937& random)
        : product(shape),
          weights(size_t{shape.rows} * shape.ld_weights),
          x(size_t{shape.tokens} * shape.ld_x),
          out(size_t{shape.tokens} * shape.ld_out) {
        fill(weights, shape.rows, shape.ld_weights, random);
        fill(x, shape.tokens, shape.ld_x, random);
        for (uint32_t token = 0; token < shape.tokens; ++token)
            for (uint32_t row = 0; row < shape.ld_out; ++row)
                out[size_t{token} * shape.ld_out + row] = row < shape.rows ? before(token, row) : kGap;
        product.weights = weights.data();
        product.x = x.data();
        product.out = out.data();
    }
    void fill(const Aligned<uint16_t>& matrix, uint32_t rows, uint32_t ld, std::mt19937& random) const {
        std::normal_distribution<float> draw;
        for (uint32_t row = 0; row < rows; ++row)
            for (uint32_t column = 0; column < ld; ++column)
                matrix[size_t{row} * ld + column] =
                    to_bits(column < product.columns ? draw(random) : std::numeric_limits<float>::quiet_NaN(),
                            product.bfloats);
    }
    /// What a result is before: nothing, unless it is added to.
    float before(uint32_t token, uint32_t row) const {
        return product.add ? static_cast<float>(token) - 0.5f * static_cast<float>(row)
                           : std::numeric_limits<float>::quiet_NaN();
    }
    void expect_results() const {
        for (uint32_t token = 0; token < product.tokens; ++token)
            for (uint32_t row = 0; row < product.ld_out; ++row) {
                const float got = out[size_t{token} * product.ld_out + row];
                if (row >= product.rows) {
                    ASSERT_EQ(got, kGap) << "written between rows";
                    continue;
                }
                double sum = 0, size = 1;
                for (uint32_t k = 0; k < product.columns; ++k) {
                    const double one =
                        to_number(weights[size_t{row} * product.ld_weights + k], product.bfloats) *
                        to_number(x[size_t{token} * product.ld_x + k], product.bfloats);
                    sum += one, size += std::fabs(one);
                }
                if (product.add) sum += before(token, row);
                ASSERT_NEAR(got, sum, 1e-6 * size) << "token " << token << ", row " << row;
            }
    }

    LibraryProduct product;
    Aligned<uint16_t> weights, x;
    Aligned<float> out;
};

class CudaMatrixLibrary : public CublasLtTest {
  protected:
    void SetUp() override {
        CublasLtTest::SetUp();
        stream_.handle = &stream_;
    }
    static MatrixLibrary opened() {
        auto library = MatrixLibrary::open();
        EXPECT_TRUE(library.ok()) << library.error().text();
        return std::move(library).value();
    }
    static std::string why_none() {
        const auto library = MatrixLibrary::open();
        return library.ok() ? "" : library.error().text();
    }
    LibraryProduct shape(uint32_t rows, uint32_t tokens, uint32_t columns) const {
        LibraryProduct p{};
        p.rows = p.ld_out = rows;
        p.tokens = tokens;
        p.columns = p.ld_weights = p.ld_x = columns;
        p.workspace = workspace_.data();
        return p;
    }
    Status multiply(MatrixLibrary& library, const LibraryProduct& p) {
        const Operands operands(p, random_);
        return library.multiply(stream_, operands.product);
    }
    void expect_right(MatrixLibrary& library, const LibraryProduct& p) {
        const Operands operands(p, random_);
        const Status status = library.multiply(stream_, operands.product);
        ASSERT_TRUE(status.ok()) << status.error().text();
        operands.expect_results();
    }
    void expect_failure(const Status& status, const std::string& what) const {
        ASSERT_FALSE(status.ok()) << what;
        EXPECT_EQ(status.error().text(), what + ": set batch_invariant=true, which goes without it");
    }

    Aligned<std::byte> workspace_{MatrixLibrary::kWorkspaceBytes};
    Stream stream_;
    std::mt19937 random_{1};
};

/// Sizes and distances that fill nothing, of both types, added and not.
TEST_F(CudaMatrixLibrary, AgreesWithFloat64) {
    MatrixLibrary library = opened();
    for (const uint32_t seed : StormSeeds(40)) {
        random_.seed(seed);
        const auto draw = [&](uint32_t most) { return 1 + static_cast<uint32_t>(random_() % most); };
        for (const bool bfloats : {false, true})
            for (const bool add : {false, true}) {
                LibraryProduct p = shape(draw(40), draw(40), draw(80));
                p.bfloats = bfloats;
                p.add = add;
                p.ld_weights += draw(9) - 1;
                p.ld_x += draw(9) - 1;
                p.ld_out += draw(9) - 1;
                ASSERT_NO_FATAL_FAILURE(expect_right(library, p)) << "seed " << seed;
            }
    }
}

/// One that is not square, so that nothing can be the wrong way round, and what is handed on beside the matrices.
TEST_F(CudaMatrixLibrary, IsAskedOnTheStream) {
    MatrixLibrary library = opened();
    LibraryProduct p = shape(32, 8, 64);
    expect_right(library, p);
    p.add = true;
    expect_right(library, p);
    EXPECT_THAT(fake_->products, ElementsAre(FakeProduct{0, &stream_, 0}, FakeProduct{0, &stream_, 1}));
    EXPECT_EQ(library.name(), "cuBLASLt 13.1.0");
}

TEST_F(CudaMatrixLibrary, ChoosesOnceForAShape) {
    MatrixLibrary library = opened();
    const LibraryProduct first = shape(8, 4, 16);
    std::vector<LibraryProduct> others(7, first);
    others[0].bfloats = true;
    others[1].rows = 7;
    others[2].tokens = 3;
    others[3].columns = 15;
    others[4].ld_weights += 8;
    others[5].ld_x += 8;
    others[6].ld_out += 4;
    int chosen = 0;
    for (const LibraryProduct& p :
         {first, others[0], others[1], others[2], others[3], others[4], others[5], others[6]}) {
        expect_right(library, p);
        EXPECT_EQ(fake_->calls["cublasLtMatmulAlgoGetHeuristic"], ++chosen);
    }
    LibraryProduct added = first;
    added.add = true;
    for (const LibraryProduct& p : {first, added, others[3]}) expect_right(library, p);
    EXPECT_EQ(fake_->calls["cublasLtMatmulAlgoGetHeuristic"], chosen);
    EXPECT_EQ(fake_->alive["product"], chosen);
    EXPECT_EQ(fake_->alive["layout"], 3 * chosen);
    EXPECT_EQ(fake_->alive["preference"], 0);
}

TEST_F(CudaMatrixLibrary, ForgetsWhenItKnowsTooMany) {
    MatrixLibrary library = opened();
    constexpr int kMost = MatrixLibrary::kMostPlans;
    for (int tokens = 1; tokens <= kMost; ++tokens)
        ASSERT_TRUE(multiply(library, shape(1, static_cast<uint32_t>(tokens), 8)).ok());
    EXPECT_EQ(fake_->alive["product"], kMost);
    expect_right(library, shape(1, 1, 8));
    EXPECT_EQ(fake_->calls["cublasLtMatmulAlgoGetHeuristic"], kMost) << "all are known";
    expect_right(library, shape(1, kMost + 1, 8));
    EXPECT_EQ(fake_->alive["product"], 1);
    EXPECT_EQ(fake_->alive["layout"], 3);
    expect_right(library, shape(1, 1, 8));
    EXPECT_EQ(fake_->calls["cublasLtMatmulAlgoGetHeuristic"], kMost + 2) << "it was forgotten";
}

TEST_F(CudaMatrixLibrary, TakesTheFirstAlgorithmThatWorks) {
    MatrixLibrary library = opened();
    constexpr uint64_t kMost = MatrixLibrary::kWorkspaceBytes;
    fake_->algorithms = {{kNotSupported}, {0, kMost + 1}, {0, 0, 32}, {0, kMost, 16}, {}};
    expect_right(library, shape(8, 8, 16));
    ASSERT_EQ(fake_->products.size(), 1u);
    EXPECT_EQ(fake_->products[0].algorithm, 3u) << "the first that works with what it is given";
    const std::string none =
        "choosing a kernel for a product of 8 x 16 with 9 tokens: cuBLASLt says: the requested functionality "
        "is not supported";
    for (const std::vector<FakeAlgorithm>& algorithms :
         {std::vector<FakeAlgorithm>{{kNotSupported}, {kInternalError}}, std::vector<FakeAlgorithm>()}) {
        fake_->algorithms = algorithms;
        expect_failure(multiply(library, shape(8, 9, 16)), none);
    }
    EXPECT_EQ(fake_->alive["product"], 1) << "that of the product that went well";
}

/// What a failure of each function is told as.
std::map<std::string, std::string> words_of_failures() {
    return {
        {"cublasLtMatmulDescCreate", "describing"},
        {"cublasLtMatmulDescSetAttribute", "describing"},
        {"cublasLtMatrixLayoutCreate", "describing"},
        {"cublasLtMatmulPreferenceCreate", "choosing a kernel for"},
        {"cublasLtMatmulPreferenceSetAttribute", "choosing a kernel for"},
        {"cublasLtMatmulAlgoGetHeuristic", "choosing a kernel for"},
        {"cublasLtMatmul", "carrying out"},
    };
}

/// Each call of each function, one after the other: told in a line, and gone without a trace.
TEST_F(CudaMatrixLibrary, TellsEachFailureAndGoesOn) {
    const auto doing = words_of_failures();
    const LibraryProduct p = shape(8, 3, 16);
    {
        MatrixLibrary library = opened();
        expect_right(library, p);
    }
    int failures = 0;
    for (const auto& [function, count] : std::exchange(fake_->calls, {})) {
        if (!doing.contains(function)) continue;
        for (int call = 1; call <= count; ++call, ++failures) {
            SCOPED_TRACE(function + ", call " + std::to_string(call));
            MatrixLibrary library = opened();
            fake_->calls = {};
            fake_->failure = {function, call, kInternalError};
            expect_failure(multiply(library, p), doing.at(function) +
                                                     " a product of 8 x 16 with 3 tokens: cuBLASLt says: an "
                                                     "internal operation failed");
            const bool planned = function == "cublasLtMatmul";
            EXPECT_EQ(fake_->total_alive(), planned ? 5 : 1) << "the handle, and what is known of the shape";
            fake_->failure = {};
            expect_right(library, p);
        }
        EXPECT_EQ(fake_->total_alive(), 0);
    }
    EXPECT_EQ(failures, 13) << "that every call was made to fail";
}

/// A product that is known, and fails later.
TEST_F(CudaMatrixLibrary, AFailedProductCostsNoOther) {
    MatrixLibrary library = opened();
    expect_right(library, shape(8, 3, 16));
    fake_->failure = {"cublasLtMatmul", 2, kFailedToLaunch};
    expect_failure(
        multiply(library, shape(8, 3, 16)),
        "carrying out a product of 8 x 16 with 3 tokens: cuBLASLt says: the function failed to launch "
        "on the GPU");
    expect_right(library, shape(8, 3, 16));
    EXPECT_EQ(fake_->calls["cublasLtMatmulAlgoGetHeuristic"], 1);
}

/// The promise of multiples of 16 is passed on, for kernels are chosen by it.
TEST_F(CudaMatrixLibrary, AddressesAreAsWasPromised) {
    MatrixLibrary library = opened();
    const Operands operands(shape(8, 3, 24), random_);
    LibraryProduct p = operands.product;
    p.columns = 16;
    p.x += 8;
    EXPECT_TRUE(library.multiply(stream_, p).ok());
    p.x -= 4;
    EXPECT_FALSE(library.multiply(stream_, p).ok());
    EXPECT_THAT(refusals(), ElementsAre("a matrix at an address that is not as was said"));
    p.x = operands.product.x;
    p.workspace += 128;
    EXPECT_FALSE(library.multiply(stream_, p).ok());
    EXPECT_THAT(refusals(), ElementsAre("workspace at an address that is no multiple of 256"));
}

TEST_F(CudaMatrixLibrary, GoesToWhoItIsMovedTo) {
    MatrixLibrary first = opened(), second = opened();
    expect_right(first, shape(8, 3, 16));
    EXPECT_EQ(fake_->alive["handle"], 2);
    second = std::move(first);
    MatrixLibrary third = std::move(second);
    expect_right(third, shape(8, 3, 16));
    EXPECT_EQ(fake_->calls["cublasLtMatmulAlgoGetHeuristic"], 1);
}

TEST_F(CudaMatrixLibrary, SaysWhyThereIsNone) {
    const std::string hint = ": install cuBLAS 12 or later, or name its file in PITWALL_CUBLASLT";
    const std::string fake = PITWALL_FAKE_CUBLASLT;
    fake_->version = 11402;
    EXPECT_EQ(why_none(), fake + " is older than cuBLASLt 12: its version is 11402" + hint);
    EXPECT_EQ(fake_->calls["cublasLtCreate"], 0) << "its functions may take other arguments";
    *fake_ = {};
    fake_->version = 120000;
    EXPECT_EQ(why_none(), "");
    fake_->failure = {"cublasLtCreate", 2, 1};
    EXPECT_EQ(
        why_none(),
        fake + " cannot be used on this machine: cuBLASLt says: the library was not initialized" + hint);
    ::setenv("PITWALL_CUBLASLT", PITWALL_FAKE_OLD_CUBLASLT, 1);
    EXPECT_EQ(why_none(), PITWALL_FAKE_OLD_CUBLASLT
                              " is no cuBLASLt of version 12 or later: it lacks cublasLtGetStatusString" +
                              hint);
    ::setenv("PITWALL_CUBLASLT", "libm.so.6", 1);
    EXPECT_EQ(why_none(), "libm.so.6 is no cuBLASLt of version 12 or later: it lacks cublasLtCreate" + hint);
    ::setenv("PITWALL_CUBLASLT", "/nonexistent/libcublasLt.so.13", 1);
    EXPECT_THAT(why_none(),
                AllOf(StartsWith("/nonexistent/libcublasLt.so.13: "), HasSubstr(hint), Not(HasSubstr("\n"))));
    ::setenv("PITWALL_CUBLASLT", "off", 1);
    EXPECT_EQ(why_none(), "turned off by PITWALL_CUBLASLT=off in the environment");
}

}  // namespace
}  // namespace pitwall::cuda
